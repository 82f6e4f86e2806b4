// One line of a history: an invocation, its completion, or a fault's start or end.

/// Who did it: a logical single-threaded client, or the nemesis.
public enum ProcessID: Hashable, Sendable, CustomStringConvertible {
  /// A client. After an operation of unknown outcome its number never appears again.
  case client(Int)
  /// Whoever breaks the system on purpose.
  case nemesis

  /// The number, or `nemesis`.
  public var description: String {
    switch self {
    case .client(let number): "\(number)"
    case .nemesis: "nemesis"
    }
  }
}

/// What an event says of its operation.
public enum EventType: String, Sendable, CaseIterable {
  /// The request is about to leave.
  case invoke
  /// It happened.
  case ok
  /// It certainly did not happen.
  case fail
  /// Nobody knows whether it happened, or ever will.
  case info
}

/// Which end of a fault an event marks.
public enum FaultPhase: String, Sendable {
  /// The fault took hold.
  case start
  /// The fault was taken back.
  case end
}

/// One event of a history, as one line of `history.jsonl` holds it.
public struct Event: Equatable, Sendable {
  /// Indexes stay below this, so that the next one is a number too.
  static let indexLimit: Int64 = 1 << 60

  /// The place in the history, strictly increasing.
  public var index: Int
  /// Nanoseconds of the controller's monotonic clock since the run began.
  public var time: Int64
  /// Who did it.
  public var process: ProcessID
  /// What is said.
  public var type: EventType
  /// The function: `read`, `write`, `cas`, or a fault's kind.
  public var function: String
  /// The object it was about; nil in a history about one object.
  public var key: String?
  /// An invocation's argument or a completion's result; a fault's evidence.
  public var value: Value
  /// The node that was asked.
  public var node: String?
  /// Why it did not end well.
  public var error: String?
  /// What a failed compare-and-set saw: it was also a read of this value.
  public var observed: Value?
  /// Whether a failed compare-and-set says that the state was not the old value.
  public var differs: Bool
  /// The number of the fault that this event starts or ends.
  public var fault: Int?
  /// Whether it starts or ends.
  public var phase: FaultPhase?
  /// What a fault really did, with the probe's evidence: text in fixed order.
  public var details: [Detail]

  /// A named part of a fault's evidence.
  public struct Detail: Equatable, Sendable {
    /// Its name, such as `targets`.
    public var name: String
    /// What it says.
    public var value: Value
    /// Names a value.
    public init(_ name: String, _ value: Value) {
      self.name = name
      self.value = value
    }
  }

  /// An event with what every event has; the rest is set on it.
  public init(
    index: Int, time: Int64, process: ProcessID, type: EventType, function: String,
    key: String? = nil, value: Value = .absent, node: String? = nil, error: String? = nil
  ) {
    self.index = index
    self.time = time
    self.process = process
    self.type = type
    self.function = function
    self.key = key
    self.value = value
    self.node = node
    self.error = error
    self.observed = nil
    self.differs = false
    self.fault = nil
    self.phase = nil
    self.details = []
  }
}
