// gauntlet compare: two builds, campaigns or runs set against each other.

import ArgumentParser
import Bench
import Campaigns
import FoundationEssentials
import Hosts
import Reports
import Workloads

struct CompareCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Say what is new, gone, slower or faster in a second build, campaign or run.",
    discussion: """
      Two programs are run in pairs, each pair with the same plan and seed, one
      after the other. With --source they are revisions of a git repository, and
      --make builds them. Without --workload two campaigns, or two runs, are
      compared as they are; `last-14` stands for the fourteen of the second's name
      before it, and with --campaign the names are those of two of its builds.

      A figure counts as worse when it is so by --smallest at least, and would be
      seen by chance in one of a hundred comparisons at most, all figures taken
      together. A finding counts by its rate (an exact test). With --shrink the
      least that shows each new finding is looked for, as gauntlet shrink does.

      EXAMPLES
        gauntlet compare old/raft-node new/raft-node --workload Workloads/steady.yaml
        gauntlet compare main HEAD --source . --workload Workloads/steady.yaml \\
          --make 'swift build -c release --product raft-node' \\
          --program .build/release/raft-node
        gauntlet compare last-14 latest --shrink
        gauntlet compare main branch --campaign nightly-20261128T020000 \\
          --output compare.html --output compare.md

      EXIT CODES
        0 no regression; 1 the second has a violation or crash that the first has
        not; 2 too few pairs to see any difference, or only inconclusive runs of the
        second where the first has others; 4 a regression that holds; 10 the bench
        failed
      """)

  @Argument(help: ArgumentHelp("What was before.", valueName: "a"))
  var first: String

  @Argument(help: ArgumentHelp("What is now.", valueName: "b"))
  var second: String

  @Option(help: "A workload file to run both with; may be given several times.")
  var workload: [String] = []

  @Option(help: "Which of its faults: none, all, or kinds such as kill,pause.")
  var faults: String = "none"

  @Option(help: ArgumentHelp("The load's time in each run.", valueName: "10s"))
  var time: String = "8s"

  @Option(
    help: "How many pairs of runs for each workload; as many as can show a difference if left out.")
  var pairs: Int?

  @Option(name: .customLong("for"), help: ArgumentHelp("End after so long.", valueName: "5m"))
  var limit: String?

  @OptionGroup var settings: SettingOption

  @Option(help: "The first pair's seed.")
  var seed: UInt64 = 1

  @Option(help: "Differences below are none, as a share.")
  var smallest: Double = 0.03

  @OptionGroup var source: SourceOptions

  @Option(help: "The campaign whose builds are compared.")
  var campaign: String?

  @Flag(help: "Look for the fewest faults, nodes, clients and keys that show each new finding.")
  var shrink = false

  @OptionGroup var store: StoreOption

  @Option(
    help: "A file to write too: .html, .md for a pull request, .json; may be given several times.")
  var output: [String] = []

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    guard (1...100_000).contains(pairs ?? 1) else {
      throw ValidationError("--pairs is a whole number from 1.")
    }
    guard !workload.isEmpty || (pairs == nil && limit == nil && source.source == nil) else {
      throw ValidationError("--pairs, --for and --source go with --workload.")
    }
    for path in output where !["html", "md", "json"].contains(path.split(separator: ".").last) {
      throw ValidationError("--output \(path): end it with .html, .md or .json.")
    }
    guard smallest >= 0, smallest.isFinite else {
      throw ValidationError("--smallest is a share from 0, such as 0.03.")
    }
    for path in output {
      do { try RunFolder.requireFolder(of: path) } catch {
        throw ValidationError("--output \(error)")
      }
    }
    for (flag, text) in [("--time", time), ("--for", limit ?? "1s")]
    where Duration(workload: text) == nil {
      throw ValidationError("\(flag) is a time above zero, such as 10s or 5m.")
    }
  }

  func run() async throws {
    var comparison: Comparison
    var codes: Set<Int32> = []
    do {
      comparison = try await compare(store.path, &codes)
      if shrink, !codes.contains(RunOutcome.interrupted.exitCode) {
        try await shrinkNewFindings(of: &comparison, &codes)
      }
    } catch let code as ExitCode {
      throw code
    } catch is CancellationError {
      throw ExitCode(RunOutcome.interrupted.exitCode)
    } catch {
      throw Failure.report(error)
    }
    print(json ? try JSONOutput.line(comparison) : comparison.text)
    for path in output {
      // That one cannot be written says nothing of what was found.
      do { try Self.write(comparison, to: path) } catch {
        codes.insert(Failure.report(error).rawValue)
      }
    }
    if comparison.isRegression { codes.insert(4) }
    if comparison.failed > 0 { codes.insert(RunOutcome.benchFailure.exitCode) }
    if comparison.hasNewViolation { codes.insert(RunOutcome.violation.exitCode) }
    if comparison.isUndecided { codes.insert(RunOutcome.inconclusive.exitCode) }
    let code = Failure.worst(of: codes)
    if code != 0 { throw ExitCode(code) }
  }

  /// Looks for the least that shows each finding that the first side has not. What is in the way of one, or
  /// that somebody interrupts, takes nothing from the rest.
  private func shrinkNewFindings(
    of comparison: inout Comparison, _ codes: inout Set<Int32>
  ) async throws {
    let interruption = Interruption()
    let signals = Task {
      await RunCommand.watchSignals(interruption, saying: "ending the run that goes on")
    }
    defer { signals.cancel() }
    @Sendable func say(_ line: String) { FileHandleOutput.standardError.write("\(line)\n") }
    for place in comparison.findings.indices where comparison.findings[place].verdict == "new" {
      let (run, name) = (comparison.findings[place].run, comparison.findings[place].fingerprint)
      let store = comparison.findings[place].store
      say("shrinks \(name), \(run)")
      do {
        let trial = TrialRun(
          program: OwnProgram.path, store: store,
          build: try RunFolder(path: "\(store)/\(run)")
            .program(orElse: OwnProgram.sibling("raft-node")))
        comparison.findings[place].reproduction = try await FindingShrinker(
          trial: trial, tries: 10, error: 0.1, say: say
        ).shrink(RunFolder(path: "\(store)/\(run)"), interruption)
      } catch is CancellationError {
        codes.insert(RunOutcome.interrupted.exitCode)
        return
      } catch {
        say("gauntlet: \(name) was not shrunk: \(error)")
      }
    }
  }

  /// Writes the comparison in the form that the path's ending says.
  private static func write(_ comparison: Comparison, to path: String) throws {
    let report = ComparisonReport(comparison)
    let text =
      switch path.split(separator: ".").last {
      case "html": try report.html()
      case "md": report.markdown
      default: try JSONOutput.line(comparison) + "\n"
      }
    try RunFolder.write(Data(text.utf8), to: path)
  }

  private func compare(_ store: String, _ codes: inout Set<Int32>) async throws -> Comparison {
    if let campaign {
      return try .builds(
        first, second, of: try CampaignFolder.find(campaign, in: store), smallest: smallest)
    }
    if !workload.isEmpty { return try await compareBuilds(store, &codes) }
    let runs = [first, second].map { try? self.store.run($0) }
    if let one = runs[0], let other = runs[1] { return try Comparison.runs(one, other) }
    if let known = runs.firstIndex(where: { $0 != nil }) {
      // Where that is nothing but a run, the other was to be one.
      let (name, other) = known == 0 ? (first, second) : (second, first)
      if !other.hasPrefix("last-"), (try? CampaignFolder.find(name, in: store)) == nil {
        _ = try self.store.run(other)
      }
    }
    for name in [first, second] where FileManager.default.isExecutableFile(atPath: name) {
      var isFolder = false
      if FileManager.default.fileExists(atPath: name, isDirectory: &isFolder), !isFolder {
        throw BenchError(
          "\(name): a program; say with --workload what it is to do", isOfInput: true)
      }
    }
    if second.hasPrefix("last-") {
      throw BenchError("\(second): stands first, before what it is compared with", isOfInput: true)
    }
    let now = try CampaignFolder.find(second, in: store)
    if first.hasPrefix("last-"), let count = Int(first.dropFirst(5)), count >= 1 {
      let before = try now.before(count)
      guard !before.isEmpty else {
        throw BenchError(
          "\(second): no campaign of its name is before \(now.name)", isOfInput: true)
      }
      return try .campaigns(before, now, smallest: smallest)
    }
    return try .campaigns(
      [try CampaignFolder.find(first, in: store)], now, smallest: smallest)
  }

  /// Runs both programs in pairs, as a campaign of its own that can be looked at later.
  private func compareBuilds(
    _ store: String, _ codes: inout Set<Int32>
  ) async throws -> Comparison {
    let programs = try await source.programs([first, second], store: store)
    let campaign = try Campaign.comparing(
      [
        try Campaign.Build(name: "A", at: programs[0]),
        try Campaign.Build(name: "B", at: programs[1]),
      ], name: "compare", workloads: workload,
      faults: [FaultChoice(name: faults.split(separator: ",").joined(separator: "+"))],
      settings: settings.given, time: time, pairs: pairs ?? Comparison.pairs(for: workload.count),
      seconds: limit.flatMap { Duration(workload: $0) }.map { $0 / .seconds(1) }, firstSeed: seed)
    let folder = try CampaignFolder.make(in: store, for: campaign, shard: .whole)
    let work = CampaignAtWork(folder: folder, json: json)
    FileHandleOutput.standardError.write(
      "gauntlet compare A B --campaign \(folder.name.dropFirst("campaigns/".count)) shows it again\n"
    )
    var comparison: Comparison
    do {
      let (state, isInterrupted) = try await work.perform()
      if state.verdicts.contains(.benchFailure) { codes.insert(RunOutcome.benchFailure.exitCode) }
      if isInterrupted { codes.insert(RunOutcome.interrupted.exitCode) }
      comparison = try Comparison.builds("A", "B", of: folder, smallest: smallest)
    } catch {
      // What was found before still counts.
      guard let stand = try? Comparison.builds("A", "B", of: folder, smallest: smallest) else {
        throw error
      }
      codes.insert(Failure.report(error).rawValue)
      comparison = stand
    }
    (comparison.first, comparison.second) = ("A (\(first))", "B (\(second))")
    return comparison
  }
}

