// gauntlet heal: undo what any run left on machines.

import ArgumentParser
import Bench
import Fleet
import Hosts

struct HealCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "heal",
    abstract: "Undo what any run left on the hosts of a file.",
    discussion: """
      A host undoes everything by itself when a run ends, however it ends. Left is
      only what somebody who killed the watchdog there as well left. A run whose
      controller is alive is not touched. A lab leaves nothing.

      EXAMPLES
        gauntlet heal --hosts hosts.yaml
        gauntlet heal --hosts hosts.yaml --force    # ends runs that go on
      """)

  @Option(help: "The hosts file (YAML; see gauntlet help doctor).")
  var hosts: String

  @Flag(help: "End runs that go on as well.")
  var force = false

  @Flag(help: "Print one JSON object a host.")
  var json = false

  func run() async throws {
    let entries: [HostEntry]
    do { entries = try HostsFile.read(path: hosts) } catch { throw Failure.report(error) }
    let agent = try Agent.besideThisExecutable()
    let hosts = await entries.mapConcurrently { entry in
      do {
        let reports = try await SSHHost.with(entry, agent: agent) { try await $0.heal(ends: force) }
        return HealedHost(host: entry.name, runs: reports)
      } catch {
        return HealedHost(host: entry.name, error: "\(error)")
      }
    }
    for host in hosts { print(json ? try JSONOutput.line(host) : host.text) }
    guard hosts.allSatisfy(\.isHealed) else { throw ExitCode(RunOutcome.benchFailure.exitCode) }
  }
}

/// What became of one host.
private struct HealedHost: Encodable, Sendable {
  var host: String
  var runs: [HealReport] = []
  var error: String?

  var isHealed: Bool { error == nil && !runs.contains { $0.outcome == .failed } }

  var text: String {
    if let error { return "\(host): not healed: \(error)" }
    if runs.isEmpty { return "\(host): nothing was left" }
    return runs.map { report in
      switch report.outcome {
      case .healed:
        "\(host): \(report.run): undone: \(report.undone.isEmpty ? "nothing was left" : report.undone.joined(separator: ", "))"
      case .alive: "\(host): \(report.run) goes on and was left alone; --force ends it"
      case .failed: "\(host): \(report.run): \(report.failures.joined(separator: "; "))"
      }
    }.joined(separator: "\n")
  }
}
