// gauntlet runs: the index of a store's runs, listed and tended.

import ArgumentParser
import Bench
import Campaigns
import FoundationEssentials

struct RunsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "runs",
    abstract: "List the runs of a store; show, remove and tidy them.",
    discussion: """
      EXAMPLES
        gauntlet runs                                   # the newest twenty
        gauntlet runs --outcome violation,crash --json
        gauntlet runs show latest
        gauntlet runs gc --keep 500 --days 30
        gauntlet runs pack --keep 50
        gauntlet runs reindex
      """,
    subcommands: [
      RunsListCommand.self, RunsShowCommand.self, RunsRemoveCommand.self, RunsTidyCommand.self,
      RunsPackCommand.self,
      RunsReindexCommand.self,
    ],
    defaultSubcommand: RunsListCommand.self)
}

struct RunsListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List runs, the newest first.",
    discussion: """
      EXAMPLE
        gauntlet runs list --campaign nightly-20261128T020000 --outcome violation
      """)

  @Option(help: "Only these outcomes, such as violation,crash.")
  var outcome: String?

  @Option(help: "Only this campaign's runs.")
  var campaign: String?

  @Option(help: "Only this workload's.")
  var workload: String?

  @Option(help: "Only this build's, by its name or the beginning of its checksum.")
  var build: String?

  @Option(help: "Only this finding's, by its fingerprint or the beginning of it.")
  var finding: String?

  @Option(help: "How many.")
  var limit: Int = 20

  @OptionGroup var store: StoreOption

  @Flag(help: "Print one JSON object for each run.")
  var json = false

  func validate() throws {
    guard limit >= 1 else { throw ValidationError("--limit is a whole number from 1.") }
    for word in outcome?.split(separator: ",") ?? [] {
      guard RunOutcome(rawValue: String(word)) != nil || word == "unfinished" else {
        let known = RunOutcome.allCases.map(\.rawValue).joined(separator: ", ")
        throw ValidationError("--outcome \(word): it is none of \(known), unfinished.")
      }
    }
  }

  func run() async throws {
    var filter = RunFilter()
    filter.outcomes = outcome?.split(separator: ",").map(String.init) ?? []
    filter.workload = workload
    filter.build = build
    filter.fingerprint = finding
    filter.limit = limit
    do {
      let store = store.path
      filter.campaign = try campaign.map { try CampaignFolder.find($0, in: store).name }
      let index = try RunIndex(store: store, isLooking: true)
      let runs = try await index.runs(filter)
      for run in runs { print(json ? try JSONOutput.line(run) : run.line) }
      let total = try await index.count(filter)
      if total > runs.count, !json {
        FileHandleOutput.standardError.write(
          "\(runs.count) of \(total) runs; --limit \(total) shows all\n")
      }
      if total == 0 {
        FileHandleOutput.standardError.write(
          "no run of that kind in \(store); gauntlet runs reindex looks through its folders\n")
      }
    } catch {
      throw Failure.report(error)
    }
  }
}

struct RunsShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Say what the index has of a run.",
    discussion: """
      EXAMPLE
        gauntlet runs show runs/latest
      """)

  @Argument(help: "The run's folder.")
  var run: String

  @OptionGroup var store: StoreOption

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() async throws {
    do {
      let store = store.path
      let entry = try RunEntry(reading: try StoreOption.run(run, in: store), in: store)
      print(json ? try JSONOutput.line(entry) : entry.text(in: store))
    } catch {
      throw Failure.report(error)
    }
  }
}

struct RunsRemoveCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rm",
    abstract: "Remove runs, with all that was recorded of them.",
    discussion: """
      EXAMPLE
        gauntlet runs rm runs/register-raft-node/20261128T020000-42
      """)

  @Argument(help: "The runs' folders.")
  var runs: [String]

  @OptionGroup var store: StoreOption

  func run() async throws {
    do {
      let store = store.path
      let folders = try runs.map { try StoreOption.run($0, in: store) }
      try await RunIndex(store: store, isLooking: true).remove(folders)
      for folder in folders { print("removed \(store)/\(folder)") }
    } catch {
      throw Failure.report(error)
    }
  }
}

