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
    // A namespace is the thread's that makes it, and those' that come after: this is the first. And a
    // process that forks has one thread: what does so never gets to tasks.
    if CommandLine.arguments.dropFirst().first == "probe" { Probe.network = ScratchNetwork.enter() }
    do {
      var command = try AgentCommand.parseAsRoot()
      if !(command is any AsyncParsableCommand) { return try command.run() }
    } catch {
      AgentCommand.exit(withError: error)
    }
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
    subcommands: [Enter.self, Probe.self, Serve.self, Watch.self, HealCommand.self])
}

struct Enter: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Joins a node's network and executes a command in a session of its own.",
    discussion: "Example: gauntlet-agent enter --netns /run/netns/n1 -- ip address")

  @Option(help: "The network namespace.")
  var netns: String?

  @Option(help: "Seconds that clocks which cannot be set are ahead, in a time namespace.")
  var ahead: Int?

  @Argument(parsing: .postTerminator, help: "The command, after --.")
  var command: [String]

  /// Reached only when the arguments are not in the one form that the fast path reads.
  func run() throws {
    throw ValidationError(
      "write: gauntlet-agent enter [--netns PATH] [--ahead SECONDS] -- EXECUTABLE ARGUMENTS…")
  }
}

struct Probe: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Finds out what this machine can do for a run, and prints it as JSON.",
    discussion: "Example: sudo gauntlet-agent probe")

  @Option(help: "Only what has one of these names, with commas between them.")
  var only: String?

  /// Set once, before there is a second thread.
  nonisolated(unsafe) static var network: ScratchNetwork?

  func run() async throws {
    let names = only.map {
      Set($0.split(separator: ",").compactMap { Ability.Name(rawValue: String($0)) })
    }
    let capabilities = await CapabilityProbe.run(in: Self.network, only: names)
    print(try json(capabilities))
  }
}

struct RunOptions: ParsableArguments {
  @Option(help: "The run that it is about.")
  var run: String

  @Option(help: "Seconds without a word from the controller after which everything is undone.")
  var lease = 15.0

  func validate() throws {
    guard lease >= 1, lease <= 86_400 else {
      throw ValidationError("--lease is 1 to 86400 seconds.")
    }
  }
}

struct Serve: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Takes a controller's requests from standard input, and answers on standard output.",
    discussion: "Example: gauntlet-agent serve --run 20261127T081502-42")

  @OptionGroup var options: RunOptions

  func run() throws {
    try AgentServer(run: options.run, leaseSeconds: options.lease, agent: OwnProgram.path).serve()
  }
}

struct Watch: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Is the parent of a run's nodes, and undoes everything when its controller is silent.",
    discussion: "Started by serve. Example: gauntlet-agent watch --run 20261127T081502-42")

  @OptionGroup var options: RunOptions

  func run() throws {
    var watchdog = try HostWatchdog(run: options.run, leaseSeconds: options.lease)
    watchdog.run()
  }
}

struct HealCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "heal",
    abstract: "Undoes what any run left on this machine, and prints what as JSON.",
    discussion: "Example: sudo gauntlet-agent heal")

  @Flag(help: "End runs that go on as well.")
  var force = false

  func run() throws {
    print(try json(Heal.all(ends: force)))
  }
}

private func json(_ value: some Encodable) throws -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = .sortedKeys
  return String(decoding: try encoder.encode(value), as: UTF8.self)
}
