// Three real raft-node processes on loopback, spoken to by Redis's own tools.

import Foundation
import Testing

extension Tag {
  /// Needs real processes.
  @Tag static var integration: Self
}

@Suite(.tags(.integration), .serialized, .timeLimit(.minutes(2)))
struct RaftNodeIntegrationTests {
  /// A cluster on loopback, in a folder of its own.
  private final class LoopbackCluster {
    let folder = "/tmp/raft-node-test-\(UUID().uuidString)"
    /// Below the range from which the kernel draws ports for connections.
    let base = Int.random(in: 10_000...30_000)
    var processes: [Int: Process] = [:]

    func clientPort(_ id: Int) -> Int { base + id }
    func peerPort(_ id: Int) -> Int { base + 100 + id }

    func start(_ id: Int, data: String? = nil, _ flags: String...) throws -> Process {
      let built = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
      let process = Process()
      process.executableURL = URL(filePath: built).deletingLastPathComponent()
        .appending(path: "raft-node")
      process.arguments =
        ["--id", "\(id)", "--data", data ?? "\(folder)/n\(id)"]
        + (flags.contains("--join") ? id...id : 1...3).flatMap {
          ["--node", "\($0)=127.0.0.1:\(clientPort($0)),127.0.0.1:\(peerPort($0))"]
        } + flags
      process.standardError = FileHandle.nullDevice
      process.standardOutput = FileHandle.nullDevice
      try process.run()
      processes[id] = process
      return process
    }

    func kill(_ id: Int) {
      guard let process = processes.removeValue(forKey: id), process.isRunning else { return }
      Foundation.kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
    }

    func end() {
      for id in processes.keys.sorted() { kill(id) }
      try? FileManager.default.removeItem(atPath: folder)
    }

    /// What a Redis tool prints.
    func tool(_ name: String, _ id: Int, _ arguments: String...) throws -> String {
      let process = Process()
      process.executableURL = URL(filePath: "/usr/bin/\(name)")
      process.arguments = ["-p", "\(clientPort(id))"] + arguments
      let pipe = Pipe()
      process.standardOutput = pipe
      process.standardError = pipe
      try process.run()
      let data = pipe.fileHandleForReading.readDataToEndOfFile()
      process.waitUntilExit()
      return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    func status(_ id: Int) throws -> [String: Any]? {
      let text = try tool("redis-cli", id, "RAFT.STATUS")
      return (try? JSONSerialization.jsonObject(with: Data(text.utf8))) as? [String: Any]
    }

    func leader() async throws -> Int {
      while true {
        for id in processes.keys.sorted() where try status(id)?["role"] as? String == "leader" {
          return id
        }
        try await Task.sleep(for: .milliseconds(50))
      }
    }
  }

  @Test("redis-cli and redis-benchmark work against the leader, and a kill of all loses nothing")
  func servesRedisTools() async throws {
    let cluster = LoopbackCluster()
    defer { cluster.end() }
    for id in 1...3 { _ = try cluster.start(id) }
    let leader = try await cluster.leader()
    #expect(try cluster.tool("redis-cli", leader, "SET", "k", "1") == "OK")
    #expect(try cluster.tool("redis-cli", leader, "SET", "k", "2", "IFEQ", "1", "GET") == "1")
    #expect(try cluster.tool("redis-cli", leader, "INCR", "k") == "3")
    #expect(try cluster.tool("redis-cli", leader, "APPEND", "k", "x") == "2")
    #expect(try cluster.tool("redis-cli", leader, "PING") == "PONG")
    #expect(try cluster.tool("redis-cli", leader, "INFO").contains("raft_role:leader"))
    #expect(try cluster.tool("redis-cli", leader, "NOPE").hasPrefix("ERR unknown command"))
    let follower = leader % 3 + 1
    #expect(
      try cluster.tool("redis-cli", follower, "GET", "k")
        == "MOVED 0 127.0.0.1:\(cluster.clientPort(leader))")
    let figures = try cluster.tool(
      "redis-benchmark", leader, "-t", "set,get", "-n", "2000", "-q")
    #expect(figures.contains("SET:") && figures.contains("GET:"), "\(figures)")
    for id in 1...3 { cluster.kill(id) }
    for id in 1...3 { _ = try cluster.start(id) }
    let next = try await cluster.leader()
    var value = ""
    while value != "3x" {  // MOVED until the new leader's term has begun
      value = try cluster.tool("redis-cli", next, "GET", "k")
      try #require(value == "3x" || value.contains("MOVED") || value.contains("CLUSTERDOWN"))
    }
  }

  @Test("a node alone answers CLUSTERDOWN, and refuses another's directory")
  func aloneAndMisled() async throws {
    let cluster = LoopbackCluster()
    defer { cluster.end() }
    _ = try cluster.start(1)
    while try cluster.status(1) == nil { try await Task.sleep(for: .milliseconds(50)) }
    #expect(try cluster.tool("redis-cli", 1, "SET", "k", "1").hasPrefix("CLUSTERDOWN"))
    // The vote of its first election makes the file its own; a second node is refused it.
    cluster.kill(1)
    let second = try cluster.start(2, data: "\(cluster.folder)/n1")
    second.waitUntilExit()
    #expect(second.terminationStatus == 1)
  }

  @Test(
    "a fourth node takes the place of a dead one by snapshot, and a leader told to stop hands over")
  func changesMembers() async throws {
    let cluster = LoopbackCluster()
    defer { cluster.end() }
    for id in 1...3 { _ = try cluster.start(id, "--snapshot-every", "100", "--logs-to-keep", "10") }
    var leader = try await cluster.leader()
    _ = try cluster.tool("redis-benchmark", leader, "-t", "set", "-n", "1000", "-r", "50", "-q")
    #expect(try cluster.tool("redis-cli", leader, "SET", "k", "1") == "OK")
    let dead = leader % 3 + 1
    cluster.kill(dead)
    _ = try cluster.start(4, "--join")
    #expect(
      try cluster.tool(
        "redis-cli", leader, "RAFT.ADDLEARNER", "4", "127.0.0.1:\(cluster.clientPort(4))",
        "127.0.0.1:\(cluster.peerPort(4))") == "OK")
    let rest = (1...3).filter { $0 != dead }
    #expect(
      try cluster.tool(
        "redis-cli", leader, "RAFT.CHANGE", "REPLACE", "\(rest[0])", "\(rest[1])", "4") == "OK")
    let status = try #require(try cluster.status(4))
    #expect(status["voters"] as? [Int] == rest + [4])
    #expect(status["purged"] as? Int ?? 0 > 0)
    let old = cluster.processes[leader]!
    cluster.processes[leader] = nil
    old.terminate()
    old.waitUntilExit()
    #expect(old.terminationStatus == 0)
    leader = try await cluster.leader()
    #expect(try cluster.tool("redis-cli", leader, "GET", "k") == "1")
    #expect(try cluster.tool("redis-cli", leader, "RAFT.READS", "LEASE").hasPrefix("OK"))
    #expect(try cluster.tool("redis-cli", leader, "RAFT.CHANGE", "ADD", "9").contains("no member"))
  }
}
