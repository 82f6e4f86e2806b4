// gauntlet campaign: matrices of runs.

import ArgumentParser
import Bench
import Campaigns
import Fleet
import FoundationEssentials
import Hosts
import Workloads

struct CampaignCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "campaign",
    abstract: "Run a matrix of workloads, faults, builds and sizes; resume it; see how it stands.",
    discussion: """
      EXAMPLES
        gauntlet campaign run Workloads/nightly.yaml
        gauntlet campaign resume
        gauntlet campaign status --json

      A campaign can be killed at any moment and resumed: every run is noted before
      it begins and after it ends. A run that was cut short is done again.

      THE FILE
        workloads: [register.yaml, network.yaml]   # beside it
        faults: [none, each, kill+partition, all]  # each: a cell for every kind
        builds: [{name: main, path: build/raft-node}]
        nodes: [3, 5]
        seeds: {first: 1, count: 3}
        time: 30s                                  # of each run's load
        set: [clients=4]                           # over the workloads' own
        cover: pairwise                            # or full, or {sample: 40}
        budget: {time: 1h, runs: 200}
        labs: 2                                    # at once
        retries: 2                                 # where the bench itself failed
        quarantine: 3                              # failures of the bench in a row
        findings: 1                                # after so many a cell is left
      All but workloads can be left out: faults is all then, seeds 1 (a number
      alone, as `seeds: 20`, counts from 1), cover full, retries 2, quarantine 3,
      findings 1, time and set the workloads' own, and there is no budget.
      """,
    subcommands: [
      CampaignRunCommand.self, CampaignResumeCommand.self, CampaignStatusCommand.self,
      CampaignCollectCommand.self, CampaignSubmitCommand.self,
    ])
}

struct CampaignRunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Begin a campaign.",
    discussion: """
      EXAMPLES
        gauntlet campaign run Workloads/nightly.yaml
        gauntlet campaign run nightly.yaml --build main=build/raft-node --shard 2/8
      """)

  @Argument(help: "The campaign file (YAML; see gauntlet help campaign).")
  var file: String

  @Option(
    help: ArgumentHelp(
      "Test this build of raft-node instead of the file's; may be given several times.",
      valueName: "name=path"))
  var build: [String] = []

  @Option(help: ArgumentHelp("Only this part of the runs.", valueName: "k/n"))
  var shard: String?

  @Option(help: "A file of machines that are reached over SSH; labs if left out.")
  var hosts: String?

  @OptionGroup var store: StoreOption

  @OptionGroup var notification: NotificationOptions

  @Flag(help: "Print one JSON object at the end.")
  var json = false

  @Flag(help: "Only say what would be run.")
  var dryRun = false

  func validate() throws {
    if let shard, Shard(shard) == nil { throw ValidationError("--shard is k/n, such as 2/8.") }
    for build in build where !build.dropFirst().contains("=") {
      throw ValidationError("--build \(build): write name=path, such as main=build/raft-node.")
    }
  }

  func run() async throws {
    let campaign: Campaign
    do {
      var read = try CampaignFile.read(
        path: file, defaultBuild: OwnProgram.sibling("raft-node"))
      if !build.isEmpty {
        read.builds.removeAll { $0.system == .raftNode }
        read.builds += try build.map { text in
          let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
          return try Campaign.Build(name: parts[0], at: parts[1])
        }
        if let reason = read.problem { throw WorkloadError(file: "--build", reason: reason) }
      }
      if let hosts { _ = try HostsFile.read(path: hosts) }
      campaign = read
    } catch {
      throw Failure.report(error)
    }
    let shard = shard.flatMap(Shard.init) ?? .whole
    if dryRun { return try preview(CampaignState(campaign, shard: shard)) }
    let folder: CampaignFolder
    do {
      folder = try CampaignFolder.make(
        in: store.path, for: campaign, shard: shard,
        hosts: hosts.map { URL(filePath: $0).path })
    } catch {
      throw Failure.report(error)
    }
    try await CampaignAtWork(folder: folder, json: json).run(notification)
  }
}

