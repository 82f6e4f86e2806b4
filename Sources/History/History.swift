// A whole history in memory: its operations, its faults, and how it was read.
// Here: what it holds. Not here: making one (HistoryBuilder.swift, HistoryReader.swift).

/// A fault as the history tells it.
public struct FaultRecord: Equatable, Sendable {
  /// Its number within the run.
  public var number: Int
  /// Its kind, such as `partition`.
  public var kind: String
  /// Index of the event that told its start.
  public var startIndex: Int
  /// Index of the event that told its end.
  public var endIndex: Int?
  /// When it took hold, in nanoseconds since the run began.
  public var start: Int64
  /// When it was taken back; nil when the history ends before that.
  public var end: Int64?
  /// What it really did and the evidence for it, from its start.
  public var details: [Event.Detail]
  /// What its end reported.
  public var endDetails: [Event.Detail]
}

/// Everything that clients and nemesis did, in the order of real time.
public struct History: Equatable, Sendable {
  /// What the first line said, if it was a header.
  public var header: Header
  /// The clients' operations, in the order of their invocations.
  public var operations: [Operation]
  /// The faults, in the order of their starts.
  public var faults: [FaultRecord]
  /// The index after the last event.
  public var endIndex: Int
  /// The time of the last event.
  public var endTime: Int64
  /// What was left out or understood while reading, in words; empty when there was nothing to say.
  public var notes: [String]
  /// The format it was read from.
  public var format: HistoryFormat
  /// How failed compare-and-sets were understood that carry neither `observed` nor `differs`; nil
  /// when there are none.
  public var failedCAS: FailedCASReading?

  /// A history in which nothing happened.
  public init(header: Header = Header()) {
    self.header = header
    operations = []
    faults = []
    endIndex = 0
    endTime = 0
    notes = []
    format = .jsonl
    failedCAS = nil
  }

  /// The operations by key; those without one stand under nil. Order within a key is kept.
  public var operationsByKey: [String?: [Operation]] {
    Dictionary(grouping: operations, by: \.key)
  }
}
