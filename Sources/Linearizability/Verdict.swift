// What a check can end with: the three verdicts, and the limits that make one `unknown`.

/// What is known of a history.
public enum Verdict: String, Sendable, CaseIterable {
  /// A witness proves it linearizable.
  case valid
  /// No order explains it.
  case invalid
  /// A stated limit was reached, or the checker failed.
  case unknown

  /// The verdict on two parts: invalid beats unknown beats valid.
  public func combined(with other: Verdict) -> Verdict {
    if self == .invalid || other == .invalid { return .invalid }
    return self == .unknown || other == .unknown ? .unknown : .valid
  }
}

/// How much a check may take before it says `unknown`.
public struct Limits: Sendable, Equatable {
  /// Time for the whole check; nil for as long as it takes.
  public var time: Duration?
  /// Bytes that the tables of all searches may hold together; nil for all there is.
  public var memoryBytes: Int?

  /// Limits of `time` and `memoryBytes`, none by default.
  public init(time: Duration? = nil, memoryBytes: Int? = nil) {
    self.time = time
    self.memoryBytes = memoryBytes
  }
}

/// Why a verdict is `unknown`, and how far the search had come.
public struct LimitReached: Sendable, Equatable, CustomStringConvertible {
  /// What ended the search.
  public enum Reason: Sendable, Equatable {
    /// `Limits.time` passed.
    case time(Duration)
    /// `Limits.memoryBytes` would have been exceeded.
    case memory(bytes: Int)
    /// The task was cancelled.
    case interrupted
    /// The monitor alone was asked for, and the history does not meet its precondition.
    case noMonitor
    /// The search's answer did not stand its own proof: a fault of the bench.
    case checkerFailed(String)
  }

  /// What ended the search.
  public var reason: Reason
  /// Events the search could explain at its best.
  public var eventsDone: Int
  /// All events of the key that matter to the model.
  public var eventsInAll: Int

  /// A limit reached for `reason`.
  public init(reason: Reason, eventsDone: Int, eventsInAll: Int) {
    self.reason = reason
    self.eventsDone = eventsDone
    self.eventsInAll = eventsInAll
  }

  /// The reason and the progress in words.
  public var description: String {
    let what =
      switch reason {
      case .time(let limit): "the time limit of \(limit) was reached"
      case .memory(let bytes): "the memory limit of \(bytes) bytes was reached"
      case .interrupted: "the check was interrupted"
      case .noMonitor:
        "no monitor decides such a history; leave out the choice of an engine"
      case .checkerFailed(let how): "the checker failed: \(how)"
      }
    return "\(what), after \(eventsDone) of \(eventsInAll) events"
  }
}
