// A priority queue: what is smallest comes out first.
// Here: the sequential object. Not here: its exact check (Monitors/PriorityQueueMonitor.swift).

import History

/// `insert` v and `delete-min` → v, or null for observed empty; the smallest number comes out
/// first.
///
/// Only whole numbers can be put in, for only they have an order that nobody disputes; they may
/// repeat. A `delete-min` of unknown outcome takes the smallest, or nothing from an empty queue.
public struct PriorityQueueModel: Model {
  /// The empty queue, or what it held at first.
  public let initial: PriorityQueueState
  let contents: [Value]
  static let dialect = ContainerDialect(
    model: "priority-queue", insert: "insert", remove: "delete-min", takesIntegersOnly: true)

  /// A priority queue that holds `initial`: null for nothing, or a list in any order.
  ///
  /// - Throws: `CheckError` for anything else.
  public init(initial: Value = .absent) throws(CheckError) {
    contents = try Self.dialect.contents(initial)
    var state = PriorityQueueState()
    for case .integer(let number) in contents { state.numbers = state.numbers.inserting(number) }
    self.initial = state
  }

  /// What was put in or taken out; nil for a `fail`.
  public func action(of operation: Operation) throws(CheckError) -> ContainerAction? {
    try Self.dialect.action(of: operation)
  }

  /// The queue after `action`, or nil when something else was smallest.
  ///
  /// - Complexity: O(log n) expected.
  public func step(_ state: PriorityQueueState, _ action: ContainerAction) -> PriorityQueueState? {
    var state = state
    switch action {
    case .insert(.integer(let number)): state.numbers = state.numbers.inserting(number)
    case .insert: return nil  // `action(of:)` makes no such thing
    case .removeNothing: if state.numbers.count > 0 { return nil }
    case .removeUnknown:
      if let least = state.numbers.first { state.numbers = state.numbers.removing(least) }
    case .remove(let value):
      guard let least = state.numbers.first, value == .integer(least) else { return nil }
      state.numbers = state.numbers.removing(least)
    }
    return state
  }

  /// Whether `action` saw an empty queue, and so changed nothing.
  public func isPure(_ action: ContainerAction) -> Bool { action.isPure }
}

/// What a priority queue holds.
public struct PriorityQueueState: Hashable, Sendable, CustomStringConvertible {
  var numbers = Bag<Int64>()

  /// `[1, 2]`, in the order in which it comes out.
  public var description: String { numbers.elements.description }
}
