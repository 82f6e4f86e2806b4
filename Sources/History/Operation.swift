// Operations: invocations paired with their completions, which is what checkers judge.
// Here: one operation and how little memory it takes. Not here: pairing (HistoryBuilder.swift).

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
///
/// Histories hold millions, so what most operations lack or share lies apart: 128 bytes each.
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
  private var isCompleted: Bool
  /// Index of the invocation's event.
  public var invocation: Int
  private var completionIndex: Int  // 0 unless completed
  /// When it was invoked, in nanoseconds since the run began.
  public var invokedAt: Int64
  private var completionTime: Int64  // `.min` while unknown
  private(set) var remarks: Remarks?  // nil rather than empty, so that equality is plain

  /// Index of the completion's event; nil when the history ends before it.
  public var completion: Int? {
    get { isCompleted ? completionIndex : nil }
    set {
      isCompleted = newValue != nil
      completionIndex = newValue ?? 0
    }
  }

  /// When it completed, in nanoseconds since the run began.
  public var completedAt: Int64? {
    get { completionTime == .min ? nil : completionTime }
    set { completionTime = newValue ?? .min }
  }

  /// What a failed compare-and-set saw.
  public var observed: Value? {
    get { remarks?.observed }
    set { remark { $0.observed = newValue } }
  }

  /// Whether a failed compare-and-set says that the state was not the old value.
  public var differs: Bool {
    get { remarks?.differs ?? false }
    set { remark { $0.differs = newValue } }
  }

  /// The node that was asked.
  public var node: String? {
    get { remarks?.node }
    set { remark { $0.node = newValue } }
  }

  /// Why it did not end well.
  public var error: String? {
    get { remarks?.error }
    set { remark { $0.error = newValue } }
  }

  /// The operation that an invocation opens; it is `info` until it completes.
  public init(invocation event: Event, process: Int) {
    var shelf = Remarks.Shelf()
    self.init(invocation: event, process: process, shelf: &shelf)
  }

  init(invocation event: Event, process: Int, shelf: inout Remarks.Shelf) {
    self.process = process
    self.function = event.function
    self.key = event.key
    self.argument = event.value
    self.result = .absent
    self.outcome = .info
    self.isCompleted = false
    self.invocation = event.index
    self.completionIndex = 0
    self.invokedAt = event.time
    self.completionTime = .min
    self.remarks = shelf.remarks(node: event.node, error: .none)
  }

  /// Records the completion `event`.
  mutating func complete(with event: Event) {
    var shelf = Remarks.Shelf()
    complete(with: event, shelf: &shelf)
  }

  mutating func complete(with event: Event, shelf: inout Remarks.Shelf) {
    switch event.type {
    case .ok: outcome = .ok
    case .fail: outcome = .fail
    case .info, .invoke: outcome = .info
    }
    result = event.value
    completion = event.index
    completedAt = event.time
    if event.error != nil || (event.node != nil && event.node != remarks?.node) {
      remarks = shelf.remarks(node: event.node ?? remarks?.node, error: event.error)
    }
    if let observed = event.observed { self.observed = observed }
    if event.differs { differs = true }
  }

  private mutating func remark(_ change: (inout Remarks.Contents) -> Void) {
    var contents = remarks?.contents ?? Remarks.Contents()
    change(&contents)
    remarks = contents == Remarks.Contents() ? Optional.none : Remarks(contents)
  }
}

/// What most operations lack, or have in common with many: never changed, so it can be shared.
final class Remarks: Equatable, Sendable {
  struct Contents: Equatable, Sendable {
    var observed: Value?
    var differs = false
    var node: String?
    var error: String?
  }

  let contents: Contents
  var observed: Value? { contents.observed }
  var differs: Bool { contents.differs }
  var node: String? { contents.node }
  var error: String? { contents.error }

  init(_ contents: Contents) { self.contents = contents }

  static func == (left: Remarks, right: Remarks) -> Bool {
    left === right || left.contents == right.contents
  }

  /// The remarks that were given out last: a history has few nodes and few kinds of error.
  struct Shelf {
    private static let places = 16
    private var shared: [Remarks] = []
    private var oldest = 0

    mutating func remarks(node: String?, error: String?) -> Remarks? {
      if node == nil, error == nil { return nil }
      for remarks in shared where remarks.node == node && remarks.error == error { return remarks }
      var contents = Contents()
      contents.node = node
      contents.error = error
      let remarks = Remarks(contents)
      if shared.count < Self.places {
        shared.append(remarks)
      } else {
        shared[oldest] = remarks
        oldest = (oldest + 1) % Self.places
      }
      return remarks
    }
  }
}
