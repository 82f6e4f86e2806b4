// gauntlet replay: a run's plan once more.

import ArgumentParser
import Bench
import Hosts

struct ReplayCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "Do a run again: the same load, and the same faults at the same times.",
    discussion: """
      Faults aim at the same roles: a fault of the leader hits whoever leads now. With --by-node they
      hit the nodes that they hit then, whatever their roles are; recipes still aim at roles.

      EXAMPLES
        gauntlet replay runs/latest
        gauntlet replay runs/latest --build my/raft-node --count 10 --stop-at-violation
      """)

  @Argument(help: "The run's folder.")
  var folder: String

  @Flag(help: "Hit the same nodes as then, not the same roles.")
  var byNode = false

  @Option(help: "A file of machines that are reached over SSH; a lab if left out.")
  var hosts: String?

  @Option(
    help: ArgumentHelp(
      "The executable of a node; if left out that which the run tested, as long as it is there."))
  var build: String?

  @Option(help: "How many runs, all with the run's own seed.")
  var count: Int = 1

  @Flag(help: "With --count: stop at the first violation.")
  var stopAtViolation = false

  @OptionGroup var store: StoreOption

  @Flag(help: "Print one JSON object for each run.")
  var json = false

  /// The run that it is. Bad input ends the command here.
  func command() throws -> RunCommand {
    let run: RunFolder
    do { run = try store.run(folder) } catch { throw Failure.report(error) }
    // Where its own is gone, the run says that it tests another.
    let build = build ?? (try? run.program(orElse: OwnProgram.sibling("raft-node")))
    var words = [run.workload, "--plan", run.plan, "--count", "\(count)"]
    for (flag, value) in [("--hosts", hosts), ("--build", build), ("--store", store.given)] {
      if let value { words += [flag, value] }
    }
    if stopAtViolation { words.append("--stop-at-violation") }
    if json { words.append("--json") }
    if byNode { words += ["--plan-history", run.history] }
    let command: RunCommand
    do {
      command = try RunCommand.parse(words)
    } catch {
      throw ValidationError(RunCommand.message(for: error))
    }
    _ = try command.workload()
    _ = try command.plannedFaults()
    return command
  }

  func run() async throws { try await command().run() }
}
