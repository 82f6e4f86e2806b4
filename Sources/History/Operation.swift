// Operations: invocations paired with their completions, which is what checkers judge.

/// How an operation ended.
public enum Outcome: Hashable, Sendable {
  /// It happened between its invocation and its completion.
  case ok
  /// It certainly did not happen.
  case fail
  /// It may have happened at any time from its invocation on, or never.
  case info
}

/// One logical call: an invocation and what became of it.
public struct Operation: Equatable, Sendable {
  /// The client that called.
  public var process: Int
  /// What it called: `read`, `write`, `cas`.
  public var function: String
  /// The object, or nil in a history about one object.
  public var key: String?
  /// What it was called with.
  public var argument: Value
  /// What came back; `.absent` when nothing did.
  public var result: Value
  /// How it ended. An invocation that the history never completes is `info`.
  public var outcome: Outcome
  /// What a failed compare-and-set saw.
  public var observed: Value?
  /// Whether a failed compare-and-set says that the state was not the old value.
  public var differs: Bool
  /// Index of the invocation's event.
  public var invocation: Int
  /// Index of the completion's event; nil when the history ends before it.
  public var completion: Int?
  /// When it was invoked, in nanoseconds since the run began.
  public var invokedAt: Int64
  /// When it completed, in nanoseconds since the run began.
  public var completedAt: Int64?
  /// The node that was asked.
  public var node: String?
  /// Why it did not end well.
  public var error: String?

  /// The operation that an invocation opens; it is `info` until it completes.
  public init(invocation event: Event, process: Int) {
    self.process = process
    self.function = event.function
    self.key = event.key
    self.argument = event.value
    self.result = .absent
    self.outcome = .info
    self.observed = nil
    self.differs = false
    self.invocation = event.index
    self.completion = nil
    self.invokedAt = event.time
    self.completedAt = nil
    self.node = event.node
    self.error = nil
  }

  /// Records the completion `event`.
  mutating func complete(with event: Event) {
    switch event.type {
    case .ok: outcome = .ok
    case .fail: outcome = .fail
    case .info, .invoke: outcome = .info
    }
    result = event.value
    observed = event.observed
    differs = event.differs
    completion = event.index
    completedAt = event.time
    node = event.node ?? node
    error = event.error
  }
}
