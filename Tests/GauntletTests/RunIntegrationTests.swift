// gauntlet run, from the outside: real nodes, real rules, real signals.

import Foundation
import History
import Testing

@Suite(.tags(.integration), .serialized, .timeLimit(.minutes(3)))
struct RunIntegrationTests {
  private let workload = """
    system: raft-node
    nodes: 5
    clients: 6
    rate: 400
    time: 6s
    workload: {name: register, keys: 4, mix: {read: 4, write: 4, cas: 2}, values: unique}
    faults:
      - {partition: [leader-minority, one-way, majorities-ring], every: 1500ms, for: 700ms}
      - {kill: [leader, minority], every: 2s, for: 500ms}
      - {pause: [one], every: 2500ms, for: 400ms}
    """

  @Test(
    "a run under all kinds of faults is valid, and its folder holds everything",
    arguments: [false, true])
  func runs(asOrdinaryUser: Bool) async throws {
    try await CommandLineFolder.with { folder in
      let file = try folder.file("w.yaml", workload)
      let run = try await folder.undisturbed(
        "run", file, "--seed", "7", "--json", asOrdinaryUser: asOrdinaryUser)
      #expect(run.code == 0, "\(run.output) \(run.errors)")
      let result = try run.json()
      #expect(result["valid"] as? Bool == true && result["outcome"] as? String == "valid")
      let faults = try #require(result["faults"] as? [[String: Any]])
      let kinds = Set(
        faults.filter { $0["result"] as? String == "installed" }.compactMap {
          $0["kind"] as? String
        })
      #expect(kinds == ["partition", "kill", "pause"])
      let phases = try #require(result["phases"] as? [String: Double])
      #expect(
        Set(phases.keys)
          == ["deploy", "load", "recover", "read back", "stop", "collect", "check"])
      #expect(try #require(phases["deploy"]) < 10)
      for name in [
        "run.yaml", "plan.jsonl", "history.jsonl", "results.json", "report.html",
        "nodes/n1/node.log",
      ] {
        #expect(FileManager.default.fileExists(atPath: "\(folder.latest)/\(name)"), "\(name)")
      }
      let history = try History(file: "\(folder.latest)/history.jsonl")
      #expect(history.faults.count >= 3)
      for fault in history.faults {
        #expect(fault.end != nil)
        #expect(fault.details.contains { ["probe", "evidence"].contains($0.name) })
      }
      let again = try await folder.gauntlet("check", folder.latest)
      #expect(again.code == 0 && again.output.contains("valid"))
      guard !asOrdinaryUser else { return }
      // The same faults at the same times of the load; in another order where they are near.
      let first = try History(file: "\(folder.latest)/history.jsonl").faults
      let plan = try String(contentsOfFile: "\(folder.latest)/plan.jsonl", encoding: .utf8)
      let replayed = try await folder.undisturbed("replay", folder.latest, "--by-node", "--json")
      #expect(replayed.code == 0, "\(replayed.output) \(replayed.errors)")
      // The plan that was done then, with the nodes that were hit.
      let done = try String(contentsOfFile: "\(folder.latest)/plan.jsonl", encoding: .utf8)
      #expect(done.split(separator: "\n").count == plan.split(separator: "\n").count)
      #expect(done.contains("\"nodes\":[\"n") && !plan.contains("\"nodes\""))
      let second = try History(file: "\(folder.latest)/history.jsonl").faults
      func whom(_ faults: [FaultRecord]) -> [Int: [Event.Detail]] {
        Dictionary(
          uniqueKeysWithValues: faults.map { fault in
            (fault.number, fault.details.filter { ["nodes", "cut"].contains($0.name) })
          })
      }
      let (then, now) = (whom(first), whom(second))
      let both = Set(then.keys).intersection(now.keys)
      #expect(both.count >= 3)
      for number in both { #expect(then[number] == now[number]) }
      for faults in [first, second] {
        let late = faults.compactMap { fault in
          if case .integer(let nanoseconds)? = fault.details.first(where: { $0.name == "late" })?
            .value
          {
            return nanoseconds
          }
          return nil
        }.sorted()
        try #require(!late.isEmpty && late.count == faults.count)
        // One may be late where the machine stood still for a moment.
        #expect(late[0] >= 0 && late[late.count / 2] < 100_000_000, "\(late)")
        #expect(late.last! < 2_000_000_000, "\(late)")
      }
    }
  }

