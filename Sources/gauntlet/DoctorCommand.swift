// gauntlet doctor: what this machine's lab, or the hosts of a file, can do.

import ArgumentParser
import Bench
import Fleet
import FoundationEssentials
import Hosts
import SSH
import Workloads

struct DoctorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Find out what this machine, or the hosts of a file, can do for a run.",
    discussion: """
      Everything is tried, in a network of its own that is thrown away, and nothing
      is left on a host but the agent in ~/.cache/gauntlet. A hosts file:

        user: bench             # for all; else as ~/.ssh/config has it
        sudo: true
        hosts:
          - db1                 # a name, an address, or an alias of ~/.ssh/config
          - {host: 192.0.2.7, port: 2222, key: keys/id_ed25519, address: 10.0.0.2}

      EXAMPLES
        gauntlet doctor
        gauntlet doctor --hosts hosts.yaml --json
      """)

  @Option(help: "The hosts file (YAML); this machine if left out.")
  var hosts: String?

  @Flag(
    help: "Take hosts that no file of known hosts has for what they say they are, and add them.")
  var trustNewHosts = false

  @Flag(help: "Print one JSON object a host.")
  var json = false

  /// The hosts that are asked, by flags; nil for this machine. Bad input ends the command here.
  func entries() throws -> [HostEntry]? {
    guard let hosts else { return nil }
    do { return try HostsFile.read(path: hosts) } catch { throw Failure.report(error) }
  }

  func run() async throws {
    guard let entries = try entries() else {
      let capabilities = await CapabilityProbe.run(in: .ofLab())
      return show([HostReport(host: "lab", outcome: .success(capabilities))])
    }
    let agent = try Agent.besideThisExecutable()
    let reports = await entries.mapConcurrently { await report(on: $0, agent: agent) }
    show(reports)
    let failures = reports.compactMap(\.error)
    for failure in failures { FileHandleOutput.standardError.write("gauntlet: \(failure)\n") }
    if !failures.isEmpty { throw ExitCode(10) }
  }

  private func report(on entry: HostEntry, agent: String) async -> HostReport {
    do {
      // Each host on the way may be new.
      for _ in 0..<8 {
        do {
          return HostReport(host: entry.name, outcome: .success(try await ask(entry, agent)))
        } catch SSHError.hostKey(let host, .unknown(let key, _)) where trustNewHosts {
          try trust(key, of: host, on: try await entry.destination())
        }
      }
      return HostReport(host: entry.name, outcome: .success(try await ask(entry, agent)))
    } catch {
      return HostReport(host: entry.name, outcome: .failure(error))
    }
  }

  private func ask(_ entry: HostEntry, _ agent: String) async throws -> Capabilities {
    let sending = { @Sendable (size: Int) in
      FileHandleOutput.standardError.write("\(entry.name): sends the agent, \(size >> 20) MB\n")
    }
    return try await SSHHost.with(entry, agent: agent, sending: sending) {
      try await $0.capabilities()
    }
  }

  /// Adds a key to the first file of known hosts.
  private func trust(_ key: HostKey, of host: String, on way: Destination) throws {
    let meant = (way.jumps + [way]).filter { $0.name == host }
    guard let line = meant.first.map({ key.line(for: $0) }), let file = meant[0].knownHosts.first,
      meant.allSatisfy({ key.line(for: $0) == line })
    else {
      throw SSHError.failed(
        host: host, step: "adding its key \(key)",
        reason: "no file of known hosts, or two hosts of that name on the way; add it by hand")
    }
    try KnownHostsFile.add(line, to: file)
    FileHandleOutput.standardError.write("\(host): \(key) added to \(file)\n")
  }

  private func show(_ reports: [HostReport]) {
    if json {
      for report in reports { print(report.json) }
    } else {
      print(HostReport.table(reports))
    }
  }
}

/// What became of one host.
private struct HostReport: Sendable {
  var host: String
  var outcome: Result<Capabilities, any Error>

  var error: (any Error)? { if case .failure(let error) = outcome { error } else { nil } }
  var capabilities: Capabilities? { try? outcome.get() }

  private struct Document: Encodable {
    var host: String
    var capabilities: Capabilities?
    var error: String?
  }

  var json: String {
    let document = Document(host: host, capabilities: capabilities, error: error.map { "\($0)" })
    // Texts, numbers and nothing else: there is nothing that could not be encoded.
    return (try? JSONOutput.line(document)) ?? "{}"
  }

  /// A line an ability, a column a host; below, which kind it is, or why it is not there.
  static func table(_ reports: [HostReport]) -> String {
    let answered = reports.filter { $0.capabilities != nil }
    var rows = [["", ""] + answered.map(\.host)]
    var notes: [(text: String, hosts: [String])] = []
    func note(_ text: String, _ host: String) {
      if let place = notes.firstIndex(where: { $0.text == text }) {
        notes[place].hosts.append(host)
      } else {
        notes.append((text, [host]))
      }
    }
    for report in answered {
      guard let machine = report.capabilities else { continue }
      let memory = Double(machine.memoryBytes) / Double(1 << 30)
      note(
        "Linux \(machine.kernel) \(machine.architecture), \(machine.cores) cores, "
          + "\((memory * 10).rounded() / 10) GiB", report.host)
    }
    for name in Ability.Name.allCases {
      var row = [name.rawValue, name.purpose]
      for report in answered {
        let ability = report.capabilities?.abilities.first { $0.name == name }
        row.append(ability?.isThere == true ? "yes" : "no")
        if let ability, !ability.detail.isEmpty {
          note("\(name.rawValue): \(ability.detail)", report.host)
        }
      }
      rows.append(row)
    }
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    let lines = rows.map { row in
      zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
        .joined(separator: "  ")
    }
    let remarks = notes.map { "\($0.hosts.joined(separator: ", "))  \($0.text)" }
    return ((answered.isEmpty ? [] : lines + [""]) + remarks).joined(separator: "\n")
  }
}
