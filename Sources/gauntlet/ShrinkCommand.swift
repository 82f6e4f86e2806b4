// gauntlet shrink: a run's finding with as little as shows it.

import ArgumentParser
import Bench
import Campaigns
import Hosts

struct ShrinkCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "shrink",
    abstract: "Find the fewest faults, nodes, clients and keys that still show a run's finding.",
    discussion: """
      First the run is replayed to see how often it shows the finding. Each smaller
      one then has to show it about three quarters as often as the whole does at
      least, and is tried until that is clear. The smallest is run five times more,
      a rare finding until it shows itself again, to say how often that is. What is
      kept is said as it is found. The rarer a finding, the more runs it takes: some
      eight a step for one of most runs, a hundred for one of a tenth of them.

      EXAMPLES
        gauntlet shrink runs/latest
        gauntlet shrink runs/register-raft-node/20261128T020000-42 --build my/raft-node
      """)

  @Argument(help: "A run with a finding: its folder, its name in the store, or latest.")
  var run: String

  @Option(help: "The executable of a node; that which the run tested if left out.")
  var build: String?

  @Option(help: "The most replays of the whole run, to see how often it shows the finding.")
  var tries: Int = 10

  @Option(help: "About the chance of missing one step that shows it as often as the whole.")
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
    let shrunk: ShrunkFinding?
    do {
      let folder = try store.run(run)
      let trial = TrialRun(
        program: OwnProgram.path, store: store.path,
        build: try build ?? folder.program(orElse: OwnProgram.sibling("raft-node")))
      let shrinker = FindingShrinker(trial: trial, tries: tries, error: error) {
        FileHandleOutput.standardError.write("\($0)\n")
      }
      shrunk = try await shrinker.shrink(folder, interruption)
    } catch is CancellationError {
      throw ExitCode(RunOutcome.interrupted.exitCode)
    } catch {
      throw Failure.report(error)
    }
    guard let shrunk else { throw ExitCode(RunOutcome.inconclusive.exitCode) }
    print(json ? try JSONOutput.line(shrunk) : shrunk.text)
  }
}
