// A campaign on a real Slurm: a controller and two nodes, of which one is lost in the middle.

import Foundation
import Testing

@Suite(.tags(.integration), .serialized, .timeLimit(.minutes(10)))
struct SlurmIntegrationTests {
  /// `SLURM_PARTS=40` asks for as many.
  private static let parts =
    ProcessInfo.processInfo.environment["SLURM_PARTS"].flatMap { Int($0) } ?? 6

  @Test("all parts come to their end, though a node is lost and a task is cancelled")
  func lostNode() async throws {
    try await CommandLineFolder.with { folder in
      _ = try folder.file(
        "w.yaml",
        """
        nodes: 3
        clients: 4
        rate: 200
        time: 1s
        faults:
          - {kill: [one], every: 400ms, for: 200ms}
        check: [linearizable, crashes]

        """)
      let file = try folder.file(
        "c.yaml", "workloads: w.yaml\nfaults: [kill]\nseeds: \(Self.parts)\nlabs: 1\n")
      try await SlurmCluster.with(folder) { cluster in
        let store = "\(folder.path)/shared"
        let slurm = ["campaign", "submit", "--slurm", "--store", store, "--json"]
        let begun = try await cluster.gauntlet(slurm + [file, "--parts", "\(Self.parts)"])
        #expect(begun.code == 0, "\(begun.errors)")
        let job = try #require(try begun.json()["job"] as? String)
        let twice = try await cluster.gauntlet(slurm + [file, "--parts", "2"])
        #expect(twice.code == 10 && twice.errors.contains("another --store"), "\(twice.errors)")

        _ = try await cluster.run(["scancel", "\(job)_\(Self.parts)"])
        func isDone(_ part: Int) -> Bool {
          FileManager.default.fileExists(atPath: "\(store)/parts/\(part)/ended")
        }
        // Whatever the second node does now goes on at the first.
        #expect(try await eventually(within: 60) { isDone(1) })
        try cluster.lose(node: 2)
        let rest = 1..<Self.parts
        let limit = 60 + 10 * Double(Self.parts)
        #expect(try await eventually(within: limit) { rest.allSatisfy(isDone) })
        #expect(!isDone(Self.parts))

        let again = try await cluster.gauntlet(slurm + ["--again"])
        #expect(try again.json()["submitted"] as? [Int] == [Self.parts], "\(again)")
        #expect(try await eventually(within: 60) { isDone(Self.parts) })
        let stores = (1...Self.parts).map { "\(store)/parts/\($0)" }
        let collected = try await folder.gauntlet(
          words: ["campaign", "collect", "--store", store, "--json"] + stores)
        let summary = try collected.json()
        #expect(summary["done"] as? Int == Self.parts && summary["left"] as? Int == 0, "\(summary)")
        let outcomes = try #require(summary["outcomes"] as? [String: Int])
        #expect(Set(outcomes.keys).isSubset(of: ["valid", "inconclusive"]), "\(outcomes)")
        let runs = try await folder.gauntlet(
          words: ["runs", "--store", store, "--limit", "1000", "--json"])
        let seeds = runs.output.split(separator: "\n").filter { !$0.contains("\"unfinished\"") }
        #expect(seeds.count == Self.parts, "\(runs.output)")
      }
    }
  }
}

/// A Slurm controller and two nodes, in networks of their own.
struct SlurmCluster {
  private let folder: CommandLineFolder
  private let place: String
  private let network: String
  private static let root = #filePath.components(separatedBy: "/Tests/")[0]

  /// Runs `body` beside a cluster, and takes it away again.
  static func with(
    _ folder: CommandLineFolder, _ body: (SlurmCluster) async throws -> Void
  ) async throws {
    let place = "\(folder.path)/slurm"
    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
    let process = Process()
    process.executableURL = URL(filePath: "\(Self.root)/Tests/Support/slurm")
    process.arguments = [place]
    let (input, output) = (Pipe(), Pipe())
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    let said = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
    let network = said.trimmingCharacters(in: .whitespacesAndNewlines)
    if network.isEmpty {
      process.waitUntilExit()
      Issue.record("no cluster")
      return
    }
    func end() throws {
      try input.fileHandleForWriting.close()
      process.waitUntilExit()
    }
    do {
      try await body(SlurmCluster(folder: folder, place: place, network: network))
    } catch {
      try end()
      throw error
    }
    try end()
  }

  /// Runs `gauntlet` where jobs are submitted from.
  func gauntlet(_ words: [String]) async throws -> Finished {
    try await run(["\(folder.path)/gauntlet"] + words)
  }

  /// Runs a command there.
  func run(_ words: [String]) async throws -> Finished {
    let program = [
      "/usr/sbin/ip", "netns", "exec", network, "env", "SLURM_CONF=\(place)/slurm.conf",
    ]
    return try await folder.start(words, program: program).finish()
  }

  /// Ends all that runs on a node, at once.
  func lose(node: Int) throws {
    let text = try String(contentsOfFile: "\(place)/node\(node).pid", encoding: .utf8)
    let process = try #require(Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)))
    #expect(kill(process, SIGKILL) == 0)
  }
}
