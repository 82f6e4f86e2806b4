// Judges a history while it is recorded, or one too long to hold: event by event.
// Here: pairing events, keys. Not here: what one key makes of them (Sweep/KeyStream.swift).

import History

/// How the stream of one key ended.
public enum StreamEnd: Sendable, Equatable {
  /// Every settled operation was verified in its place.
  case valid
  /// No order explains what came up to this completion, and one explains all before it; what was
  /// open then may have happened as it later did, or not at all.
  case invalid(invocation: Int, completion: Int)
  /// A limit was reached, or the checker failed.
  case unknown(LimitReached.Reason)
}

/// What is known of one key of a stream.
public struct StreamKeyResult: Sendable, Equatable {
  /// The key; nil in a history about one object.
  public var key: String?
  /// How it ended.
  public var end: StreamEnd
  /// Its operations, of every outcome.
  public var operations: Int
  /// Events that were judged, and all that came.
  public var eventsDone: Int
  /// All events of the key that came.
  public var eventsInAll: Int

  /// The verdict that `end` stands for.
  public var verdict: Verdict {
    switch end {
    case .valid: .valid
    case .invalid: .invalid
    case .unknown: .unknown
    }
  }
}

/// Checks a stream of events in memory that does not grow with its length.
///
///     var check = StreamCheck(model: RegisterModel())
///     for event in events {
///       if let wrong = try check.add(event) { print(wrong) }
///     }
///     let results = try check.finish()
///
/// Memory grows with the number of operations open at once, the longest operation, and the
/// operations of unknown outcome. The witness is verified piece by piece and not kept.
///
/// An operation's events are judged once it and those invoked before it have completed, so a
/// verdict comes as late as the longest operation open at the time allows; one that never
/// completes holds the rest back until `finish`, in 32 bytes an event, counted as memory.
///
/// - Complexity: per event, exponential in the operations open at once at worst.
/// - Source: just-in-time linearization, Lowe 2017.
public struct StreamCheck<M: Model> {
  /// An open operation, used again for another when it has completed.
  private final class Call {
    var operation: Operation
    var stream: KeyStreamBox<M>
    var ticket: Int32

    init(_ operation: Operation, _ stream: KeyStreamBox<M>, ticket: Int32) {
      self.operation = operation
      self.stream = stream
      self.ticket = ticket
    }

    func complete(with event: Event) throws(CheckError) -> StreamKeyResult? {
      switch event.type {
      case .ok: operation.outcome = .ok
      case .fail: operation.outcome = .fail
      case .info, .invoke: operation.outcome = .info
      }
      operation.result = event.value
      operation.observed = event.observed
      operation.differs = event.differs
      operation.completion = event.index
      return try stream.stream.complete(operation, ticket: ticket, at: event.index)
    }
  }

  private let model: M
  private let budget: Budget
  private var streams: [String?: KeyStreamBox<M>] = [:]
  private var order: [KeyStreamBox<M>] = []
  private var last: KeyStreamBox<M>?
  private var open: [Int: Call] = [:]  // by process
  private var freeCalls: [Call] = []
  private var disorder: String?

  /// A check by `model` within `limits`.
  @_specialize(where M == RegisterModel)
  @_specialize(where M == CASRegisterModel)
  public init(model: M, limits: Limits = Limits()) {
    self.init(model: model, budget: Budget(limits))
  }

  init(model: M, budget: Budget) {
    self.model = model
    self.budget = budget
  }

  /// Takes the next event; those of the nemesis say nothing.
  ///
  /// Events come in the order of their indexes, and a process has one operation open at a time:
  /// `HistoryReader` sees to both. Where it is otherwise, all verdicts are `unknown`.
  /// - Returns: the key's result when this event decided it, once; nil otherwise.
  /// - Throws: `CheckError` when the model does not know the operation.
  @_specialize(where M == RegisterModel)
  @_specialize(where M == CASRegisterModel)
  public mutating func add(_ event: Event) throws(CheckError) -> StreamKeyResult? {
    guard case .client(let process) = event.process else { return nil }
    if event.type == .invoke {
      invoke(event, process: process)
      return nil
    }
    guard let call = open.removeValue(forKey: process) else {
      disorder = "process \(process) completes at event \(event.index) what it never invoked"
      return nil
    }
    freeCalls.append(call)
    return try call.complete(with: event)
  }

  private mutating func invoke(_ event: Event, process: Int) {
    if open[process] != nil {
      disorder = "process \(process) has two operations open at event \(event.index)"
      return
    }
    let stream = stream(of: event.key)
    let ticket = stream.stream.invoke(at: event.index)
    let operation = Operation(invocation: event, process: process)
    if let call = freeCalls.popLast() {
      call.operation = operation
      call.stream = stream
      call.ticket = ticket
      open[process] = call
    } else {
      open[process] = Call(operation, stream, ticket: ticket)
    }
  }

  private mutating func stream(of key: String?) -> KeyStreamBox<M> {
    if let last, last.stream.key == key { return last }
    if let known = streams[key] {
      last = known
      return known
    }
    let new = KeyStreamBox(KeyStream(key: key, model: model, budget: budget))
    streams[key] = new
    order.append(new)
    last = new
    return new
  }

  /// Ends the stream: what is open may still have happened.
  ///
  /// - Returns: the result of each key, in the order in which they first came up.
  /// - Throws: `CheckError` when the model does not know an operation.
  @_specialize(where M == RegisterModel)
  @_specialize(where M == CASRegisterModel)
  public mutating func finish() throws(CheckError) -> [StreamKeyResult] {
    for call in open.values {
      try call.stream.stream.abandon(call.operation, ticket: call.ticket)
    }
    var results: [StreamKeyResult] = []
    for box in order {
      box.stream.finish()
      guard var result = box.stream.result else { continue }
      if let disorder { result.end = .unknown(.checkerFailed(disorder)) }
      results.append(result)
    }
    return results
  }
}
