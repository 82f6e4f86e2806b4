// Scenarios as text: what stands below `----` is what the engines asked for.
// `REWRITE=1` writes it anew; the diff is reviewed.

import Foundation
import Support
import Testing

@testable import Raft

@Suite struct EngineScriptTests {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(
    path: "Scripts")

  static let scripts: [String] =
    ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [])
    .filter { $0.hasSuffix(".txt") }.sorted()

  @Test("there are scripts")
  func exist() { #expect(Self.scripts.count >= 6) }

  @Test("the engines do what the script says", arguments: scripts)
  func agrees(script: String) throws {
    let url = Self.folder.appending(path: script)
    let parts = try String(contentsOf: url, encoding: .utf8).components(separatedBy: "----\n")
    let result = try ScriptRunner.run(parts[0])
    if ProcessInfo.processInfo.environment["REWRITE"] == "1" {
      try (parts[0] + "----\n" + result).write(to: url, atomically: true, encoding: .utf8)
    } else {
      #expect(parts.count == 2 && result == parts[1], "\(script) gave:\n\(result)")
    }
  }
}

/// Carries out scripts.
///
///     cluster n1=1.1,1.2 n2=1.1   the nodes and their logs
///     elect n1                    its election time-out passes, and everything settles
///     time n1                     its election time-out passes, and nothing is delivered
///     propose n1                  a client writes
///     read n1                     a client reads
///     cut n1 n2                   letters to and from them are lost from now on
///     heal                        nothing is lost any more
///     settle                      all is delivered and durable
///     crash n1                    it loses what is not durable and starts again
///     beat n1                     a heartbeat interval passes
struct ScriptRunner {
  private var world = EngineWorld([NodeID(1): []], seed: Seed(1))
  private var cut: Set<NodeID> = []

  struct ScriptError: Error { var line: String }

  static func run(_ script: String) throws -> String {
    var runner = ScriptRunner()
    for line in script.split(separator: "\n") where !line.hasPrefix("#") {
      let words = line.split(separator: " ").map(String.init)
      runner.world.trace.append("> \(line)")
      try runner.carryOut(words[0], Array(words.dropFirst()), line: String(line))
    }
    return runner.world.trace.joined(separator: "\n") + "\n"
  }

  private mutating func carryOut(_ verb: String, _ words: [String], line: String) throws {
    let ids = words.compactMap { UInt64($0.dropFirst()).map { NodeID($0) } }
    switch verb {
    case "cluster":
      var logs: [NodeID: [LogID]] = [:]
      for word in words {
        let halves = word.split(separator: "=", omittingEmptySubsequences: false)
        let names = halves[1].split(separator: ",").map { name in
          let numbers = name.split(separator: ".").compactMap { UInt64($0) }
          return LogID(term: numbers[0], index: numbers[1])
        }
        logs[NodeID(UInt64(halves[0].dropFirst())!)] = names
      }
      world = EngineWorld(logs, seed: Seed(1))
    case "elect":
      expire(ids[0])
      settle()
    case "time": expire(ids[0])
    case "propose": world.handle(ids[0], .proposed([.command([7])]))
    case "read": world.read(ids[0])
    case "cut": cut.formUnion(ids)
    case "heal": cut = []
    case "settle": settle()
    case "crash": world.crash(ids[0])
    case "beat":
      world.now += .milliseconds(50)
      world.handle(ids[0], .tick)
    default: throw ScriptError(line: line)
    }
  }

  private mutating func expire(_ id: NodeID) {
    world.now += .seconds(1)
    world.handle(id, .tick)
  }

  private mutating func settle() {
    for _ in 0..<1000 {
      for id in world.nodes.keys.sorted() { world.sync(id) }
      world.letters.removeAll { cut.contains($0.from) || cut.contains($0.to) }
      guard !world.letters.isEmpty else { return }
      world.deliver(0)
    }
  }
}
