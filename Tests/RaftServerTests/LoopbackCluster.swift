// Real raft-node processes on loopback, spoken to by Redis's own tools.

import Foundation
import NIOCore
import Raft
import Testing

@testable import RaftServer

extension Tag {
  /// Needs real processes.
  @Tag static var integration: Self
}

/// A cluster on loopback, in a folder of its own. Unless a test says otherwise its leader outlives a second without
/// processor time.
final class LoopbackCluster {
  let folder = "/tmp/raft-node-test-\(UUID().uuidString)"
  /// Below the range from which the kernel draws ports for connections.
  let base = Int.random(in: 10_000...30_000)
  var processes: [Int: Process] = [:]

  func clientPort(_ id: Int) -> Int { base + id }
  func peerPort(_ id: Int) -> Int { base + 100 + id }

  func start(_ id: Int, data: String? = nil, _ flags: String...) throws -> Process {
    try start(id, data: data, flags: flags)
  }

  func start(_ id: Int, data: String? = nil, flags: [String]) throws -> Process {
    let built = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let process = Process()
    process.executableURL = URL(filePath: built).deletingLastPathComponent()
      .appending(path: "raft-node")
    process.arguments =
      ["--id", "\(id)", "--data", data ?? "\(folder)/n\(id)"]
      + (flags.contains("--join") ? id...id : 1...3).flatMap {
        ["--node", "\($0)=127.0.0.1:\(clientPort($0)),127.0.0.1:\(peerPort($0))"]
      } + flags + (flags.contains("--election-timeout") ? [] : ["--election-timeout", "1000"])
    process.standardError = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    processes[id] = process
    return process
  }

  /// Starts three nodes with `flags` and writes `k` as `1`, as soon as somebody leads; who does.
  func begin(flags: [String] = []) async throws -> Int {
    for id in 1...3 { _ = try start(id, flags: flags) }
    let leader = try await leader()
    while try tool("redis-cli", leader, "SET", "k", "1") != "OK" {}
    return leader
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
    try tool(name, id, arguments)
  }

  func tool(_ name: String, _ id: Int, _ arguments: [String]) throws -> String {
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

  /// How a node of another cluster would begin.
  static func greeting(to node: Int) -> [UInt8] {
    let greeting = PeerGreeting(
      node: NodeID(77), identity: UUID(uuidString: "5BA0B0F6-3B0C-4B5E-8F9C-3D2B6A5E0C77")!)
    var buffer = ByteBuffer()
    PeerFrame(number: 0, recipient: NodeID(UInt64(node)), message: .greeting(greeting))
      .write(to: &buffer)
    return Array(buffer.readableBytesView)
  }

  /// The bytes that a node holds in memory.
  func memory(of id: Int) throws -> Int {
    let process = try #require(processes[id])
    let text = try String(
      contentsOfFile: "/proc/\(process.processIdentifier)/statm", encoding: .utf8)
    return (Int(text.split(separator: " ")[1]) ?? 0) * 4096
  }
}
