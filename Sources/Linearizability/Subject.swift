// What the engines judge: the operations of one key as the model understands them.

import History

/// One operation that must, or may, have a place in the order.
struct Judged<Action: Hashable & Sendable>: Sendable {
  /// Its place among the operations it was made from.
  var place: Int
  var action: Action
  var invocation: Int
  /// Nil when it may take effect at any later time, or never.
  var completion: Int?

  /// Whether it must have a place in the order.
  var isRequired: Bool { completion != nil }
}

/// The operations of one key, with the model that judges them.
struct Subject<M: Model>: Sendable {
  let model: M
  let operations: [Operation]
  /// Those that matter, in the order of `operations`. What says nothing is left out, and so are
  /// pure operations of unknown outcome: a witness with one is a witness without it.
  let judged: [Judged<M.Action>]

  init(model: M, operations: [Operation]) throws(CheckError) {
    self.model = model
    self.operations = operations
    var judged: [Judged<M.Action>] = []
    judged.reserveCapacity(operations.count)
    for place in operations.indices {
      guard let action = try model.action(of: operations[place]) else { continue }
      let isRequired = operations[place].outcome != .info
      if !isRequired && model.isPure(action) { continue }
      judged.append(
        Judged(
          place: place, action: action, invocation: operations[place].invocation,
          completion: isRequired ? operations[place].completion : nil))
    }
    self.judged = judged
  }

  /// Events that matter: an invocation each, and a completion of each that is required.
  var eventCount: Int { judged.reduce(0) { $0 + ($1.isRequired ? 2 : 1) } }

  /// Rough size in bytes.
  var bytes: Int { judged.count * MemoryLayout<Judged<M.Action>>.stride }

  /// The same, by a model with fewer states: for an engine, not for a proof.
  func fitted() throws(CheckError) -> Subject {
    guard let fitted = model.fitted(to: operations) else { return self }
    return try Subject(model: fitted, operations: operations)
  }
}
