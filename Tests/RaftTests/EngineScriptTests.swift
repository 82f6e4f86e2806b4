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
  func exist() { #expect(Self.scripts.count >= 30) }

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
///     cluster n1=1.1,1.2 n2=1.1@3 | n3=   the nodes and their logs, one with a vote of term 3;
///                                 behind the bar learners
///     elect n1                    its election time-out passes, and everything settles
///     win n1                      its election time-out passes, and all goes on until it leads
///     until n1 4                  all goes on until its log ends there
///     force n1                    it asks for votes, its time has come or not
///     time n1                     its election time-out passes, and nothing is delivered
///     propose n1                  a client writes
///     read n1                     a client reads
///     cut n1 n2                   letters to and from them are lost from now on
///     heal                        nothing is lost any more
///     settle                      all is delivered and durable
///     cut n1-n2                   the same between these two alone
///     late n1 n2                  letters on their way from one to the other wait …
///     arrive                      … until here
///     slow n1                     its disk takes nothing any more …
///     fast n1                     … until here
///     wait 200                    so many milliseconds pass, and nobody notices
///     lease n1                    a client reads, by lease if there is one
///     batch 1                     leaders send so many entries at a time
///     change n1 n1 n2             these are to be the voters
///     drop n1 n2, learner n1 n2   the first leads, the second is no learner any more, or one
///     transfer n1 n2              one hands over to the other
///     compact n1                  it builds a snapshot and purges the log behind it
///     show                        how all stand
///     crash n1                    it loses what is not durable and starts again
///     beat n1                     a heartbeat interval passes
struct ScriptRunner {
  private var world = EngineWorld([NodeID(1): []], seed: Seed(1))
  private var cut: Set<NodeID> = []
  private var cutLinks: Set<Set<NodeID>> = []
  private var slow: Set<NodeID> = []
  private var late: [(from: NodeID, to: NodeID, Letter)] = []

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
      var learners: Set<NodeID> = []
      var terms: [NodeID: UInt64] = [:]
      for (place, word) in words.enumerated() where word != "|" {
        let halves = word.split(separator: "=", omittingEmptySubsequences: false)
        let ends = halves[1].split(separator: "@", omittingEmptySubsequences: false)
        let names = ends[0].split(separator: ",").map { name in
          let numbers = name.split(separator: ".").compactMap { UInt64($0) }
          return LogID(term: numbers[0], index: numbers[1])
        }
        let id = NodeID(UInt64(halves[0].dropFirst())!)
        logs[id] = names
        if ends.count > 1 { terms[id] = UInt64(ends[1]) }
        if words[..<place].contains("|") { learners.insert(id) }
      }
      world = EngineWorld(logs, learners: learners, terms: terms, seed: Seed(1))
    case "elect":
      expire(ids[0])
      settle()
    case "time": expire(ids[0])
    case "win":
      expire(ids[0])
      settle { $0.nodes[ids[0]]!.engine.isLeader }
    case "until":
      let end = UInt64(words[1])!
      settle { $0.nodes[ids[0]]!.engine.state.log.lastIndex >= end }
    case "force": world.handle(ids[0], .electionRequested)
    case "propose": world.handle(ids[0], .proposed([.command([7])]))
    case "read": world.read(ids[0])
    case "cut" where words[0].contains("-"):
      cutLinks.insert(
        Set(words[0].split(separator: "-").map { NodeID(UInt64($0.dropFirst())!) }))
    case "cut": cut.formUnion(ids)
    case "heal":
      cut = []
      cutLinks = []
    case "late":
      let letters = world.letters
      late += letters.filter { $0.from == ids[0] && $0.to == ids[1] }
      world.letters.removeAll { $0.from == ids[0] && $0.to == ids[1] }
    case "arrive":
      world.letters = late + world.letters
      late = []
    case "slow": slow.formUnion(ids)
    case "fast": slow.subtract(ids)
    case "batch": world.mostEntries = Int(words[0])!
    case "wait": world.now += .milliseconds(Int(words[0])!)
    case "lease":
      world.readsByLease = true
      world.read(ids[0])
      world.readsByLease = false
    case "change": world.change(ids[0], .replaceVoters(Array(ids.dropFirst())))
    case "drop": world.change(ids[0], .removeLearners([ids[1]]))
    case "learner": world.change(ids[0], .addLearners([Member(id: ids[1], address: "")]))
    case "transfer": world.handle(ids[0], .transferRequested(to: ids[1]))
    case "compact": world.compact(ids[0])
    case "show": world.show()
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

  private mutating func settle(until isOver: (EngineWorld) -> Bool = { _ in false }) {
    for _ in 0..<1000 where !isOver(world) {
      for id in world.nodes.keys.sorted() where !slow.contains(id) { world.sync(id) }
      world.letters.removeAll {
        cut.contains($0.from) || cut.contains($0.to) || cutLinks.contains([$0.from, $0.to])
      }
      guard !world.letters.isEmpty else { return }
      world.deliver(0)
    }
  }
}