  @Test("disks that fail, clocks that are wrong, nodes that are ended and tended: each takes hold")
  func moreFaults() async throws {
    try await CommandLineFolder.with { folder in
      let file = try folder.workload(
        nodes: 5, time: "28s",
        """
        faults:
          - {disk: [lose-unsynced, kill-at-sync, sync-error, full, sync-stall], every: 4s, for: 1s}
          - {clock: [ahead, behind, fast, slow], every: 4s, for: 1500ms}
          - {abort: [one], every: 5s, for: 500ms}
          - {terminate: [one], every: 4s, for: 500ms}
          - {roll: [one], every: 4s, for: 500ms}
          - {administer: [transfer, snapshot, purge], every: 4s, for: 100ms}
          - {partition: [star, chain, bridge, random, leader-majority], by: [drop, reset], every: 4s, for: 700ms}
          - {disconnect: [leader, one], by: [reset, drop], every: 6s, for: 500ms}
          - {network: [{delay: 20ms, jitter: 5ms, loss: 5%}, {rate: 1mbit}], on: [all, leader], every: 5s, for: 1s}
          - {starve: [cpu, descriptors], on: one, every: 7s, for: 700ms}
          - {damage: [log, snapshot], on: n2, every: 6s, for: 500ms}
        """)
      let run = try await folder.undisturbed("run", file, "--seed", "3", "--json")
      #expect(run.code == 0, "\(run.output) \(run.errors)")
      let result = try run.json()
      let faults = try #require(result["faults"] as? [[String: Any]])
      #expect(faults.allSatisfy { $0["result"] as? String != "failed" }, "\(run.output)")
      let installed = Set(
        faults.filter { $0["result"] as? String == "installed" }.compactMap {
          $0["kind"] as? String
        })
      #expect(
        installed == [
          "disk", "clock", "abort", "terminate", "roll", "administer", "partition", "disconnect",
          "network", "starve", "damage",
        ], "\(run.output)")
    }
  }

  @Test("members that are removed or wiped come back, and so do builds")
  func membersAndBuilds() async throws {
    try await CommandLineFolder.with { folder in
      let file = try folder.workload(
        nodes: 5, time: "40s",
        """
        faults:
          - {members: wipe, on: [leader, minority], at: [2s, 12s], for: 500ms}
          - {members: remove, on: one, at: 21s, for: 500ms}
          - {upgrade: [all], at: 29s, for: 300ms}
        """)
      // A copy: what it does is known, and each node's process can be seen to be another.
      let other = "\(folder.path)/other-node"
      try FileManager.default.copyItem(atPath: "\(folder.path)/raft-node", toPath: other)
      let run = try await folder.undisturbed(
        "run", file, "--seed", "3", "--upgrade", other, "--json")
      #expect(run.code == 0, "\(run.output) \(run.errors)")
      let faults = try #require(try run.json()["faults"] as? [[String: Any]])
      #expect(faults.count == 4)
      #expect(faults.allSatisfy { $0["result"] as? String == "installed" }, "\(run.output)")
      let evidence = try History(file: "\(folder.latest)/history.jsonl").faults.map { fault in
        fault.details.map { "\($0.value)" }.joined(separator: " ")
      }
      #expect(evidence.count { $0.contains("its disk wiped") } == 2, "\(evidence)")
      #expect(evidence.count { $0.contains(", then ") } == 1, "\(evidence)")
    }
  }

  @Test("a simulation is the same each time, and its faults can be chosen")
  func simulates() async throws {
    try await CommandLineFolder.with { folder in
      func trace(_ arguments: String...) async throws -> (String, [String]) {
        let run = try await folder.gauntlet(
          words: ["simulate", "--json"] + arguments)
        #expect(run.code == 0, "\(run.output) \(run.errors)")
        let result = try run.json()
        return (
          try #require(result["trace"] as? String), try #require(result["faults"] as? [String])
        )
      }
      // Each process orders its sets and dictionaries in another way. In this world two wait for the same
      // node's metrics, which went by such an order once.
      let (first, faults) = try await trace("--seed", "300006")
      for _ in 0..<4 { #expect(try await trace("--seed", "300006") == (first, faults)) }
      #expect(try await trace("--seed", "6", "--minutes", "0.1").0 != first)
      #expect(faults.count > 2)
      let (_, chosen) = try await trace("--seed", "5", "--minutes", "0.1", "--only-faults", "2")
      #expect(chosen.count == 1 && chosen[0].hasPrefix("2 at "))
      for wrong in [
        ["--seed", "18446744073709551615", "--seeds", "2"], ["--hours", "1", "--minutes", "3"],
      ] {
        #expect(try await folder.gauntlet(words: ["simulate"] + wrong).code == 64)
      }
    }
  }

  @Test("the quickstart's run is valid, and a node killed in it comes back from a snapshot")
  func quickstart() async throws {
    try await CommandLineFolder.with { folder in
      let file = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../Workloads/quickstart.yaml").standardized.path
      // Long enough for several kills once there is a snapshot.
      let run = try await folder.undisturbed("run", file, "--seed", "7", "--time", "20s")
      #expect(run.code == 0, "\(run.output) \(run.errors)")
      let starts = try (1...5).flatMap { node in
        try String(contentsOfFile: "\(folder.latest)/nodes/n\(node)/node.log", encoding: .utf8)
          .split(separator: "\n").filter { $0.hasSuffix("recovered") }
      }
      #expect(starts.contains { !$0.contains("snapshot=none") }, "\(starts)")
      // Packed it takes a fraction of the room, and is read as before.
      let plain = "\(folder.latest)/history.jsonl"
      let history = try History(file: plain)
      let size = try Data(contentsOf: URL(filePath: plain)).count
      let pack = try await folder.gauntlet("runs", "pack", "latest")
      #expect(pack.code == 0 && pack.output.contains("1 runs packed"), "\(pack)")
      #expect(!FileManager.default.fileExists(atPath: plain))
      #expect(try Data(contentsOf: URL(filePath: "\(plain).bz2")).count < size / 6)
      #expect(try History(file: "\(plain).bz2").operations == history.operations)
      let check = try await folder.gauntlet("check", folder.latest)
      #expect(check.code == 0, "\(check.output) \(check.errors)")
      #expect(try await folder.gauntlet("runs", "pack").output.contains("0 runs packed"))
    }
  }

  @Test("a broken system is found out: clients of two clusters that never meet")
  func findsViolations() async throws {
    try await CommandLineFolder.with { folder in
      let node = try folder.brokenNode()
      let file = try folder.file("w.yaml", "nodes: 3\nclients: 6\nrate: 300\ntime: 2s\n")
      let run = try await folder.gauntlet("run", file, "--build", node, "--json")
      #expect(run.code == 1, "\(run.output) \(run.errors)")
      let result = try run.json()
      #expect(result["valid"] as? Bool == false && result["outcome"] as? String == "violation")
      let counterexample = try #require(result["counterexample"] as? [String: Any])
      #expect(!(try #require(counterexample["explanation"] as? String)).isEmpty)
      let log = "\(folder.latest)/nodes/n1/data/log/000000000001.log"
      // Of the room that was reserved in it, no more is kept than what was written.
      var status = stat()
      #expect(stat(log, &status) == 0 && status.st_size >= 32 << 20)
      #expect(status.st_blocks * 512 < 8 << 20, "\(status.st_blocks) blocks")
      let kept = try FileManager.default.subpathsOfDirectory(atPath: "\(folder.latest)/nodes")
      #expect(!kept.contains { $0.hasSuffix("sparse") }, "\(kept)")
      let again = try await folder.gauntlet("check", "\(folder.latest)/history.jsonl")
      #expect(again.code == 1)
    }
  }

  @Test("a node that ends while starting is a crash, and it is said which log to read")
  func failsToDeploy() async throws {
    try await CommandLineFolder.with { folder in
      let file = try folder.file("w.yaml", "nodes: 3\ntime: 1s\n")
      let run = try await folder.gauntlet("run", file, "--build", "/bin/false", "--json")
      #expect(run.code == 1, "\(run.output) \(run.errors)")
      let result = try run.json()
      #expect(result["outcome"] as? String == "crash")
      let problems = try #require(result["problems"] as? [String])
      #expect(problems.contains { $0.contains("node.log") })
      let none = try await folder.gauntlet("run", file, "--build", "/nowhere/raft-node")
      #expect(none.code == 65 && none.errors.contains("no program there"))
    }
  }

  @Test("Ctrl-C heals, checks what there is and leaves a full folder")
  func interrupted() async throws {
    try await CommandLineFolder.with { folder in
      let file = try folder.file("w.yaml", workload.replacing("6s", with: "60s"))
      let running = try folder.start(["run", file])
      try #require(
        try await eventually { try self.history(folder).contains("\"phase\":\"start\"") })
      running.process.interrupt()
      let run = try await running.finish()
      #expect(run.code == 130, "\(run.output) \(run.errors)")
      #expect(run.output.contains("interrupted"))
      #expect(FileManager.default.fileExists(atPath: "\(folder.latest)/report.html"))
      let history = try History(file: "\(folder.latest)/history.jsonl")
      #expect(history.faults.allSatisfy { $0.end != nil })
    }
  }

  @Test("SIGKILL in the middle of a partition leaves nothing behind but a readable history")
  func killed() async throws {
    try await CommandLineFolder.with { folder in
      let before = try Traces.now(of: folder)
      let partition = workload.replacing("time: 6s", with: "time: 60s").replacing(
        "700ms", with: "20s")
      let running = try folder.start(["run", try folder.file("w.yaml", partition)])
      try #require(
        try await eventually {
          try self.history(folder).contains("\"f\":\"partition\",\"fault\":1,\"phase\":\"start\"")
            || self.history(folder).contains("\"f\":\"partition\"")
        })
      // The controller has at least so much history; none of it may go.
      let seen = try self.history(folder).utf8.count
      #expect(try Traces.now(of: folder) != before, "the run is seen while it goes on")
      kill(running.process.processIdentifier, SIGKILL)
      let run = try await running.finish()
      #expect(run.code == 128 + SIGKILL)
      #expect(try await eventually { try Traces.now(of: folder) == before })
      #expect(try self.history(folder).utf8.count >= seen)
      let bundle = try await folder.gauntlet("report", "latest", "--bundle", "cut-off.tar.gz")
      #expect(bundle.code == 0 && bundle.output.contains("with /"), "\(bundle)")
      let check = try await folder.gauntlet("check", folder.latest)
      #expect([0, 2].contains(check.code), "\(check.output) \(check.errors)")
      // What it tested is known from its beginning.
      let checked = try await folder.gauntlet("report", "latest", "--bundle", "checked.tar.gz")
      #expect(checked.code == 0 && checked.output.contains("with /"), "\(checked)")
    }
  }

  private func history(_ folder: CommandLineFolder) throws -> String {
    (try? String(contentsOfFile: "\(folder.latest)/history.jsonl", encoding: .utf8)) ?? ""
  }

  @Test("the same runs against one Redis server")
  func redis() async throws {
    try await CommandLineFolder.with { folder in
      let file = try folder.file("w.yaml", "system: redis\nnodes: 1\nclients: 4\ntime: 1s\n")
      let run = try await folder.undisturbed("run", file, "--json")
      #expect(run.code == 0, "\(run.output) \(run.errors)")
      #expect(try run.json()["valid"] as? Bool == true)
    }
  }
}

/// What a run could leave on a machine.
struct Traces: Equatable {
  var processes: Set<String>
  var interfaces: Set<String>
  var rules: String
  var mounts: String
  var namespaces: String

  static func now(of folder: CommandLineFolder) throws -> Traces {
    let files = FileManager.default
    let processes = try files.contentsOfDirectory(atPath: "/proc").filter { name in
      guard Int(name) != nil, let line = files.contents(atPath: "/proc/\(name)/cmdline") else {
        return false
      }
      return String(decoding: line, as: UTF8.self).hasPrefix(folder.path)
    }
    return Traces(
      processes: Set(processes),
      interfaces: Set(try files.contentsOfDirectory(atPath: "/sys/class/net")),
      rules: try output("/usr/sbin/iptables", "-S"),
      mounts: try String(contentsOfFile: "/proc/self/mounts", encoding: .utf8),
      namespaces: try output("/usr/sbin/ip", "netns"))
  }

  private static func output(_ program: String, _ arguments: String...) throws -> String {
    let process = Process()
    process.executableURL = URL(filePath: program)
    process.arguments = arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(decoding: data, as: UTF8.self)
  }
}
