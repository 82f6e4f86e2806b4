// The judgement of a run: every checker over its history, and one outcome.

import Checkers
import History
import Linearizability
import Nemesis
import Workloads

/// What is known of a run beside its history.
public struct Circumstances: Sendable {
  /// What became of each planned fault.
  public var faults: [FaultOutcome] = []
  /// Seconds in each phase.
  public var phases: [RunResults.Phase] = []
  /// Who was seen to lead.
  public var leaders: [RunResults.LeaderSeen] = []
  /// Who said in which term that it leads.
  public var claims: [RunResults.LeaderSeen] = []
  /// Nodes that ended on their own.
  public var crashes: [String] = []
  /// What the bench could not do.
  public var problems: [String] = []
  /// What kept the run from meaning more.
  public var missing: [String] = []
  /// The longest that the bench was kept from running, in seconds.
  public var worstLag = 0.0
  /// Whether somebody pressed Ctrl-C.
  public var isInterrupted = false
  /// The checksum of what was tested.
  public var build = ""
  /// Processor time of all nodes' processes, in seconds; nil where it was not measured.
  public var processorSeconds: Double?
  /// How many seconds the clock of each machine was ahead of the bench's when the run began, as far as they have
  /// clocks of their own.
  public var clockOffsets: [String: Double]?

  /// Nothing is known.
  public init() {}

  /// What the history alone tells of a run that did not come to its end.
  public init(unfinished history: History) {
    missing = [RunResults.cutOff]
    faults = history.faults.map { fault in
      let choice = fault.details.first { ["shape", "target"].contains($0.name) }
      guard case .text(let name) = choice?.value else {
        return FaultOutcome(fault: fault.number, kind: fault.kind, choice: "", result: .installed)
      }
      return FaultOutcome(fault: fault.number, kind: fault.kind, choice: name, result: .installed)
    }
  }

  /// What `results` knew when the run was judged for the first time.
  public init(_ results: RunResults) {
    faults = results.faults
    phases = results.phases.filter { $0.name != Judgement.phase }
    leaders = results.leaders
    claims = results.claims ?? []
    crashes = results.crashes
    problems = results.problems
    missing = results.missing
    worstLag = results.worstLag
    isInterrupted = results.outcome == .interrupted
    build = results.build
    processorSeconds = results.processorSeconds
    clockOffsets = results.clockOffsets
  }
}

/// Judges runs.
public enum Judgement {
  /// The phase in which this is done.
  public static let phase = "check"

  /// Judges `history`, recorded under `workload` in these circumstances.
  ///
  /// - Throws: `CheckError` when the history is not of the workload's model.
  public static func judge(
    _ history: History, of workload: Workload, _ circumstances: Circumstances,
    limits: Limits = Limits()
  ) async throws(CheckError) -> RunResults {
    let start = ContinuousClock.now
    let availability = Availability(of: history)
    var results = RunResults(
      outcome: .valid, verdict: "unknown", summary: "", checks: [],
      functions: FunctionFigures.all(in: history), availability: availability,
      faults: circumstances.faults, phases: circumstances.phases, leaders: circumstances.leaders,
      claims: circumstances.claims, crashes: circumstances.crashes,
      problems: circumstances.problems,
      missing: circumstances.missing, worstLag: circumstances.worstLag, counterexample: nil,
      build: circumstances.build, processorSeconds: circumstances.processorSeconds,
      clockOffsets: circumstances.clockOffsets)
    // What a first judgement said already is not said twice.
    results.problems.addNew(
      circumstances.faults.filter { $0.result == .failed }
        .map { "fault \($0.fault) (\($0.kind) \($0.choice)): \($0.reason ?? "failed")" })
    results.missing.addNew(unplanned(in: workload))
    results.missing.addNew(
      Coverage(
        of: history, functions: workload.functions.map(\.rawValue),
        faults: Set(workload.faults.map(\.kind.name)),
        obstacles: obstacles(circumstances.faults)
      ).missing)
    results.missing.addNew(untried(in: workload, circumstances.faults))
    if circumstances.worstLag > 1 {
      results.missing.addNew([
        "the bench itself stood still for \(Figures.seconds(circumstances.worstLag))"
      ])
    }
    for check in workload.checks {
      switch check {
      case .linearizable:
        let result = try await Check(limits: limits).run(history)
        results.verdict = result.verdict.rawValue
        results.counterexample = result.counterexample.map { .init($0) }
        results.checks.append(linearizable(result))
        results.problems.addNew(result.checkerFailures)
      case .availability: results.checks.append(Self.availability(results, workload))
      case .crashes: results.checks.append(crashes(circumstances.crashes))
      case .elections: results.checks.append(elections(circumstances.claims))
      }
    }
    results.phases.append(
      RunResults.Phase(name: phase, seconds: (ContinuousClock.now - start) / .seconds(1)))
    results.outcome = outcome(results, circumstances)
    results.summary = summary(results)
    return results
  }