extension CampaignRunCommand {
  /// Says what would be run, each run on a line, and after that how much it is.
  private func preview(_ state: CampaignState) throws {
    for run in state.planned { print(json ? try JSONOutput.line(run) : run.name) }
    let campaign = state.campaign
    let labs = hosts == nil ? campaign.labs ?? CampaignRunner.usualLabs : 1
    let budget = [
      campaign.runs.map { "\($0) runs" }, campaign.seconds.map { Figures.seconds($0) },
    ].compactMap(\.self)
    let end = budget.isEmpty ? "" : ", until \(budget.joined(separator: " or ")) are over"
    let (cells, runs) = (Set(state.planned.map(\.cell)).count, state.planned.count)
    FileHandleOutput.standardError.write(
      "\(cells) cell\(cells == 1 ? "" : "s"), \(runs) run\(runs == 1 ? "" : "s"), \(labs) at once\(end)\n"
    )
  }
}

struct CampaignResumeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume",
    abstract: "Go on with a campaign that was interrupted or killed.",
    discussion: """
      EXAMPLES
        gauntlet campaign resume                     # the newest
        gauntlet campaign resume nightly-20261128T020000
      """)

  @Argument(help: "The campaign's name or folder.")
  var campaign: String = "latest"

  @OptionGroup var store: StoreOption

  @OptionGroup var notification: NotificationOptions

  @Flag(help: "Print one JSON object at the end.")
  var json = false

  func run() async throws {
    let folder: CampaignFolder
    do {
      folder = try CampaignFolder.find(campaign, in: store.path)
    } catch {
      throw Failure.report(error)
    }
    try await CampaignAtWork(folder: folder, json: json).run(notification)
  }
}

struct CampaignStatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Say how a campaign stands, whether somebody is at work on it or not.",
    discussion: """
      EXAMPLES
        gauntlet campaign status                     # the newest
        gauntlet campaign status --all
        gauntlet campaign status nightly-20261128T020000 --json
      """)

  @Argument(help: "The campaign's name or folder.")
  var campaign: String = "latest"

  @Flag(help: "One line, or one object, for each campaign of the store.")
  var all = false

  @OptionGroup var store: StoreOption

  @Flag(help: "Print JSON.")
  var json = false

  func run() async throws {
    let store = store.path
    let folders: [CampaignFolder]
    do {
      guard FileManager.default.fileExists(atPath: store) else {
        throw BenchError.noStore(store)
      }
      folders = all ? CampaignFolder.all(in: store) : [try CampaignFolder.find(campaign, in: store)]
    } catch {
      throw Failure.report(error)
    }
    var codes: Set<Int32> = []
    for folder in folders {
      do {
        let summary = CampaignSummary(try folder.state(), folder: folder)
        print(json ? try JSONOutput.line(summary) : all ? summary.line : summary.text)
      } catch {
        // One that is damaged hides none of the others.
        codes.insert(Failure.report(error).rawValue)
      }
    }
    let code = Failure.worst(of: codes)
    if code != 0 { throw ExitCode(code) }
  }
}

