// The proof of `valid`: an order of operations, checked by code that knows nothing of the search.

import History

/// Checks linearization orders; shares nothing with the searches but the model.
public enum Witness {
  /// Why an order proves nothing of `operations`, or nil when it proves them linearizable.
  ///
  /// - Parameters:
  ///   - invocations: invocation indexes, in the order in which the operations took effect.
  ///   - operations: all operations of one key.
  /// - Complexity: linear (sorting apart), plus one model step an operation.
  /// - Throws: `CheckError` as the model does.
  public static func flaw<M: Model>(
    in invocations: [Int], of operations: [Operation], model: M
  ) throws(CheckError) -> String? {
    var places: [Int: Int] = [:]  // invocation to place
    places.reserveCapacity(operations.count)
    for (place, operation) in operations.enumerated() { places[operation.invocation] = place }
    guard places.count == operations.count else { return "two operations share an index" }
    var order: [Int] = []
    order.reserveCapacity(places.count)
    for index in invocations {
      guard let place = places[index] else { return "operation \(index) is not in the history" }
      order.append(place)
    }
    return try flaw(inPlaces: order, of: operations, model: model)
  }

  /// Why `order`, places in `operations`, proves nothing of them, or nil when it does.
  ///
  /// - Complexity: linear, plus one model step an operation.
  /// - Throws: `CheckError` as the model does.
  static func flaw<M: Model>(
    inPlaces order: [Int], of operations: [Operation], model: M
  ) throws(CheckError) -> String? {
    var isPlaced = [Bool](repeating: false, count: operations.count)
    var state = model.initial
    var latestInvocation = Int.min
    for place in order {
      guard operations.indices.contains(place), !isPlaced[place] else {
        return "an operation is placed twice or not in the history (place \(place))"
      }
      isPlaced[place] = true
      let index = operations[place].invocation
      // Whoever returned before an operation already placed was invoked stands too late.
      if operations[place].outcome != .info, let completion = operations[place].completion,
        completion < latestInvocation
      {
        return "operation \(index) completed before one placed ahead of it was invoked"
      }
      latestInvocation = max(latestInvocation, index)
      guard let action = try model.action(of: operations[place]) else {
        return "operation \(index) has no effect that could be placed"
      }
      guard let next = model.step(state, action) else {
        return "the model rejects operation \(index) in state \(state)"
      }
      state = next
    }
    for place in operations.indices where !isPlaced[place] && operations[place].outcome != .info {
      if try model.action(of: operations[place]) != nil {
        return "operation \(operations[place].invocation) is not placed"
      }
    }
    return nil
  }
}
