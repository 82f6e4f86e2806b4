// A stack: what was put in last comes out first.
// Here: the sequential object. Not here: its exact check (Monitors/StackMonitor.swift).

import History

/// `push` v and `pop` → v, or null for observed empty; last in, first out.
///
/// Values may repeat. A `pop` of unknown outcome takes what is on top, or nothing from an empty
/// stack.
public struct StackModel: Model {
  /// The empty stack, or what it held at first.
  public let initial: StackState
  let contents: [Value]
  static let dialect = ContainerDialect(
    model: "stack", insert: "push", remove: "pop", takesIntegersOnly: false)

  /// A stack that holds `initial`: null for nothing, or a list, pushed from its front: its last
  /// member is on top.
  ///
  /// - Throws: `CheckError` for anything else.
  public init(initial: Value = .absent) throws(CheckError) {
    contents = try Self.dialect.contents(initial)
    self.initial = contents.reduce(StackState()) { $0.pushing($1) }
  }

  /// What was put in or taken out; nil for a `fail`.
  public func action(of operation: Operation) throws(CheckError) -> ContainerAction? {
    try Self.dialect.action(of: operation)
  }

  /// The stack after `action`, or nil when something else was on top.
  ///
  /// - Complexity: O(1).
  public func step(_ state: StackState, _ action: ContainerAction) -> StackState? {
    switch action {
    case .insert(let value): return state.pushing(value)
    case .removeNothing: return state.top == nil ? state : nil
    case .removeUnknown: return state.popped
    case .remove(let value):
      guard let top = state.top, top.value == value else { return nil }
      return state.popped
    }
  }

  /// Whether `action` saw an empty stack, and so changed nothing.
  public func isPure(_ action: ContainerAction) -> Bool { action.isPure }
}

/// What a stack holds, in order; stacks share what lies below their tops.
public struct StackState: Hashable, Sendable, CustomStringConvertible {
  /// Each link's hash is that of all from it down.
  private(set) var top: Link?

  init() {}

  func pushing(_ value: Value) -> StackState {
    var state = self
    let below = top?.hash ?? 1
    let mixed = (below ^ (below >> 31)) &* 0x9e37_79b9_7f4a_7c15
    state.top = Link(value, hash: mixed &+ value.fingerprint, next: top)
    return state
  }

  /// The stack without its top; an empty one as it is.
  var popped: StackState {
    var state = self
    state.top = top?.next
    return state
  }

  /// What it holds, from the bottom up.
  public var values: [Value] { Link.values(from: top).reversed() }

  /// Whether both hold the same values in the same order; where they share, no further look.
  public static func == (one: StackState, other: StackState) -> Bool {
    var (left, right) = (one.top, other.top)
    while let here = left, let there = right {
      if here === there { return true }
      guard here.hash == there.hash, here.value == there.value else { return false }
      (left, right) = (here.next, there.next)
    }
    return left == nil && right == nil
  }

  /// Feeds the top's hash.
  public func hash(into hasher: inout Hasher) { hasher.combine(top?.hash ?? 0) }

  /// `[1, 2]`, the top at the end.
  public var description: String { Value.list(values).description }
}
