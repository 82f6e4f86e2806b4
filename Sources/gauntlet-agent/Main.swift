// The agent's flags. What it does is in `Hosts`.

import ArgumentParser
import Hosts

@main
enum Main {
  static func main() {
    EnterCommand.runIfAsked()
    AgentCommand.main()
  }
}

struct AgentCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gauntlet-agent",
    abstract: "Does gauntlet's work on a node.",
    discussion: "Example: gauntlet-agent enter --netns /run/netns/n1 -- ip address",
    subcommands: [Enter.self])
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