struct RunsTidyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gc",
    abstract: "Remove old runs; those with findings and the newest are kept.",
    discussion: """
      A run goes when it is older than --days, or when the store is larger than
      --size and it is the oldest. Runs with findings stay, and so do the --keep
      newest.

      EXAMPLES
        gauntlet runs gc --days 30
        gauntlet runs gc --size 20 --keep 100 --dry-run
      """)

  @Option(help: "So many of the newest are kept, whatever their age.")
  var keep: Int = 100

  @Option(help: "Older ones go, by their date in UTC; 0 keeps those of today.")
  var days: Int?

  @Option(help: ArgumentHelp("The oldest go until all take so much.", valueName: "gigabytes"))
  var size: Double?

  @Flag(help: "Only say what would go.")
  var dryRun = false

  @OptionGroup var store: StoreOption

  func validate() throws {
    guard days != nil || size != nil else {
      throw ValidationError("Say how old runs may be (--days), or how much they may take (--size).")
    }
    guard keep >= 0, (0...1_000_000).contains(days ?? 0), (0...1e9).contains(size ?? 0) else {
      throw ValidationError(
        "--keep, --days and --size are from zero, and no larger than they need be.")
    }
  }

  func run() async throws {
    do {
      let store = store.path
      let index = try RunIndex(store: store, isLooking: true)
      let rule = Retention(
        keep: keep, oldest: days.map { Retention.day($0, before: Date()) },
        bytes: size.map { Int($0 * 1e9) })
      var going: [RunEntry] = []
      for run in rule.going(of: try await index.runs()) {
        let folder = RunFolder(path: "\(store)/\(run.folder)")
        do {
          if RunFolder.isRun(folder.path) {
            // It may have been judged again since it was taken in, with more time.
            let now = try await index.add(run.folder)
            if folder.isHeld || RunOutcome(rawValue: now.outcome)?.isFinding == true { continue }
          }
          going.append(run)
        } catch {
          // Who knows what it found.
          FileHandleOutput.standardError.write("gauntlet: \(run.folder): left alone: \(error)\n")
        }
      }
      if !dryRun { try await index.remove(going.map(\.folder)) }
      for run in going { print("\(dryRun ? "would remove" : "removed") \(store)/\(run.folder)") }
      let megabytes = going.reduce(0) { $0 + Double($1.bytes) / 1e6 }
      print("\(going.count) runs, \(Int(megabytes)) MB")
    } catch {
      throw Failure.report(error)
    }
  }
}

struct RunsPackCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pack",
    abstract: "Pack histories and what nodes stored; all commands read them as before.",
    discussion: """
      A history is packed to history.jsonl.bz2, a fifteenth of its size, and a node's
      data to data.tar.gz. Runs that go on are left alone.

      EXAMPLES
        gauntlet runs pack --keep 50
        gauntlet runs pack latest --keep 0
      """)

  @Argument(help: "The runs' folders; all runs when none is given.")
  var runs: [String] = []

  @Option(help: "So many of the newest stay as they are, when no run is given.")
  var keep: Int = 50

  @OptionGroup var store: StoreOption

  func validate() throws {
    guard keep >= 0 else { throw ValidationError("--keep is from zero.") }
  }

  func run() async throws {
    do {
      let store = store.path
      let index = try RunIndex(store: store, isLooking: true)
      let folders =
        runs.isEmpty
        ? try await index.runs().dropFirst(keep).map(\.folder)
        : try runs.map { try StoreOption.run($0, in: store) }
      var (count, saved) = (0, 0)
      var failure: ExitCode?
      for folder in folders {
        do {
          let run = RunFolder(path: "\(store)/\(folder)")
          guard let bytes = try await RunPacking.pack(run), bytes > 0 else { continue }
          (count, saved) = (count + 1, saved + bytes)
          _ = try await index.add(folder)
        } catch {
          failure = Failure.report(error)  // the others are packed all the same
        }
      }
      print("\(count) runs packed, \(saved / 1_000_000) MB less")
      if let failure { throw failure }
    } catch let code as ExitCode {
      throw code
    } catch {
      throw Failure.report(error)
    }
  }
}

struct RunsReindexCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reindex",
    abstract: "Make the index again from the run folders.",
    discussion: """
      EXAMPLE
        gauntlet runs reindex --store runs
      """)

  @OptionGroup var store: StoreOption

  func run() async throws {
    do {
      let (count, unreadable) = try await RunIndex(
        store: store.path, isLooking: true, isRemade: true
      ).rebuild()
      for (folder, reason) in unreadable.sorted(by: { $0.key < $1.key }) {
        FileHandleOutput.standardError.write("gauntlet: \(folder): left out: \(reason)\n")
      }
      print("\(count) runs")
    } catch {
      throw Failure.report(error)
    }
  }
}
