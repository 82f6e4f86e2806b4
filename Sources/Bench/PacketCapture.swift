// Packets of each node, kept with the run for those who read what went over the wire.

import Glibc
import Hosts

/// tcpdump on each node's host, from before the node begins until after it has ended.
struct PacketCapture {
  /// Of so many packets of a node, so many bytes each: 400 MB at most.
  private static let mostPackets = 2_000_000
  private static let bytesOfEach = 192

  private let captures: [(host: any Host, dump: BackgroundProcess)]

  /// Begins on all `hosts`; each one's packets go to `packets.pcap` in its folder of `folder`.
  ///
  /// - Throws: `BenchError` where there is no tcpdump.
  init(on hosts: [any Host], folder: String) async throws {
    var captures: [(host: any Host, dump: BackgroundProcess)] = []
    do {
      for host in hosts { captures.append((host, try await Self.begin(on: host, folder))) }
      // It listens a moment after it has begun, or ends with what kept it from that.
      try await Task.sleep(for: .milliseconds(300))
      for (host, dump) in captures
      where try await host.schedulerState(of: dump.process.pid) == nil {
        throw BenchError(
          "\(host.name): tcpdump ended at once; read \(folder)/\(host.name)/capture.log")
      }
    } catch {
      for (_, dump) in captures {
        try? await dump.end(patience: .seconds(1))  // it may be what ended
      }
      throw error
    }
    self.captures = captures
  }

  private static func begin(
    on host: any Host, _ folder: String
  ) async throws -> BackgroundProcess {
    let home = host.place(of: "\(folder)/\(host.name)")
    try await host.makeFolder(home)
    let version = try? await host.run(Command("tcpdump", ["--version"]), deadline: .seconds(10))
    guard let version, version.status.isSuccess else {
      throw BenchError(
        "\(host.name): no packets can be captured, since tcpdump is not there; install it, or leave "
          + "capture out")
    }
    // Our own way to the host is none of the system's.
    let control = host.control.map {
      ["not", "(", "tcp", "port", "\($0.port)", "and", "host", $0.source, ")"]
    }
    let command = Command(
      "tcpdump",
      [
        "-i", "any", "-n", "-U", "-Z", "root", "-s", "\(bytesOfEach)", "-c", "\(mostPackets)",
        "-w", "\(home)/packets.pcap",
      ] + (control ?? []))
    return try await BackgroundProcess(command, on: host, log: "\(home)/capture.log")
  }

  /// Ends it, and brings what was kept here; what cannot be had is said.
  func end(folder: String) async -> [String] {
    var problems: [String] = []
    for (host, dump) in captures {
      do {
        try await dump.end(patience: .seconds(5))
        let file = "\(folder)/\(host.name)/packets.pcap"
        try await host.fetch(host.place(of: file), to: file)
        if access(file, R_OK) != 0 { problems.append("\(file): there are no packets") }
      } catch {
        problems.append("\(host.name): its packets cannot be had: \(error)")
      }
    }
    return problems
  }
}
