// Packets of each node, kept with the run for those who read what went over the wire.

import Glibc
import Hosts

/// tcpdump on each node's host, from before the node begins until after it has ended.
struct PacketCapture {
  /// Of so many packets of a node, so many bytes each: 400 MB at most.
  private static let mostPackets = 2_000_000
  private static let bytesOfEach = 192

  private let captures: [(host: any Host, process: any NodeProcess, task: Task<Void, any Error>)]

  /// Begins on all `hosts`; each one's packets go to `packets.pcap` in its folder of `folder`.
  ///
  /// - Throws: `BenchError` where there is no tcpdump.
  init(on hosts: [any Host], folder: String) async throws {
    var captures: [(host: any Host, process: any NodeProcess, task: Task<Void, any Error>)] = []
    do {
      for host in hosts { captures.append(try await Self.begin(on: host, folder)) }
      // It listens a moment after it has begun, or ends with what kept it from that.
      try await Task.sleep(for: .milliseconds(300))
      for (host, process, _) in captures
      where try await host.schedulerState(of: process.pid) == nil {
        throw BenchError(
          "\(host.name): tcpdump ended at once; read \(folder)/\(host.name)/capture.log")
      }
    } catch {
      for (_, process, task) in captures {
        _ = try? await process.signal(.kill)  // it may be what ended
        _ = await task.result
      }
      throw error
    }
    self.captures = captures
  }

  private static func begin(
    on host: any Host, _ folder: String
  ) async throws -> (any Host, any NodeProcess, Task<Void, any Error>) {
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
    let started = AsyncStream.makeStream(of: (any NodeProcess).self)
    let task = Task {
      defer { started.continuation.finish() }
      _ = try await host.withProcess(command, log: "\(home)/capture.log") { process in
        started.continuation.yield(process)
        _ = await process.exit
      }
    }
    guard let process = await Task(operation: { await started.stream.first { _ in true } }).value
    else {
      try await task.value
      throw BenchError("\(host.name): tcpdump ended at once; read \(home)/capture.log")
    }
    return (host, process, task)
  }

  /// Ends it, and brings what was kept here; what cannot be had is said.
  func end(folder: String) async -> [String] {
    var problems: [String] = []
    for (host, process, task) in captures {
      do {
        try await process.signal(.terminate)
        let overdue = Task {
          try await Task.sleep(for: .seconds(5))
          try await process.signal(.kill)
        }
        _ = await process.exit
        overdue.cancel()
        try await task.value
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
