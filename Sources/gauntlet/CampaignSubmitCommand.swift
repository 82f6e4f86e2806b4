// gauntlet campaign submit: a campaign as jobs of a cluster.

import ArgumentParser
import Bench
import Campaigns
import FoundationEssentials
import Hosts

struct CampaignSubmitCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "submit",
    abstract: "Give a campaign to a cluster's scheduler, in parts.",
    discussion: """
      Slurm gets an array of jobs, each of which does a part of the campaign into a
      store of its own, STORE/parts/K. The store, the file and gauntlet must lie
      where all nodes find them. A task whose node is lost goes on elsewhere where it
      was; --again submits parts that are neither done nor queued any more.

      EXAMPLES
        gauntlet campaign submit nightly.yaml --slurm --parts 40 --store /shared/night \\
          --sbatch=--partition=long --sbatch=--time=2:00:00
        gauntlet campaign submit --slurm --again --store /shared/night
        gauntlet campaign collect /shared/night/parts/* --store /shared/night
      """)

  @Argument(help: "The campaign file; with --again the one that was submitted.")
  var file: String?

  @Flag(help: "To Slurm, with its sbatch and squeue.")
  var slurm = false

  @Option(help: "Into how many parts it is cut.")
  var parts: Int?

  @Flag(help: "Submit again what was lost.")
  var again = false

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "What sbatch is told beside, such as --sbatch=--partition=long.", valueName: "option"))
  var sbatch: [String] = []

  @OptionGroup var store: StoreOption

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    guard slurm else { throw ValidationError("Say to what: --slurm.") }
    guard again == (file == nil), again == (parts == nil) else {
      throw ValidationError("Give a campaign file and --parts, or --again alone.")
    }
    if let parts, !(1...SlurmArray.mostParts).contains(parts) {
      throw ValidationError("--parts is a whole number from 1 to \(SlurmArray.mostParts).")
    }
  }

  private struct Submission: Encodable {
    var job: String?
    var submitted: [Int]
    var done: Int
    var queued: Int
    var store: String
  }

  func run() async throws {
    let submission: Submission
    do {
      submission = try await submit()
    } catch {
      throw Failure.report(error)
    }
    guard !json else { return print(try JSONOutput.line(submission)) }
    let count = submission.submitted.count
    let said = submission.job.map { "submitted \(count) parts as job \($0)" } ?? "nothing was lost"
    print("\(said); \(submission.done) parts are done, \(submission.queued) queued before")
    print("gauntlet campaign submit --slurm --again --store \(submission.store)")
    print("gauntlet campaign collect \(submission.store)/parts/* --store \(submission.store)")
  }

  private func submit() async throws -> Submission {
    let store = URL(filePath: store.path).path
    let lock = try SlurmArray.lock(store: store)
    defer { try? lock.close() }  // it lets go
    var array: SlurmArray
    var queued: Set<Int> = []
    if let file, let parts {
      // Read here, so that what is wrong with it is said now.
      _ = try CampaignFile.read(path: file, defaultBuild: OwnProgram.sibling("raft-node"))
      guard !FileManager.default.fileExists(atPath: "\(store)/slurm.json") else {
        throw BenchError(
          "\(store): a campaign was submitted from there; --again goes on with it, or name another --store"
        )
      }
      array = SlurmArray(
        program: OwnProgram.path, file: URL(filePath: file).path, store: store, parts: parts,
        options: sbatch)
    } else {
      array = try SlurmArray.read(store: store)
      array.options += sbatch
      queued = try await array.queued()
    }
    let open = array.open
    let lost = open.filter { !queued.contains($0) }
    let job = lost.isEmpty ? nil : try await array.submit(lost)
    return Submission(
      job: job, submitted: lost, done: array.parts - open.count, queued: queued.count, store: store)
  }
}
