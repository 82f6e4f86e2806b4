// gauntlet: the command line. The work is in the libraries.

import ArgumentParser
import Bench
import Dispatch
import Hosts

/// The way in is synchronous: a lab is entered before any thread or task exists, because
/// `unshare` fails in a process with threads, and tasks hang after a new process namespace.
@main
enum Main {
  static func main() {
    if let verb = CommandLine.arguments.dropFirst().first,
      ["run", "replay", "doctor"].contains(verb),
      !Lab.isInside
    {
      enterLab()
    }
    Task {
      await Gauntlet.main()
      exitProcess(0)
    }
    dispatchMain()  // commands may run on the main actor: this thread must serve it
  }

  /// Flags and files are judged first: what is wrong with them needs no lab.
  private static func enterLab() {
    do {
      switch try Gauntlet.parseAsRoot() {
      case let command as RunCommand:
        if try command.entries(for: command.workload()) != nil { return }
      case let command as ReplayCommand:
        let run = try command.command()
        if try run.entries(for: run.workload()) != nil { return }
      case let command as DoctorCommand: if try command.entries() != nil { return }
      default: return
      }
      try Lab.enter()
    } catch let error as LabError {
      FileHandleOutput.standardError.write("gauntlet: \(error)\n")
      exitProcess(10)
    } catch {
      Gauntlet.exit(withError: error)
    }
  }
}

struct Gauntlet: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gauntlet",
    abstract: "A test bench for Raft systems, and a linearizability checker.",
    discussion: """
      EXAMPLES
        gauntlet run Workloads/register.yaml
        gauntlet check history.jsonl
        gauntlet generate --model queue --break duplicate | gauntlet check -

      EXIT CODES
        0    everything checked and valid
        1    a violation, or the system under test crashed on its own
        2    undecided: a limit was reached, or the run did too little to mean anything
        3    an objective was missed
        4    a regression that holds
        10   the bench itself failed
        64   wrong usage
        65   unreadable input
        130  interrupted: everything healed and stored
      """,
    version: Version.text,
    subcommands: [
      RunCommand.self, ReplayCommand.self, CampaignCommand.self, CompareCommand.self,
      BisectCommand.self, ShrinkCommand.self, ReportCommand.self,
      RunsCommand.self, ServeCommand.self,
      CheckCommand.self, VerifyCommand.self,
      ConvertCommand.self,
      GenerateCommand.self, SimulateCommand.self, DoctorCommand.self, HealCommand.self,
    ])
}
