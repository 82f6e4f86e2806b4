// The proof of `valid`: an order of operations, checked by code that knows nothing of the search.

import History

/// Checks linearization orders; shares nothing with the searches but the model.
public enum Witness {
  /// Why `order` proves nothing of `operations`, or nil when it proves them linearizable.
  ///
  /// - Parameters:
  ///   - order: invocation indexes, in the order in which the operations took effect.
  ///   - operations: all operations of one key.
  /// - Complexity: linear (sorting apart), plus one model step an operation.
  /// - Throws: `CheckError` as the model does.
  public static func flaw<M: Model>(
    in order: [Int], of operations: [Operation], model: M
  ) throws(CheckError) -> String? {
    var unplaced: [Int: Int] = [:]  // invocation to place
    for (place, operation) in operations.enumerated() { unplaced[operation.invocation] = place }
    guard unplaced.count == operations.count else { return "two operations share an index" }
    var state = model.initial
    var latestInvocation = Int.min
    for index in order {
      guard let place = unplaced.removeValue(forKey: index) else {
        return "operation \(index) is placed twice or not in the history"
      }
      let operation = operations[place]
      // Whoever returned before an operation already placed was invoked stands too late.
      if operation.outcome != .info, let completion = operation.completion,
        completion < latestInvocation
      {
        return "operation \(index) completed before one placed ahead of it was invoked"
      }
      latestInvocation = max(latestInvocation, operation.invocation)
      guard let action = try model.action(of: operation) else {
        return "operation \(index) has no effect that could be placed"
      }
      guard let next = model.step(state, action) else {
        return "the model rejects operation \(index) in state \(state)"
      }
      state = next
    }
    for (index, place) in unplaced where operations[place].outcome != .info {
      if try model.action(of: operations[place]) != nil {
        return "operation \(index) is not placed"
      }
    }
    return nil
  }
}
