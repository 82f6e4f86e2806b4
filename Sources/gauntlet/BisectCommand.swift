// gauntlet bisect: the commit that brought a finding.

import ArgumentParser
import Bench
import Campaigns
import FoundationEssentials
import Hosts
import Workloads

struct BisectCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bisect",
    abstract: "Find the commit that brought a finding, even one that only some runs show.",
    discussion: """
      The bad end is run until it has shown the finding three times. What that says
      of its rate decides how many runs without it make a commit good, so that the
      whole search errs with a chance of --error at most. Commits that cannot be
      built are passed over.

      EXAMPLE
        gauntlet bisect --good v1.2 --bad HEAD --source . \\
          --make 'swift build -c release --product raft-node' \\
          --program .build/release/raft-node --workload Workloads/recipes.yaml

      EXIT CODES
        0 found; 2 the bad end does not show it, or the good end does; 10 the bench
        failed
      """)

  @Option(help: "A revision without the finding.")
  var good: String

  @Option(help: "A revision with it.")
  var bad: String

  @Option(help: "The workload file that shows it.")
  var workload: String

  @OptionGroup var source: SourceOptions

  @Option(
    help: "Which finding, by its fingerprint; the one that the bad end shows most if left out.")
  var finding: String?

  @Option(help: ArgumentHelp("The load's time in each run.", valueName: "10s"))
  var time: String?

  @OptionGroup var settings: SettingOption

  @Option(help: "The first run's seed.")
  var seed: UInt64 = 1

  @Option(help: "The most runs of the bad end.")
  var runs: Int = 30

  @Option(help: "The chance of naming the wrong commit.")
  var error: Double = 0.05

  @OptionGroup var store: StoreOption

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    guard source.source != nil else {
      throw ValidationError("Say where the commits are: --source, --make and --program.")
    }
    guard (1...100_000).contains(runs) else {
      throw ValidationError("--runs is a whole number from 1.")
    }
    guard error > 0, error < 1 else { throw ValidationError("--error is between 0 and 1.") }
    if let time, Duration(workload: time) == nil {
      throw ValidationError("--time is a time above zero, such as 10s.")
    }
  }

  func run() async throws {
    let interruption = Interruption()
    let signals = Task {
      await RunCommand.watchSignals(interruption, saying: "ending the run that goes on")
    }
    defer { signals.cancel() }
    do {
      let summary = try await bisect(interruption)
      print(json ? try JSONOutput.line(summary) : summary.text)
    } catch let code as ExitCode {
      throw code
    } catch is CancellationError {
      throw ExitCode(RunOutcome.interrupted.exitCode)
    } catch {
      throw Failure.report(error)
    }
  }

  /// What the runs of one commit said.
  private struct Judged {
    /// Runs that say something: they were valid, or showed the finding.
    var runs = 0
    var shown: [RunEntry] = []
  }

  private func bisect(_ interruption: Interruption) async throws -> BisectSummary {
    let store = store.path
    guard let tree = source.tree(store: store) else { preconditionFailure("validate asked for it") }
    var overrides = settings.overrides
    if let time { overrides.append(Override("time", time)) }
    let workload = try WorkloadFile.read(path: self.workload, overrides: overrides)
    let commits = try await tree.commits(after: good, to: bad)

    /// Runs a commit until `hits` runs have shown `finding`, any if nil, or `most` said something; nil when
    /// too few of them say anything: they end otherwise, or do too little.
    func judge(
      _ commit: String, for finding: String?, until hits: Int, most: Int
    ) async throws -> Judged? {
      let build = try await tree.build(commit, interruption)
      let trial = TrialRun(program: OwnProgram.path, store: store, build: build)
      var judged = Judged()
      for attempt in 0..<UInt64(2 * most + 3) {
        if judged.runs >= most || judged.shown.count >= hits { return judged }
        let entry = try await trial.run(workload, seed: seed &+ attempt, interruption)
        if interruption.isRaised { throw ExitCode(RunOutcome.interrupted.exitCode) }
        // What the bench failed at says nothing of the commit.
        if entry.outcome == RunOutcome.benchFailure.rawValue {
          throw BenchError("\(store)/\(entry.folder): \(entry.summary)")
        }
        if let own = entry.fingerprint, finding.map({ $0 == own }) ?? true {
          judged.shown.append(entry)
          judged.runs += 1
        } else if entry.outcome == RunOutcome.valid.rawValue {
          judged.runs += 1
        }
      }
      return judged.runs >= most || judged.shown.count >= hits ? judged : nil
    }

    say("\(commits.count) commits; the bad end first")
    let end = try await judge(commits[commits.count - 1], for: finding, until: 3, most: runs)
    guard let bad = end else { throw undecided("the bad end") }
    let counts = Dictionary(grouping: bad.shown) { $0.fingerprint ?? "" }
    guard let most = counts.max(by: { ($0.value.count, $1.key) < ($1.value.count, $0.key) }) else {
      say("gauntlet: the bad end does not show it in \(bad.runs) runs; give it more with --runs")
      throw ExitCode(RunOutcome.inconclusive.exitCode)
    }
    let rate = Bisection.leastRate(hits: most.value.count, runs: bad.runs)
    var bisection = Bisection(commits, rate: rate, error: error)
    say(
      "\(most.key): \(most.value.count) of \(bad.runs) runs; "
        + "\(bisection.runsEach) runs without it make a commit good")
    let start = try await judge(
      try await tree.commit(of: good), for: most.key, until: 1, most: bisection.runsEach)
    guard let before = start else { throw undecided("the good end") }
    guard before.shown.isEmpty else {
      say("gauntlet: the good end shows it too (\(before.shown[0].folder)); name an earlier one")
      throw ExitCode(RunOutcome.inconclusive.exitCode)
    }
    while let place = bisection.next {
      let commit = commits[place]
      do {
        let judged = try await judge(
          commit, for: most.key, until: 1, most: bisection.runsEach)
        let isBad = judged.map { !$0.shown.isEmpty }
        bisection.judge(place, isBad: isBad)
        let word = isBad.map { $0 ? "bad " : "good" } ?? "passed over, its runs say nothing:"
        say("\(word)  \(commit.prefix(12)) after \(judged?.runs ?? 0) runs")
      } catch let failure as BuildFailure {
        bisection.judge(place, isBad: nil)
        say("\(failure)")
      }
    }
    var suspects: [BisectSummary.Suspect] = []
    for commit in bisection.suspects {
      suspects.append(
        BisectSummary.Suspect(commit: commit, subject: try await tree.subject(of: commit)))
    }
    return BisectSummary(
      finding: most.key, summary: most.value[0].summary, rate: [most.value.count, bad.runs],
      runsEach: bisection.runsEach, error: error, first: suspects,
      run: "\(store)/\(most.value[0].folder)")
  }

  private func undecided(_ what: String) -> ExitCode {
    say("gauntlet: too few runs of \(what) say anything; look at them with gauntlet runs")
    return ExitCode(RunOutcome.inconclusive.exitCode)
  }

  private func say(_ line: String) { FileHandleOutput.standardError.write("\(line)\n") }
}

/// What bisecting came to.
private struct BisectSummary: Encodable {
  struct Suspect: Encodable {
    var commit: String
    var subject: String
  }

  var finding: String
  var summary: String
  var rate: [Int]
  var runsEach: Int
  var error: Double
  /// The first bad commit; several, when those between cannot be built.
  var first: [Suspect]
  var run: String

  var text: String {
    let names = first.map { "\($0.commit.prefix(12)) \($0.subject)" }
    return """
      finding    \(finding): \(summary)
      shown      by \(rate[0]) of \(rate[1]) runs of the bad end
      first bad  \(names.joined(separator: "\n           or "))
      certainty  wrong with a chance of \(error) at most: a good commit had \(runsEach) runs
      run        \(run)
      """
  }
}