struct CampaignCollectCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "collect",
    abstract: "Put the parts of a campaign that --shard made together as one.",
    discussion: """
      The newest of each part is taken, with its runs. What comes of it is a campaign
      like any other: runs of a part that is missing are left to do, and
      `gauntlet campaign resume` does them. Collected again, it takes in what its
      parts have done since; with a part that was begun anew, it is another campaign.

      EXAMPLES
        gauntlet campaign collect artifacts/*/runs --store night
        gauntlet campaign collect runs               # parts that share a store
      """)

  @Argument(help: "The stores in which the parts lie.")
  var stores: [String]

  @OptionGroup var store: StoreOption

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() async throws {
    let summary: CampaignSummary
    do {
      let parts = try CampaignCollection.parts(in: stores)
      for missing in try CampaignCollection.missing(of: parts) {
        FileHandleOutput.standardError.write(
          "gauntlet: part \(missing) is missing; gauntlet campaign resume does its runs\n")
      }
      let whole = try await CampaignCollection.collect(parts, into: store.path)
      summary = CampaignSummary(try whole.state(), folder: whole)
    } catch {
      throw Failure.report(error)
    }
    print(json ? try JSONOutput.line(summary) : summary.text)
    var codes = Set(summary.outcomes.keys.compactMap { RunOutcome(rawValue: $0)?.exitCode })
    codes.insert(RunOutcome(rawValue: summary.outcome)?.exitCode ?? 0)
    if summary.left > 0 { codes.insert(RunOutcome.inconclusive.exitCode) }
    let code = Failure.worst(of: codes)
    if code != 0 { throw ExitCode(code) }
  }
}

/// A campaign that this process works on.
struct CampaignAtWork {
  let folder: CampaignFolder
  let json: Bool

  /// Does what there is to do; also says whether somebody interrupted.
  func perform() async throws -> (state: CampaignState, isInterrupted: Bool) {
    let interruption = Interruption()
    let signals = Task { await Self.watchSignals(interruption) }
    defer { signals.cancel() }
    let runner = try CampaignRunner(
      folder, program: OwnProgram.path, interruption: interruption,
      progress: CampaignProgress())
    return (try await runner.run(), interruption.isRaised)
  }

  func run(_ notification: NotificationOptions) async throws {
    let state: CampaignState
    var isInterrupted = false
    var codes: Set<Int32> = []
    do {
      (state, isInterrupted) = try await perform()
    } catch let error as BenchError where error.isOfInput && folder.isHeld {
      // Another works on it, and says at its end what came of it.
      throw Failure.report(error)
    } catch {
      // What was found before still counts.
      codes.insert(Failure.report(error).rawValue)
      guard let stand = try? folder.state() else { throw ExitCode(Failure.worst(of: codes)) }
      state = stand
    }
    var verdicts = state.verdicts
    if !codes.isEmpty { verdicts.insert(.benchFailure) }
    var summary = CampaignSummary(state, folder: folder)
    summary.outcome =
      RunOutcome.worst(of: verdicts)?.rawValue ?? summary.outcome
    if !isInterrupted { await notification.send(summary) }
    print(json ? try JSONOutput.line(summary) : summary.text)
    codes.formUnion(verdicts.map(\.exitCode))
    if isInterrupted { codes.insert(RunOutcome.interrupted.exitCode) }
    let code = Failure.worst(of: codes)
    if code != 0 { throw ExitCode(code) }
  }

  private static func watchSignals(_ interruption: Interruption) async {
    await RunCommand.watchSignals(
      interruption, saying: "ending what goes on; gauntlet campaign resume goes on with the rest")
  }
}

/// Who is told that a campaign is over.
struct NotificationOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "At the end give what came of it to this command, for sh: JSON on its input, the same as text in "
        + "GAUNTLET_SUMMARY, and its name, folder and outcome in GAUNTLET_CAMPAIGN, GAUNTLET_FOLDER and "
        + "GAUNTLET_OUTCOME.", valueName: "command"))
  var notify: String?

  @Flag(help: "With --notify: only when something was found, or the bench failed.")
  var notifyTrouble = false

  /// Tells whoever is to be told. That it fails is said, and changes nothing.
  func send(_ summary: CampaignSummary) async {
    guard let notify, !notifyTrouble || summary.outcome != RunOutcome.valid.rawValue else { return }
    do {
      try await Notification(command: notify).send(
        summary, json: try JSONOutput.line(summary), text: summary.text)
    } catch {
      FileHandleOutput.standardError.write("gauntlet: nobody was told: \(error)\n")
    }
  }
}
