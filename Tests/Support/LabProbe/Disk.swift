// What lab-probe does to see our file system under a program that no shim can be in: etcd, which is Go's.

import Foundation
import Hosts
import Synchronization

extension Main {
  struct DiskReport: Codable {
    /// Calls of the shim before etcd was on our disk, and afterwards.
    var before: Shim.Calls
    var after: Shim.Calls
    var isPut: Bool
    /// What a put said whose sync stalled until its node was killed, and how long the kill took.
    var stalled: String
    var killSeconds: Double
    /// Bytes that a loss of power took then.
    var lost: Int
    /// What was acknowledged is there, what was not synced is not.
    var acknowledged: String
    var unsynced: String
    /// What a put says when syncs fail with EIO, and how etcd ends of it.
    var failing: String
    var end: String
    /// What is mounted at the end.
    var mounts: [String]
  }

  static func disk(folder: String) async throws {
    let hosts = try await LabNetwork.create(nodes: 1)
    let bench = try DiskBench(host: hosts[0], folder: folder)
    // As it is without our disk: it never calls a shim that is preloaded.
    var before: Shim.Calls?
    try await bench.run(on: bench.data, preloaded: true) { _ in
      before = try await bench.shim.look().calls
    }
    try FileManager.default.removeItem(atPath: bench.data)
    try FileManager.default.createDirectory(
      atPath: bench.data, withIntermediateDirectories: false)
    let server = try await DiskServer(
      at: "\(folder)/disk", over: bench.data, shim: bench.shim, on: hosts[0],
      log: "\(folder)/disk.log")
    var report = DiskReport(
      before: before!, after: before!, isPut: false, stalled: "", killSeconds: 0, lost: 0,
      acknowledged: "", unsynced: "", failing: "", end: "", mounts: [])
    try await bench.run(on: server.path) { process in
      report.isPut = try await bench.client("put", "kept", "1") == "OK"
      try await bench.shim.stallSyncs(.seconds(20))
      report.stalled = try await bench.client("put", "stalled", "2")
      let start = ContinuousClock.now
      try await process.signal(.kill)
      _ = await process.exit
      report.killSeconds = (ContinuousClock.now - start) / .seconds(1)
    }
    report.lost = try await bench.shim.loseUnsynced(keeping: 0).bytes
    try await bench.shim.stallSyncs(.zero)
    let end = try await bench.run(on: server.path) { process in
      report.acknowledged = try await bench.client("get", "kept", "--print-value-only")
      report.unsynced = try await bench.client("get", "stalled", "--print-value-only")
      report.after = try await bench.shim.look().calls
      try await bench.shim.fail(syncs: EIO)
      report.failing = try await bench.client("put", "failing", "3")
      for _ in 0..<100 where hosts[0].schedulerState(of: process.pid) != nil {
        try await Task.sleep(for: .milliseconds(20))
      }
    }
    report.end = "\(end)"
    await server.end()
    report.mounts = try String(contentsOfFile: "/proc/self/mounts", encoding: .utf8)
      .split(separator: "\n").map(String.init).filter { $0.contains("gauntlet-disk") }
    try say(report)
  }
}

/// One etcd on a node of the lab.
private struct DiskBench: Sendable {
  let host: LocalHost
  let shim: any ShimSteering
  let data: String
  private let log: String
  private var url: String { "http://\(host.address):2379" }

  init(host: LocalHost, folder: String) throws {
    self.host = host
    data = "\(folder)/data"
    log = "\(folder)/etcd.log"
    try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
    shim = try host.shim(folder: folder, data: data)
  }

  /// Runs it, and `body` once it answers; returns how it ended.
  @discardableResult
  func run(
    on folder: String, preloaded: Bool = false,
    _ body: (any NodeProcess) async throws -> Void
  ) async throws -> ExitStatus {
    var command = Command(
      "etcd",
      [
        "--data-dir", folder, "--listen-client-urls", url, "--advertise-client-urls", url,
        "--listen-peer-urls", "http://\(host.address):2380", "--log-level", "error",
      ])
    if preloaded { command = try await shim.preloaded(into: command) }
    let process = Mutex<(any NodeProcess)?>(nil)
    let ended = Task { [command] in
      try await host.withProcess(command, log: log) { started in
        process.withLock { $0 = started }
        return await started.exit
      }
    }
    var isUp = false
    for _ in 0..<100 where !isUp {
      try await Task.sleep(for: .milliseconds(50))
      isUp = try await client("endpoint", "health").contains("is healthy")
    }
    precondition(isUp, "etcd does not come up; read \(log)")
    let running = process.withLock { $0 }!
    try await body(running)
    try await running.signal(.kill)
    return try await ended.value.0
  }

  /// What etcdctl says.
  func client(_ words: String...) async throws -> String {
    var command = Command("etcdctl", ["--endpoints", url, "--command-timeout", "1s"] + words)
    command.environment["ETCDCTL_API"] = "3"
    let result = try await host.run(command, deadline: .seconds(10))
    return (result.text + result.errorText).trimmingCharacters(in: .whitespacesAndNewlines)
  }
}
