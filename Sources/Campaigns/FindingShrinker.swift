// A run's finding with as little as still shows it: what to try is Shrinker's, how often and what it came
// to is said here.

import Bench
import FoundationEssentials
import History
import Nemesis
import SSH
import Workloads

/// A finding, and the least that was found to show it.
public struct ShrunkFinding: Sendable, Encodable {
  /// What it has in every run that shows it.
  public var fingerprint: String
  /// What the run had, as `41 faults, 5 nodes, 10 clients, 8 keys, 60s`.
  public var from: String
  /// What shows it too, in the same words.
  public var to: String
  /// The faults that are left, in the plan's order: kind and choice.
  public var faults: [String]
  /// The size of the cluster.
  public var nodes: Int
  /// How many clients there are.
  public var clients: Int
  /// How many keys they use.
  public var keys: Int
  /// How many operations the counterexample has; 0 where the finding is no violation.
  public var operations: Int
  /// In how many of the last runs the smallest showed it, and how many these were.
  public var rate: [Int]
  /// About the share of its runs in which a step had to show it.
  public var keptRate: Double
  /// All runs that it took.
  public var runs: Int
  /// The folder of a run that shows it.
  public var run: String
  /// The program that was tested; nil for the usual one.
  public var build: String?

  /// What shows it, in one sentence.
  public var sentence: String {
    let kinds = faults.isEmpty ? "" : " (\(faults.joined(separator: "; ")))"
    let size = operations > 0 ? ", \(operations) operations" : ""
    return "shrunk to \(to)\(kinds)\(size), shown in \(rate[0]) of \(rate[1]) more runs"
  }

  /// The command that does the smallest again.
  public var again: String {
    let words = ["gauntlet", "replay", run] + (build.map { ["--build", $0] } ?? [])
    // No path has a NUL in it.
    return ShellWords.line(words + ["--count", "5", "--stop-at-violation"]) ?? ""
  }

  /// For people.
  public var text: String {
    """
    finding    \(fingerprint)
    from       \(from)
    to         \(to)
    faults     \(faults.isEmpty ? "none" : faults.joined(separator: "; "))
    operations \(operations) show it
    shown      in \(rate[0]) of \(rate[1]) more runs of it; a step had to show it in about \(Int(keptRate * 100)) % of its runs, \(runs) in all
    run        \(run)
    again      \(again)
    """
  }
}

/// Looks for the least that shows a run's finding, by runs.
public struct FindingShrinker: Sendable {
  /// What the runs are done with.
  public var trial: TrialRun
  /// The most replays of the whole run, to see how often it shows the finding.
  public var tries: Int
  /// About the chance of missing one step that shows it as often as the whole.
  public var error: Double
  /// Is told what is shrunk, every run, and why nothing came of it, a line each.
  public var say: @Sendable (String) -> Void

  /// One that runs with `trial`.
  public init(
    trial: TrialRun, tries: Int, error: Double, say: @escaping @Sendable (String) -> Void
  ) {
    self.trial = trial
    self.tries = tries
    self.error = error
    self.say = say
  }

