// gauntlet shrink: a run's finding with as little as shows it.

import ArgumentParser
import Bench
import Campaigns
import FoundationEssentials
import History
import Nemesis
import Workloads

struct ShrinkCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "shrink",
    abstract: "Find the fewest faults, nodes, clients and keys that still show a run's finding.",
    discussion: """
      First the run is replayed to see how often it shows the finding. Each smaller
      one is then tried so often that one which shows it as often is missed with a
      chance of --error at most. The smallest is run five times more, to say how
      often it shows the finding.

      EXAMPLES
        gauntlet shrink runs/latest
        gauntlet shrink runs/register-raft-node/20261128T020000-42 --build my/raft-node
      """)

  @Argument(help: "The folder of a run with a finding.")
  var run: String

  @Option(help: ArgumentHelp("The executable of a node; raft-node beside gauntlet if left out."))
  var build: String?

  @Option(help: "The most replays of the whole run, to see how often it shows the finding.")
  var tries: Int = 10

  @Option(help: "The chance of missing one step.")
  var error: Double = 0.05

  @OptionGroup var store: StoreOption

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    guard (1...1000).contains(tries) else {
      throw ValidationError("--tries is a whole number from 1.")
    }
    guard error > 0, error < 1 else { throw ValidationError("--error is between 0 and 1.") }
  }

  func run() async throws {
    let interruption = Interruption()
    let signals = Task {
      await RunCommand.watchSignals(interruption, saying: "ending the run that goes on")
    }
    defer { signals.cancel() }
    do {
      let summary = try await shrink(interruption)
      print(json ? try JSONOutput.line(summary) : summary.text)
    } catch let code as ExitCode {
      throw code
    } catch {
      throw Failure.report(error)
    }
  }

  private func shrink(_ interruption: Interruption) async throws -> ShrinkSummary {
    let store = store.path
    let folder = RunFolder(path: run)
    let workload = try WorkloadFile.read(path: folder.workload)
    guard let results = try RunResults.read(folder.results),
      let fingerprint = Fingerprint.of(results, model: workload.load.model)
    else { throw BenchError("\(run): there is no finding in it; name a run with one") }
    guard let data = FileManager.default.contents(atPath: folder.plan) else {
      throw BenchError("\(folder.plan): cannot be read, so that the run cannot be done again")
    }
    let whole = Reproduction(workload: workload, plan: try Plan.read(data))
    let trial = TrialRun(
      program: RunCommand.ownProgram, store: store,
      build: build ?? RunCommand.sibling("raft-node"))
    let seed = workload.seed ?? 1
    var runs = 0
    var last: RunEntry?
    func shows(_ reproduction: Reproduction) async throws -> Bool {
      if interruption.isRaised { throw ExitCode(RunOutcome.interrupted.exitCode) }
      runs += 1
      let entry = try await trial.run(
        reproduction.workload, seed: seed, plan: reproduction.plan, interruption)
      let isShown = entry.fingerprint == fingerprint
      if isShown { last = entry }
      FileHandleOutput.standardError.write(
        "\(isShown ? "shown    " : "not shown")  \(reproduction.text)\n")
      return isShown
    }
    var (hits, replays) = (0, 0)
    while replays < tries, hits < 3 {
      replays += 1
      if try await shows(whole) { hits += 1 }
    }
    guard hits > 0 else {
      FileHandleOutput.standardError.write(
        "gauntlet: none of \(replays) replays shows \(fingerprint); it depends on more than the plan\n"
      )
      throw ExitCode(RunOutcome.inconclusive.exitCode)
    }
    let rate = Double(hits) / Double(replays)
    // Even a finding of every run may be missed once by a smaller one.
    let each = max(2, Bisection.runs(for: 1, rate: rate, error: error))
    let smallest = try await Shrinker { reproduction in
      for _ in 0..<each where try await shows(reproduction) { return true }
      return false
    }.shrink(whole, foundAt: try foundAt(results, folder))
    let best = last
    var repeated = 0
    for _ in 0..<5 where try await shows(smallest) { repeated += 1 }
    let shown = (repeated > 0 ? last : best)?.folder ?? ""
    return ShrinkSummary(
      fingerprint: fingerprint, from: whole.text, to: smallest.text,
      faults: smallest.plan.map { "\($0.kind) \($0.choice)" }, nodes: smallest.workload.nodes,
      clients: smallest.workload.clients, keys: smallest.workload.load.keys,
      operations: try operations(of: shown, in: store), rate: [repeated, 5], triesEach: each,
      runs: runs, run: "\(store)/\(shown)", build: build)
  }

  /// When the last operation of the counterexample ended, since the beginning of the run.
  private func foundAt(_ results: RunResults, _ folder: RunFolder) throws -> Duration? {
    guard let indexes = results.counterexample?.operations else { return nil }
    let operations = Set(indexes)
    let history = try History(file: folder.history)
    let end = history.operations.filter { operations.contains($0.invocation) }
      .compactMap(\.completedAt).max()
    // The load begins after the nodes have started; a little is left for that.
    return end.map { .nanoseconds($0) }
  }

  private func operations(of folder: String, in store: String) throws -> Int {
    try RunResults.read(RunFolder(path: "\(store)/\(folder)").results)?.counterexample?.operations
      .count ?? 0
  }
}

/// What shrinking came to.
private struct ShrinkSummary: Encodable {
  var fingerprint: String
  var from: String
  var to: String
  var faults: [String]
  var nodes: Int
  var clients: Int
  var keys: Int
  var operations: Int
  var rate: [Int]
  var triesEach: Int
  var runs: Int
  var run: String
  var build: String?

  var text: String {
    let program = build.map { " --build \($0)" } ?? ""
    return """
      finding    \(fingerprint)
      from       \(from)
      to         \(to)
      faults     \(faults.isEmpty ? "none" : faults.joined(separator: "; "))
      operations \(operations) show it
      shown      in \(rate[0]) of \(rate[1]) more runs of it; each step was tried \(triesEach) times, \(runs) runs in all
      run        \(run)
      again      gauntlet replay \(run)\(program) --count 5 --stop-at-violation
      """
  }
}
