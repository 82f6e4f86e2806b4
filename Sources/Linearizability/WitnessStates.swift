// What the object held along a witness, in words: for those who look at it.

import History

extension Check {
  /// The state after each operation of `key`'s witness, as text; none without a witness.
  ///
  /// - Complexity: linear in the operations at once, then one model step an element.
  /// - Throws: `CheckError` when the model does not know an operation.
  public func states(
    of key: KeyResult, in history: History, model: ModelName
  ) throws(CheckError) -> AnySequence<String> {
    try model.visit(
      StateTexts(key: key, history: history), initial: initial ?? history.header.initial,
      capacity: capacity ?? history.header.capacity)
  }
}

private struct StateTexts: ModelVisitor {
  let key: KeyResult
  let history: History

  func visit<M: Model>(_ model: M) throws(CheckError) -> AnySequence<String> {
    guard let witness = key.witness else { return AnySequence([]) }
    var places: [Int: Int32] = [:]
    for place in history.operations.indices where history.operations[place].key == key.key {
      places[history.operations[place].invocation] = Int32(place)
    }
    let history = history
    return AnySequence { () -> AnyIterator<String> in
      var rest = witness.makeIterator()
      var state = model.initial
      return AnyIterator {
        guard let index = rest.next(), let place = places[index] else { return nil }
        // What this throws was thrown while the history was checked.
        guard let action = try? model.action(of: history.operations[Int(place)]),
          let next = model.step(state, action)
        else { return nil }
        state = next
        return "\(state)"
      }
    }
  }
}