  /// Kinds of faults for which the workload's time is too short.
  private static func unplanned(in workload: Workload) -> [String] {
    let planned = Set(Plan.draw(for: workload, seed: workload.seed ?? 0).map(\.kind))
    return Set(workload.faults.map(\.kind.name)).subtracting(planned).sorted().map {
      "no \($0) fits into \(workload.time.workloadText) with its waits and all quiet times: give it more time, "
        + "or choose with --faults"
    }
  }

  /// Why faults did not take hold, by kind; of several reasons the first.
  private static func obstacles(_ outcomes: [FaultOutcome]) -> [String: String] {
    let reasons = outcomes.compactMap { outcome in outcome.reason.map { (outcome.kind, $0) } }
    return Dictionary(reasons) { first, _ in first }
  }

  /// Recipes of which none took hold: each is a test of its own.
  private static func untried(
    in workload: Workload, _ outcomes: [FaultOutcome]
  ) -> [String] {
    let recipes = workload.faults.flatMap { fault in
      if case .recipe(let recipes) = fault.kind { return recipes.map(\.rawValue) }
      return []
    }
    return Set(recipes).sorted().compactMap { recipe in
      let own = outcomes.filter { $0.kind == "recipe" && $0.choice == recipe }
      if own.contains(where: { $0.result == .installed }) { return nil }
      return "the recipe \(recipe) did not take hold: \(own.first?.reason ?? "there was no time")"
    }
  }

  private static func linearizable(_ result: CheckResult) -> CheckOutcome {
    let detail: String
    switch result.verdict {
    case .valid:
      detail =
        "\(Figures.count(result.operations)) operations on \(result.keys.count) keys, each with a "
        + "verified order, in \(Figures.seconds(result.seconds))"
    case .invalid: detail = result.counterexample?.explanation ?? "no order explains the history"
    case .unknown:
      detail = result.keys.compactMap(\.limit).first.map { "\($0)" } ?? "a limit was reached"
    }
    return CheckOutcome(
      name: CheckName.linearizable.rawValue, verdict: result.verdict.rawValue, detail: detail)
  }

  private static func availability(_ results: RunResults, _ workload: Workload) -> CheckOutcome {
    let availability = results.availability
    guard availability.isMeasured else {
      return CheckOutcome(
        name: CheckName.availability.rawValue, verdict: "unknown", detail: "nothing was measured")
    }
    var detail =
      "available \(Figures.percent(availability.available)) of the time, longest without a success "
      + Figures.seconds(availability.longestGap)
    if !availability.recoveries.isEmpty {
      let worst = availability.worstRecovery.map { Figures.seconds($0) } ?? "never"
      detail += ", worst recovery after a fault \(worst)"
    }
    var missed: [Objective] = []
    if let objective = workload.recoveryObjective {
      let isMet = availability.worstRecovery.map { $0 <= objective.inSeconds } ?? false
      if !isMet { missed.append(.recovery) }
      detail += ", objective \(objective.workloadText)"
    }
    if let objective = workload.judgedGap,
      let worst = availability.functionGaps?.max(by: { ($0.value, $0.key) < ($1.value, $1.key) })
    {
      if worst.value > objective.inSeconds { missed.append(.gap) }
      detail +=
        ", no \(worst.key) succeeded for \(Figures.seconds(worst.value)), objective "
        + objective.workloadText
    }
    let slow = results.functions.compactMap { row in row.latency.map { (row.function, $0.p99) } }
    if let objective = workload.latencyObjective, let worst = slow.max(by: { $0.1 < $1.1 }) {
      if worst.1 / 1000 > objective.inSeconds { missed.append(.latency) }
      detail +=
        ", 99 of 100 calls of \(worst.0) within \(Figures.seconds(worst.1 / 1000)), objective "
        + objective.workloadText
    }
    if !missed.isEmpty {
      detail += Objective.mark + missed.map(\.rawValue).joined(separator: ", ")
    }
    return CheckOutcome(
      name: CheckName.availability.rawValue, verdict: missed.isEmpty ? "valid" : "invalid",
      detail: detail)
  }

  private static func crashes(_ crashes: [String]) -> CheckOutcome {
    CheckOutcome(
      name: CheckName.crashes.rawValue, verdict: crashes.isEmpty ? "valid" : "invalid",
      detail: crashes.isEmpty ? "no node ended on its own" : crashes.joined(separator: "; "))
  }

