// Checking what is too long to hold, or still being recorded: one event after the other.

import History

/// What is known of a streamed history.
public struct StreamResult: Sendable {
  /// The worst of the keys' verdicts.
  public var verdict: Verdict
  /// The model it was judged by.
  public var model: ModelName
  /// The result of each key, in the order in which they came up.
  public var keys: [StreamKeyResult]
  /// Operations in all.
  public var operations: Int
  /// Time from the first event to the verdict, reading included.
  public var seconds: Double
  /// The most memory that this process ever held.
  public var peakMemoryBytes: Int
  /// Where reading ended: what the source said on the way.
  public var notes: [String]
  /// How failed compare-and-sets were understood.
  public var failedCAS: FailedCASReading?
  /// The state before the first operation.
  public var initial: Value
}

extension Check {
  /// The verdict on the events of `source`, which end at its end or once a key is invalid.
  ///
  /// Memory does not grow with the length (see `StreamCheck`); witnesses are verified on the way
  /// and not kept.
  /// - Throws: `HistoryError` when an event cannot be read, `CheckError` when the model does not
  ///   know an operation, or nobody says which model it is.
  public func run(stream source: consuming EventSource) async throws -> StreamResult {
    let start = ContinuousClock.now
    let first = try source.next()
    guard let name = try model ?? Self.model(named: source.header.model) else {
      throw CheckError(reason: .streamWithoutModel)
    }
    var limits = limits
    if limits.memoryBytes == nil { limits.memoryBytes = MemoryUse.fairShare }
    let initial = initial ?? source.header.initial
    let capacity = capacity ?? source.header.capacity
    let job = StreamJob(source: source, first: first, budget: Budget(limits))
    let work: @Sendable () -> Result<[StreamKeyResult], CheckError> = {
      Result { () throws(CheckError) in try name.visit(job, initial: initial, capacity: capacity) }
    }
    let outcomes = await withTaskCancellationHandler {
      await Workforce.run([work], width: 1)
    } onCancel: {
      job.budget.cancel()
    }
    if let failure = job.failure { throw failure }
    let keys = try outcomes[0].get()
    return StreamResult(
      verdict: keys.reduce(Verdict.valid) { $0.combined(with: $1.verdict) }, model: name,
      keys: keys,
      operations: keys.reduce(0) { $0 + $1.operations },
      seconds: (ContinuousClock.now - start).seconds, peakMemoryBytes: MemoryUse.peak,
      notes: job.notes, failedCAS: job.failedCAS, initial: initial)
  }

  private static func model(named name: String?) throws(CheckError) -> ModelName? {
    guard let name else { return nil }
    guard let model = ModelName(rawValue: name) else {
      throw CheckError(reason: .unknownModel(name))
    }
    return model
  }
}

/// Feeds the events of a source to a check of whichever model.
///
/// Unchecked: one thread at a time has it, the job's until it ends, then the one that awaits it.
private final class StreamJob: ModelVisitor, @unchecked Sendable {
  private var source: EventSource
  private let first: Event?
  let budget: Budget
  private(set) var failure: HistoryError?

  init(source: consuming EventSource, first: Event?, budget: Budget) {
    self.source = source
    self.first = first
    self.budget = budget
  }

  var notes: [String] { source.notes }
  var failedCAS: FailedCASReading? { source.failedCAS }

  func visit<M: Model>(_ model: M) throws(CheckError) -> [StreamKeyResult] {
    var check = StreamCheck(model: model, budget: budget)
    var event = first
    while let next = event {
      if let decided = try check.add(next), decided.verdict != .valid { break }
      do throws(HistoryError) {
        event = try source.next()
      } catch {
        failure = error
        break
      }
    }
    return try check.finish()
  }
}
