// The agent's flags. What it does is in `Hosts`.

import ArgumentParser
import Dispatch
import FoundationEssentials
import Glibc
import Hosts

@main
enum Main {
  static func main() {
    EnterCommand.runIfAsked()
    // A namespace is the thread's that makes it, and those' that come after: this is the first.
    if CommandLine.arguments.dropFirst().first == "probe" { Probe.network = ScratchNetwork.enter() }
    Task {
      await AgentCommand.main()
      exit(0)
    }
    dispatchMain()
  }
}

struct AgentCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gauntlet-agent",
    abstract: "Does gauntlet's work on a node.",
    discussion: "Example: gauntlet-agent enter --netns /run/netns/n1 -- ip address",
    subcommands: [Enter.self, Probe.self])
}

struct Enter: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Joins a node's network and executes a command in a session of its own.",
    discussion: "Example: gauntlet-agent enter --netns /run/netns/n1 -- ip address")

  @Option(help: "The network namespace.")
  var netns: String

  @Argument(parsing: .postTerminator, help: "The command, after --.")
  var command: [String]

  /// Reached only when the arguments are not in the one form that the fast path reads.
  func run() throws {
    throw ValidationError("write: gauntlet-agent enter --netns PATH -- EXECUTABLE ARGUMENTS…")
  }
}

struct Probe: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Finds out what this machine can do for a run, and prints it as JSON.",
    discussion: "Example: sudo gauntlet-agent probe")

  /// Set once, before there is a second thread.
  nonisolated(unsafe) static var network: ScratchNetwork?

  func run() async throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let capabilities = await CapabilityProbe.run(in: Self.network)
    print(String(decoding: try encoder.encode(capabilities), as: UTF8.self))
  }
}