/// Builds that are programs, or revisions of a repository with what makes them.
struct SourceOptions: ParsableArguments {
  @Option(help: "The git repository whose revisions are built.")
  var source: String?

  @Option(help: ArgumentHelp("What builds a revision, for sh in its tree.", valueName: "command"))
  var make: String?

  @Option(help: "Where the program is then, as a path in the tree.")
  var program: String?

  func validate() throws {
    guard (source == nil) == (make == nil), (make == nil) == (program == nil) else {
      throw ValidationError("--source, --make and --program go together.")
    }
  }

  /// The repository; nil when builds are programs.
  func tree(store: String) -> SourceTree? {
    guard let source, let make, let program else { return nil }
    return SourceTree(repository: source, make: make, program: program, store: store)
  }

  /// The programs that these are; revisions are built.
  func programs(_ names: [String], store: String) async throws -> [String] {
    guard let tree = tree(store: store) else { return names }
    let interruption = Interruption()
    let signals = Task { await RunCommand.watchSignals(interruption, saying: "ending the build") }
    defer { signals.cancel() }
    var programs: [String] = []
    var commits: [String] = []
    for name in names { commits.append(try await tree.commit(of: name)) }
    for (name, commit) in zip(names, commits) {
      FileHandleOutput.standardError.write("builds \(name) (\(commit.prefix(12)))\n")
      programs.append(try await tree.build(commit, interruption))
    }
    return programs
  }
}
