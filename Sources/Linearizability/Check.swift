// The way in: a history goes in, its verdict comes out, with the proof of it.
// Here: decomposition by key, sharing out the cores. Not here: the search (WingGong/).

import FoundationEssentials
import History

/// What is known of one key.
public struct KeyResult: Sendable {
  /// The key; nil in a history about one object.
  public var key: String?
  /// What is known of it.
  public var verdict: Verdict
  /// What found it.
  public var engine: Engine
  /// Its operations, of every outcome.
  public var operations: Int
  /// Configurations that the search entered.
  public var steps: Int
  /// Time to the verdict, proof of a witness included.
  public var seconds: Double
  /// Time to make the counterexample small and to explain it.
  public var shrinkingSeconds: Double
  /// For `valid`: invocation indexes in an order that `Witness` has accepted.
  public var witness: [Int]?
  /// For `invalid`: why.
  public var counterexample: Counterexample?
  /// For `unknown`: what was reached, and how far the search had come.
  public var limit: LimitReached?
}

/// What is known of a history.
public struct CheckResult: Sendable {
  /// The worst of the keys' verdicts: invalid beats unknown beats valid.
  public var verdict: Verdict
  /// The model it was judged by; nil for one of the caller's own.
  public var model: ModelName?
  /// The result of each key, in the keys' order.
  public var keys: [KeyResult]
  /// Operations in all.
  public var operations: Int
  /// Time to the verdict on all keys, which shrinking counterexamples is not part of.
  public var seconds: Double
  /// The most memory that this process ever held.
  public var peakMemoryBytes: Int

  /// What found the verdict of the keys: one engine, or those that took part.
  public var engines: [Engine] {
    let used = Set(keys.map(\.engine))
    return Engine.allCases.filter { used.contains($0) }
  }

  /// The first counterexample, if any.
  public var counterexample: Counterexample? {
    keys.lazy.compactMap(\.counterexample).first
  }
}

/// Judges histories. Keys are independent objects and are checked in parallel.
///
///     let result = try await Check().run(history)
///     print(result.verdict)
public struct Check: Sendable {
  /// The model; nil to go by the header or, failing that, the functions.
  public var model: ModelName?
  /// The state before the first operation; nil for the header's.
  public var initial: Value?
  /// How many a semaphore lets in; nil for the header's.
  public var capacity: Int?
  /// What the check may take.
  public var limits: Limits
  /// The one engine to use; nil for whichever fits, one after the other.
  public var engine: Engine?
  /// How many keys are checked at once.
  public var width: Int
  /// What shrinking one counterexample may take, within `limits`.
  public var shrinkingTime: Duration

  /// A check by `model`, starting at `initial`, within `limits`, on all cores.
  public init(
    model: ModelName? = nil, initial: Value? = nil, capacity: Int? = nil, limits: Limits = Limits(),
    engine: Engine? = nil, width: Int = ProcessInfo.processInfo.activeProcessorCount,
    shrinkingTime: Duration = .seconds(10)
  ) {
    self.model = model
    self.initial = initial
    self.capacity = capacity
    self.limits = limits
    self.engine = engine
    self.width = width
    self.shrinkingTime = shrinkingTime
  }

  /// The verdict on `history`, with a witness or a counterexample for each key.
  ///
  /// A cancelled task gets `unknown` for what was not yet decided.
  /// - Complexity: exponential in a key's concurrency at worst, not in its length.
  /// - Throws: `CheckError` when the model does not know an operation; never for a limit.
  public func run(_ history: History) async throws(CheckError) -> CheckResult {
    let start = ContinuousClock.now
    let name: ModelName
    if let named = self.model { name = named } else { name = try ModelName.fitting(history) }
    let budget = wholeBudget
    let jobs = try name.visit(
      KeyJobs(check: self, history: history, budget: budget),
      initial: initial ?? history.header.initial, capacity: capacity ?? history.header.capacity)
    var result = try await result(of: jobs, within: budget, since: start)
    result.model = name
    return result
  }

  /// The verdict on `history` by a model of the caller's own, which `model`, `initial` and
  /// `capacity` say nothing about.
  ///
  /// A cancelled task gets `unknown` for what was not yet decided.
  /// - Complexity: exponential in a key's concurrency at worst, not in its length.
  /// - Throws: `CheckError` when the model does not know an operation; never for a limit.
  public func run<M: Model>(
    _ history: History, by model: M
  ) async throws(CheckError) -> CheckResult {
    let start = ContinuousClock.now
    let budget = wholeBudget
    let jobs = try KeyJobs(check: self, history: history, budget: budget).visit(model)
    return try await result(of: jobs, within: budget, since: start)
  }