  private static func elections(_ claims: [RunResults.LeaderSeen]) -> CheckOutcome {
    let terms = Dictionary(grouping: claims, by: \.term).sorted { $0.key < $1.key }
    let broken = terms.compactMap { term, claims in
      let nodes = Set(claims.compactMap(\.node)).sorted()
      return nodes.count < 2 ? nil : "\(nodes.joined(separator: " and ")) both led in term \(term)"
    }
    let (verdict, detail) =
      if terms.isEmpty {
        ("unknown", "nobody was seen to lead")
      } else if broken.isEmpty {
        ("valid", "\(terms.count) terms were seen to have a leader, none of them two")
      } else {
        ("invalid", broken.joined(separator: "; "))
      }
    return CheckOutcome(name: CheckName.elections.rawValue, verdict: verdict, detail: detail)
  }

  private static func outcome(
    _ results: RunResults, _ circumstances: Circumstances
  ) -> RunOutcome {
    func verdict(_ name: CheckName) -> String? {
      results.checks.first { $0.name == name.rawValue }?.verdict
    }
    var found: Set<RunOutcome> = []
    if verdict(.linearizable) == "invalid" || verdict(.elections) == "invalid" {
      found.insert(.violation)
    }
    if verdict(.crashes) == "invalid" { found.insert(.crash) }
    if circumstances.isInterrupted { found.insert(.interrupted) }
    if !results.problems.isEmpty { found.insert(.benchFailure) }
    // A bench that stood still itself cannot say that the system was slow.
    if verdict(.availability) == "invalid", results.worstLag <= 1 { found.insert(.objective) }
    if verdict(.linearizable) == "unknown" || verdict(.elections) == "unknown"
      || !results.missing.isEmpty
    {
      found.insert(.inconclusive)
    }
    return RunOutcome.worst(of: found) ?? .valid
  }

  private static func summary(_ results: RunResults) -> String {
    func detail(_ name: CheckName) -> String {
      results.checks.first { $0.name == name.rawValue }?.detail ?? ""
    }
    switch results.outcome {
    case .valid:
      return results.verdict == "valid"
        ? "The history is linearizable."
        : "All checks asked for passed; linearizability was not among them."
    case .violation:
      let isBroken = results.verdict == "invalid"
      return (isBroken ? detail(.linearizable) : "Two leaders in one term: \(detail(.elections)).")
        + excuse(results.faults)
    case .crash: return "A node ended on its own: \(detail(.crashes))."
    case .interrupted: return "Interrupted; what was recorded until then is \(results.verdict)."
    case .benchFailure: return "The bench failed: \(results.problems.joined(separator: "; "))."
    case .objective: return "An objective was missed: \(detail(.availability))."
    case .inconclusive:
      let unknown = results.checks.filter {
        $0.verdict == "unknown" && $0.name != CheckName.availability.rawValue
      }
      let reasons = unknown.map(\.detail) + results.missing
      return "It shows too little: \(reasons.joined(separator: "; "))."
    }
  }
}

extension Judgement {
  /// What must be known of a violation after faults that Raft promises nothing about.
  private static func excuse(_ faults: [FaultOutcome]) -> String {
    let losses = faults.filter { fault in
      fault.result == .installed && fault.kind == "damage"
        && AimedTrouble<FileTrouble>(choice: fault.choice)?.trouble.losesDurable == true
    }
    guard !losses.isEmpty else { return "" }
    let names = Set(losses.map { "damage \($0.choice)" }).sorted().joined(separator: ", ")
    return " (\(names) took what was synced, which is more than Raft promises to survive.)"
  }
}

extension CheckResult {
  /// What a checker that refuted itself says: a failure of the bench, not a verdict.
  public var checkerFailures: [String] {
    keys.compactMap { key in
      guard let limit = key.limit, case .checkerFailed = limit.reason else { return nil }
      return "the checker failed on key \(key.key ?? "(the only one)"): \(limit)"
    }
  }
}

extension [String] {
  /// Adds those of `others` that are not there yet.
  fileprivate mutating func addNew(_ others: [String]) {
    for other in others where !contains(other) { append(other) }
  }
}

/// Figures as people read them.
public enum Figures {
  /// `1.234 s`, `45 ms`.
  public static func seconds(_ seconds: Double) -> String {
    seconds >= 1
      ? "\((seconds * 100).rounded() / 100) s" : "\((seconds * 10_000).rounded() / 10) ms"
  }

  /// `99.3 %`.
  public static func percent(_ share: Double) -> String {
    "\((share * 1000).rounded(.down) / 10) %"
  }

  /// `12,345`.
  public static func count(_ number: Int) -> String {
    var text = ""
    for (place, digit) in "\(number)".reversed().enumerated() {
      if place > 0, place % 3 == 0, digit != "-" { text.append(",") }
      text.append(digit)
    }
    return String(text.reversed())
  }
}
