// A queue: what was put in first comes out first.
// Here: the sequential object. Not here: its exact check (Monitors/QueueMonitor.swift).

import History

/// `enqueue` v and `dequeue` → v, or null for observed empty; first in, first out.
///
/// Values may repeat. A `dequeue` of unknown outcome takes what is first, or nothing from an
/// empty queue.
public struct QueueModel: Model {
  /// The empty queue, or what it held at first.
  public let initial: QueueState
  let contents: [Value]
  static let dialect = ContainerDialect(
    model: "queue", insert: "enqueue", remove: "dequeue", takesIntegersOnly: false)

  /// A queue that holds `initial`: null for nothing, or a list, what comes out first in front.
  ///
  /// - Throws: `CheckError` for anything else.
  public init(initial: Value = .absent) throws(CheckError) {
    contents = try Self.dialect.contents(initial)
    self.initial = contents.reduce(QueueState()) { $0.appending($1) }
  }

  /// What was put in or taken out; nil for a `fail`.
  public func action(of operation: Operation) throws(CheckError) -> ContainerAction? {
    try Self.dialect.action(of: operation)
  }

  /// The queue after `action`, or nil when something else was first.
  ///
  /// - Complexity: O(1), amortised over the steps of one order.
  public func step(_ state: QueueState, _ action: ContainerAction) -> QueueState? {
    switch action {
    case .insert(let value): return state.appending(value)
    case .removeNothing: return state.count == 0 ? state : nil
    case .removeUnknown: return state.removingFirst()?.rest ?? state
    case .remove(let value):
      guard let (first, rest) = state.removingFirst(), first == value else { return nil }
      return rest
    }
  }

  /// Whether `action` saw an empty queue, and so changed nothing.
  public func isPure(_ action: ContainerAction) -> Bool { action.isPure }
}

/// What a queue holds, in order.
///
/// Two lists (Hood & Melville 1981, without the incremental part): what comes out next stands in
/// `front`; what was put in since, last first, in `back`. Lists share their tails with other states.
public struct QueueState: Hashable, Sendable, CustomStringConvertible {
  private var front: Link?
  private var back: Link?
  /// How many values it holds.
  public private(set) var count = 0
  /// The values' hashes, the first by 1, the next by `base`, then its square, ...
  private var hash: UInt64 = 0
  /// `base` to the power of `count`.
  private var power: UInt64 = 1

  /// Odd, so that it has an inverse: that is how the first value leaves the hash.
  private static let base: UInt64 = 0x9e37_79b9_7f4a_7c15
  private static let inverse: UInt64 = {
    var inverse = base  // right to 3 bits; each of Newton's steps doubles them
    for _ in 0..<5 { inverse = inverse &* (2 &- base &* inverse) }
    return inverse
  }()

  init() {}

  func appending(_ value: Value) -> QueueState {
    var state = self
    let fingerprint = value.fingerprint
    state.back = Link(value, hash: fingerprint, next: back)
    state.count += 1
    state.hash &+= fingerprint &* power
    state.power &*= Self.base
    return state
  }

  /// The first value and the queue without it; nil when there is none.
  func removingFirst() -> (first: Value, rest: QueueState)? {
    var state = self
    if state.front == nil {
      var link = state.back
      while let here = link {
        state.front = Link(here.value, hash: here.hash, next: state.front)
        link = here.next
      }
      state.back = nil
    }
    guard let first = state.front else { return nil }
    state.front = first.next
    state.count -= 1
    state.hash = (state.hash &- first.hash) &* Self.inverse
    state.power &*= Self.inverse
    return (first.value, state)
  }

  /// What it holds, in the order in which it comes out.
  public var values: [Value] { Link.values(from: front) + Link.values(from: back).reversed() }

  /// Whether both hold the same values in the same order; the hash settles most that do not.
  public static func == (one: QueueState, other: QueueState) -> Bool {
    guard one.count == other.count, one.hash == other.hash else { return false }
    if one.front === other.front, one.back === other.back { return true }
    return one.values == other.values
  }

  /// Feeds the hash kept up to date.
  public func hash(into hasher: inout Hasher) { hasher.combine(hash) }

  /// `[1, 2]`, what comes out first in front.
  public var description: String { Value.list(values).description }
}