  /// What all keys may take together.
  private var wholeBudget: Budget {
    var limits = limits
    if limits.memoryBytes == nil { limits.memoryBytes = MemoryUse.fairShare }
    return Budget(limits, looks: true)
  }

  private func result(
    of jobs: [KeyJobs.Job], within budget: Budget, since start: ContinuousClock.Instant
  ) async throws(CheckError) -> CheckResult {
    let outcomes = await withTaskCancellationHandler {
      await rounds(jobs)
    } onCancel: {
      budget.cancel()
    }
    let keys = try Self.keys(of: outcomes)
    // Keys run side by side: the time of the whole is shared out as it was spent.
    let elapsed = (ContinuousClock.now - start).seconds
    let deciding = keys.reduce(0) { $0 + $1.seconds }
    let all = deciding + keys.reduce(0) { $0 + $1.shrinkingSeconds }
    return CheckResult(
      verdict: keys.reduce(.valid) { $0.combined(with: $1.verdict) }, model: nil, keys: keys,
      operations: keys.reduce(0) { $0 + $1.operations },
      seconds: all > 0 ? elapsed * deciding / all : elapsed, peakMemoryBytes: MemoryUse.peak)
  }

  /// Runs all jobs, so that no key for which time or memory is not enough keeps another from being
  /// looked at: first each gets a turn, then those that were lost get all that is left; and what
  /// had no memory beside others, alone.
  private func rounds(_ jobs: [KeyJobs.Job]) async -> [Result<KeyResult, CheckError>] {
    let isCrowded = jobs.count > max(1, width)
    let share = limits.time.map { $0 * max(1, width) / (2 * max(1, jobs.count)) }
    let turn = min(share ?? .seconds(2), .seconds(2))
    var outcomes = await Workforce.run(
      jobs.map { job in { job(isCrowded ? turn : nil) } }, width: width)
    for (isWanted, width) in [(Self.isOutOfTime, width), (Self.isOutOfMemory, 1)]
    where jobs.count > 1 {
      let lost = outcomes.indices.filter { isWanted(outcomes[$0]) }
      let again = await Workforce.run(lost.map { job in { jobs[job](nil) } }, width: width)
      for (job, outcome) in zip(lost, again) {
        outcomes[job] = Self.further(outcome, than: outcomes[job])
      }
    }
    return outcomes
  }

  private static func isOutOfTime(_ outcome: Result<KeyResult, CheckError>) -> Bool {
    guard case .success(let key) = outcome, case .time = key.limit?.reason else { return false }
    return true
  }

  private static func isOutOfMemory(_ outcome: Result<KeyResult, CheckError>) -> Bool {
    guard case .success(let key) = outcome, case .memory = key.limit?.reason else { return false }
    return true
  }

  /// What came of a key the second time, and how far it came at its best.
  private static func further(
    _ outcome: Result<KeyResult, CheckError>, than first: Result<KeyResult, CheckError>
  ) -> Result<KeyResult, CheckError> {
    guard case .success(var key) = outcome, case .success(let before) = first else {
      return outcome
    }
    key.seconds += before.seconds
    if let done = before.limit?.eventsDone, let now = key.limit?.eventsDone, done > now {
      key.limit?.eventsDone = done
    }
    return .success(key)
  }

  private static func keys(
    of outcomes: [Result<KeyResult, CheckError>]
  ) throws(CheckError) -> [KeyResult] {
    var keys: [KeyResult] = []
    var errors: [CheckError] = []
    for outcome in outcomes {
      switch outcome {
      case .success(let key): keys.append(key)
      case .failure(let error): errors.append(error)
      }
    }
    // Whichever key came first: the same error every time.
    if let first = errors.min(by: { ($0.index ?? -1) < ($1.index ?? -1) }) { throw first }
    return keys.sorted { ($0.key ?? "") < ($1.key ?? "") }
  }
}

/// One job a key: a history is linearizable if and only if each object's part is (Herlihy & Wing
/// 1990).
private struct KeyJobs: ModelVisitor {
  /// Checks one key; deciding may take as long as it is given.
  typealias Job = @Sendable (Duration?) -> Result<KeyResult, CheckError>

  let check: Check
  let history: History
  let budget: Budget

  func visit<M: Model>(
    _ model: M
  ) throws(CheckError) -> [Job] {
    let (check, history, budget) = (check, history, budget)
    return KeyPart.all(of: history.operations).map { part in
      { turn in
        let job = KeyCheck(
          key: part.key, model: model, operations: part.operations(of: history), budget: budget,
          turn: turn, engine: check.engine, shrinkingTime: check.shrinkingTime)
        return Result { () throws(CheckError) in try job.run() }
      }
    }
  }
}
