// Labs from outside: exit codes, signals, and that nothing is left of them.

import Foundation
import Subprocess
import Testing

@testable import Hosts

@Suite(.tags(.integration), .serialized, .timeLimit(.minutes(2)))
struct LabIntegrationTests {
  @Test("the outer process ends as the controller did", arguments: Starter.allCases)
  func passesExitCodes(starter: Starter) async throws {
    try await LabProbe.with(starter) { probe in
      for (verb, argument, code) in [("exit", "0", 0), ("exit", "65", 65), ("raise", "9", 137)] {
        let status = try await probe.run(verb, argument).0
        #expect(status == .exited(CInt(code)))
      }
    }
  }

  @Test("a leaked GAUNTLET_LAB does not pass for being inside")
  func ignoresLeakedVariable() async throws {
    try await LabProbe.with(.root) { probe in
      let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid")
      for value in ["1", own] {
        // In no lab, and with its network made on this machine, it would trap.
        let leaked = Environment.inherit.updating(["GAUNTLET_LAB": value])
        let result = try await probe.run("processes", probe.folder, environment: leaked)
        #expect(result.0 == .exited(0), "\(result.errors)")
      }
    }
  }

  @Test("Ctrl-C reaches the controller once and no node", arguments: Starter.allCases)
  func forwardsSignals(starter: Starter) async throws {
    try await LabProbe.with(starter) { probe in
      let status = try await probe.run("signals") { lines, send in
        #expect(try await lines.next() == ["ready": 1])
        try send(.interrupt, .group)
        #expect(try await lines.next() == ["got": 2, "nodeRuns": 1])
        // A second interrupt that had come by another way would be read before this.
        try send(.terminalClosed, .process)
        #expect(try await lines.next() == ["got": 15, "nodeRuns": 1])
      }
      #expect(status == .exited(130))
    }
  }

  @Test("nothing is left when the outer process is killed", arguments: Starter.allCases)
  func leavesNothing(starter: Starter) async throws {
    let before = try await MachineSnapshot.take()
    try await LabProbe.with(starter) { probe in
      let marker = "\(UInt32.random(in: 1...(.max)))"
      let status = try await probe.run("park", marker) { lines, send in
        #expect(try await lines.next() == ["parked": 5])
        // The networks of five nodes and of the lab, its process and its mount namespace; all
        // of them once every agent has joined its node's.
        var lab: Set<String> = []
        let isComplete = try await eventually {
          lab = try namespaces(ofProcessesNamed: marker)
          return lab.count == 8
        }
        #expect(isComplete)
        #expect(try processes(inNamespaces: lab).count >= 7)
        try send(.kill, .process)
        let isGone = try await eventually { try processes(inNamespaces: lab).isEmpty }
        #expect(isGone)
        // What a failure left holds our standard error open, for whoever waits for its end.
        for pid in try processes(inNamespaces: lab) { kill(try #require(Int32(pid)), SIGKILL) }
      }
      #expect(status == .signaled(9))
    }
    #expect(try await MachineSnapshot.take() == before)
  }
}
