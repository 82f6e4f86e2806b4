// Faults as a workload asks for them: on our disk, within an envelope, when something is so, and refused.

import Foundation
import History
import Testing

@Suite(.tags(.integration), .serialized, .timeLimit(.minutes(2)))
struct FaultIntegrationTests {
  @Test(
    "a node that no shim can be in is put on our disk",
    .enabled(if: access("/dev/fuse", R_OK | W_OK) == 0, "no FUSE here"))
  func ourDisk() async throws {
    try await CommandLineFolder.with { folder in
      let file = try folder.workload(
        nodes: 3, time: "14s",
        """
        faults:
          - {disk: lose-stalled, on: leader, at: 1s, for: 500ms}
          - {disk: kill-at-sync, on: one, at: 4s, for: 500ms}
          - {disk: kill-at-write, on: one, at: 7s, for: 500ms}
          - {disk: sync-error, on: one, at: 10s, for: 500ms}
          - {clock: ahead, on: one, at: 2s, for: 300ms}
        """)
      // What is not in its environment cannot be in its process.
      let node = try folder.program(
        "static-node",
        """
        #!/bin/sh
        unset LD_PRELOAD
        exec \(folder.path)/raft-node "$@"
        """)
      let run = try await folder.gauntlet("run", file, "--build", node, "--seed", "3", "--json")
      let faults = try #require(try run.json()["faults"] as? [[String: Any]])
      let outcomes = Dictionary(grouping: faults) { $0["kind"] as? String ?? "" }
        .mapValues { $0.map { $0["result"] as? String ?? "" } }
      #expect(
        outcomes == ["disk": Array(repeating: "installed", count: 4), "clock": ["skipped"]],
        "\(run.output) \(run.errors)")
      // A kind that never took hold makes no valid run; nothing else is wrong with it.
      #expect(run.code == 2, "\(run.output)")
      let evidence = try History(file: "\(folder.latest)/history.jsonl").faults.map { fault in
        fault.details.map { "\($0.value)" }.joined(separator: " ")
      }
      #expect(evidence.contains { $0.contains("ended itself at its write number") }, "\(evidence)")
      #expect(!FileManager.default.fileExists(atPath: "\(folder.latest)/nodes/n1/disk"))
    }
  }

  @Test(
    "faults keep to an envelope, wait for what they are told to, and packets are kept, over IPv6")
  func schedules() async throws {
    try await CommandLineFolder.with { folder in
      let file = try folder.workload(
        nodes: 3, time: "15s",
        """
        faults:
          - {kill: leader, at: 1s, for: 5s, heal-when: leader}
          - {network: {delay: 5ms, duplicate: 20%, corrupt: 2%}, on: all, at: 3s, for: 600ms}
          - {pause: held, at: 4s, for: 1s, when: level}
          - {kill: majority, at: 7s, for: 300ms}
          - {starve: memory, on: one, at: 8s, for: 500ms}
          - {clock: restart-ahead, on: last-to-vote, at: 10s, for: 500ms}
          - {partition: one-way, at: 12s, for: 500ms}
        envelope: quorum
        network: ipv6
        capture: true
        """)
      let run = try await folder.undisturbed("run", file, "--seed", "3", "--json")
      let result = try run.json()
      let faults = try #require(result["faults"] as? [[String: Any]])
      func outcome(_ choice: String) -> String? {
        faults.first { $0["choice"] as? String == choice }?["result"] as? String
      }
      #expect(run.code == 0, "\(run.output) \(run.errors)")
      #expect(outcome("majority") == "skipped")
      #expect(
        faults.contains {
          $0["kind"] as? String == "network" && $0["result"] as? String == "installed"
        })
      for choice in ["leader", "held", "one-way"] {
        #expect(outcome(choice) == "installed", "\(faults)")
      }
      // Where the kernel has them.
      for choice in ["memory one", "restart-ahead last-to-vote"] {
        #expect(outcome(choice) != "failed", "\(faults)")
      }
      let kill = try #require(try History(file: "\(folder.latest)/history.jsonl").faults.first)
      let seconds = Double(try #require(kill.end) - kill.start) / 1e9
      // Another leads a moment after the timeout, and not only when five seconds are over.
      #expect(kill.kind == "kill" && seconds < 3, "\(seconds)")
      #expect(kill.endDetails.contains { $0.name == "lasted" })
      let packets = try Data(contentsOf: URL(filePath: "\(folder.latest)/nodes/n1/packets.pcap"))
      #expect(packets.count > 10_000)
      // With a quorum always there, ten seconds are the longest that may pass.
      #expect(
        try String(contentsOfFile: "\(folder.latest)/results.json", encoding: .utf8)
          .contains("objective 10s"))
    }
  }

  @Test("a fault of a node that is not there is refused, and a recipe that does nothing")
  func strangers() async throws {
    try await CommandLineFolder.with { folder in
      for (fault, words) in [
        ("kill: n7", "there is no node n7; they are n1, n2, n3"),
        ("partition: [n1+n9]", "there is no node n9"), ("disk: full, on: [n4]", "no node n4"),
        ("recipe: \"kill n5; until leader\"", "no node n5"),
        ("recipe: \"wait 2s\"", "it does nothing"),
        ("recipe: \"kill leader; heal pause\"", "it heals pause, of which none has begun"),
        ("kill: one, within: 2s", "add when"),
      ] {
        let file = try folder.file("w.yaml", "nodes: 3\nfaults:\n  - {\(fault)}\n")
        let run = try await folder.gauntlet("run", file, "--time", "1s")
        #expect(run.code == 65 && run.errors.contains(words), "\(fault): \(run.errors)")
        #expect(run.errors.split(separator: "\n").count == 1, "\(run.errors)")
      }
    }
  }

  @Test("files that are cut or old take what was synced, and a plan says so")
  func lostFiles() async throws {
    try await CommandLineFolder.with { folder in
      let file = try folder.workload(
        nodes: 5, time: "9s",
        """
        faults:
          - {damage: log-cut, on: n2, at: 2s, for: 500ms}
          - {damage: stale, on: n3, at: 4s, for: 1s}
          - {damage: stale, on: n4, at: 6s, for: 500ms}
        envelope: minority-durable
        check: [availability, crashes]
        """)
      let run = try await folder.undisturbed("run", file, "--seed", "3", "--json")
      let faults = try #require(try run.json()["faults"] as? [[String: Any]])
      // A third node would be more than a minority.
      #expect(
        faults.map { $0["result"] as? String } == ["installed", "installed", "skipped"],
        "\(run.output) \(run.errors)")
      let evidence = try History(file: "\(folder.latest)/history.jsonl").faults.map { fault in
        (fault.details + fault.endDetails).map { "\($0.value)" }.joined(separator: " ")
      }
      #expect(evidence.contains { $0.contains(" ended at ") }, "\(evidence)")
      #expect(evidence.contains { $0.contains("it has its old files again") }, "\(evidence)")
    }
  }

  @Test("nodes that never get a leader are the bench's failure to deploy, and no finding")
  func neverLeads() async throws {
    try await CommandLineFolder.with { folder in
      let file = try folder.file("w.yaml", "nodes: 3\ntime: 1s\n")
      let sleeper = try folder.program("sleeper", "#!/bin/sh\nexec sleep 1000\n")
      let run = try await folder.gauntlet("run", file, "--build", sleeper, "--json")
      #expect(run.code == 10, "\(run.output) \(run.errors)")
      let result = try run.json()
      #expect(result["outcome"] as? String == "bench-failure")
      #expect(result["valid"] as? String == "unknown")
    }
  }
}