  /// The least that shows the finding of the run in `folder` about as often; nil where no replay of it does.
  ///
  /// First the run is replayed until five replays have shown the finding, which tells how often it does at
  /// least (nine times of ten it does so more often). Then each step has to show it as often as that, rather
  /// than half as often: `RateTest` says which. What lies between is as good as either.
  ///
  /// - Throws: `BenchError` or `WorkloadError` for a run without a finding or that cannot be read;
  ///   `CancellationError` when `interruption` is raised.
  /// - Complexity: some tens of steps, of about five runs divided by the rate.
  public func shrink(
    _ folder: RunFolder, _ interruption: Interruption
  ) async throws -> ShrunkFinding? {
    let workload = try WorkloadFile.read(path: folder.workload)
    guard let results = try RunResults.read(folder.results),
      let fingerprint = Fingerprint.of(results, model: workload.load.model)
    else {
      throw BenchError(
        "\(folder.path): there is no finding in it; name a run with one", isOfInput: true)
    }
    guard let data = FileManager.default.contents(atPath: folder.plan) else {
      throw BenchError("\(folder.plan): cannot be read, so that the run cannot be done again")
    }
    let whole = Reproduction(workload: workload, plan: try Plan.read(data))
    let seed = workload.seed ?? 1
    say("shrinking  \(whole.text), of \(folder.path): \(fingerprint)")
    var runs = 0
    /// A run that shows it; nil when this one does not.
    func shown(_ reproduction: Reproduction) async throws -> RunFolder? {
      let entry = try await judged(reproduction, seed: seed, interruption)
      runs += 1
      let isShown = entry.fingerprint == fingerprint
      say("\(isShown ? "shown    " : "not shown")  \(reproduction.text)")
      return isShown ? RunFolder(path: "\(trial.store)/\(entry.folder)") : nil
    }
    var replays = 0
    var showings: [RunFolder] = []
    while replays < tries, showings.count < 5 {
      replays += 1
      if let showing = try await shown(whole) { showings.append(showing) }
    }
    guard var last = showings.last else {
      let isAnother = trial.build.map { (try? BuildSum.sum(of: $0)) != results.build } ?? false
      say(
        "none of \(replays) replays shows \(fingerprint); "
          + (isAnother
            ? "they ran another program than the run did" : "it depends on more than the plan"))
      return nil
    }
    let least = Bisection.leastRate(hits: showings.count, runs: replays)
    say("shown in \(showings.count) of \(replays) replays")
    let smallest = try await Shrinker { reproduction in
      var test = RateTest(rate: least, error: error)
      var places: [RunFolder] = []
      while test.verdict == nil {
        let place = try await shown(reproduction)
        test.add(isShown: place != nil)
        if let place { places.append(place) }
      }
      guard test.verdict == true, let place = places.last else { return nil }
      last = place
      say("kept       \(reproduction.text), as in \(place.path)")
      return Showing(at: try places.compactMap(foundAt))
    }.shrink(whole, shown: Showing(at: try showings.compactMap(foundAt)))
    // Midway between what is kept and what is refused.
    let keptRate = 0.75 * least
    var (repeated, more) = (0, 0)
    // A rare one may not show itself in five runs, and does so in as many as this 19 times of 20.
    while more < 5 || repeated == 0 && Double(more) < 3 / keptRate {
      if let place = try await shown(smallest) { (last, repeated) = (place, repeated + 1) }
      more += 1
    }
    let counterexample = try RunResults.read(last.results)?.counterexample
    return ShrunkFinding(
      fingerprint: fingerprint, from: whole.text, to: smallest.text,
      faults: smallest.plan.map { "\($0.kind) \($0.choice)" }, nodes: smallest.workload.nodes,
      clients: smallest.workload.clients, keys: smallest.workload.load.keys,
      operations: counterexample?.operations.count ?? 0, rate: [repeated, more],
      keptRate: keptRate, runs: runs, run: last.path, build: trial.build)
  }

  /// A run in which the bench did not fail; it is tried three times, since such a run says nothing.
  private func judged(
    _ reproduction: Reproduction, seed: UInt64, _ interruption: Interruption
  ) async throws -> RunEntry {
    var failures = 0
    while true {
      let entry = try await trial.run(
        reproduction.workload, seed: seed, plan: reproduction.plan, interruption)
      if interruption.isRaised { throw CancellationError() }
      guard entry.outcome == RunOutcome.benchFailure.rawValue else { return entry }
      say("the bench failed: \(entry.summary)")
      failures += 1
      if failures == 3 { throw BenchError("\(trial.store)/\(entry.folder): \(entry.summary)") }
    }
  }

  /// When the last operation of the counterexample ended, since the beginning of the run.
  private func foundAt(_ folder: RunFolder) throws -> Duration? {
    guard let indexes = try RunResults.read(folder.results)?.counterexample?.operations else {
      return nil
    }
    let operations = Set(indexes)
    // Only to shorten the next: without it they are as long as this one.
    guard let history = try? History(file: folder.history) else { return nil }
    let end = history.operations.filter { operations.contains($0.invocation) }
      .compactMap(\.completedAt).max()
    // The load begins after the nodes have started; a little is left for that.
    return end.map { .nanoseconds($0) }
  }
}
