// Whole nodes with their tasks: writing, reading, catching up, changing members, handing over.

import RaftStore
import Support
import Synchronization
import Testing

@testable import Raft

@Suite(.tags(.integration), .timeLimit(.minutes(1))) struct RaftTaskIntegrationTests {
  private let ids = RaftCluster.ids

  @Test("writes are applied in order, and a read sees them")
  func writesAndReads() async throws {
    try await RaftCluster.run { wires in
      let leader = try await RaftCluster.leader(wires)
      #expect(try await leader.write([1]) == [1])
      #expect(try await leader.write([2]) == [1, 2])
      #expect(try await leader.read([]) == [1, 2])
      #expect(try await leader.read([], consistency: .lease) == [1, 2])
      let follower = wires.nodes.withLock { $0.values.first { $0.metrics.role == "follower" }! }
      try await follower.wait(for: .seconds(5)) { [id = leader.metrics.id] metrics in
        metrics.applied >= 4 && metrics.leader == id
      }
      await #expect(throws: RaftError.notLeader(leader: leader.metrics.id)) {
        try await follower.write([3])
      }
      #expect(try await follower.read([], consistency: .stale) == [1, 2])
    }
  }

  @Test("a leader that is cut off leaves its write in doubt, and its successor goes on")
  func cutOffLeader() async throws {
    try await RaftCluster.run { wires in
      let old = try await RaftCluster.leader(wires)
      _ = try await old.write([1])
      wires.cut.withLock { _ = $0.insert(old.metrics.id) }
      await #expect(throws: RaftError.indoubt) { try await old.write([2]) }
      await #expect(throws: RaftError.notLeader(leader: nil)) { try await old.read([]) }
      let new = try await RaftCluster.leader(wires, not: old.metrics.id)
      #expect(try await new.write([3]) == [1, 3])
      wires.cut.withLock { $0 = [] }
      let applied = new.metrics.applied
      try await old.wait(for: .seconds(10)) { $0.applied >= applied && $0.role == "follower" }
    }
  }

  @Test("a node that was away catches up by a snapshot, and then by the log")
  func catchesUp() async throws {
    let configure = { (configuration: inout Configuration) in
      configuration.snapshotPolicy = .sinceLast(20)
      configuration.logsToKeep = 5
      configuration.snapshotChunkBytes = 16
    }
    try await RaftCluster.run(3, configure) { wires in
      let leader = try await RaftCluster.leader(wires)
      let away = ids.first { $0 != leader.metrics.id }!
      wires.cut.withLock { _ = $0.insert(away) }
      for count in 1...100 { #expect(try await leader.write([UInt8(count)]).count == count) }
      try await leader.wait(for: .seconds(10)) { $0.purged?.index ?? 0 > 50 }
      wires.cut.withLock { $0 = [] }
      let last = leader.metrics.committed
      let raft = RaftCluster.node(wires, away.number)
      try await raft.wait(for: .seconds(10)) { $0.applied >= last }
      #expect(raft.metrics.purged?.index ?? 0 > 50)
      #expect(try await raft.read([], consistency: .stale) == (1...100).map { UInt8($0) })
      _ = try await leader.write([101])
      let next = leader.metrics.committed
      try await raft.wait(for: .seconds(10)) { $0.applied >= next }
    }
  }

  /// Snapshots are built when they are asked for, leave nothing of the log, and travel in small parts.
  private func snapshotsOnRequest(_ configuration: inout Configuration) {
    configuration.snapshotPolicy = .never
    configuration.logsToKeep = 0
    configuration.snapshotChunkBytes = 10
  }

  @Test("a snapshot goes on where a part of it was lost")
  func resumes() async throws {
    try await RaftCluster.run(3, snapshotsOnRequest) { wires in
      let leader = try await RaftCluster.leader(wires)
      let away = ids.first { $0 != leader.metrics.id }!
      wires.cut.withLock { _ = $0.insert(away) }
      for count in 1...100 { #expect(try await leader.write([UInt8(count)]).count == count) }
      leader.trigger(.snapshot)
      let applied = leader.metrics.applied
      try await leader.wait(for: .seconds(10)) { $0.purged?.index ?? 0 >= applied }
      let offsets = Mutex<[UInt64]>([])
      wires.passSnapshot.withLock {
        $0 = { request in
          let isFirst = offsets.withLock { offsets in
            defer { offsets.append(request.offset) }
            return !offsets.contains(request.offset)
          }
          // Each third part is lost once.
          return isFirst && request.offset % 30 == 20 ? nil : request
        }
      }
      wires.cut.withLock { $0 = [] }
      let raft = RaftCluster.node(wires, away.number)
      try await raft.wait(for: .seconds(10)) { $0.applied >= applied }
      #expect(try await raft.read([], consistency: .stale) == (1...100).map { UInt8($0) })
      let expected: [UInt64] = [0, 10, 20, 20, 30, 40, 50, 50, 60, 70, 80, 80, 90]
      #expect(offsets.withLock { $0 } == expected)
    }
  }

  @Test("a snapshot that cannot be read stops the node, and does not take the place of its own")
  func unreadable() async throws {
    try await RaftCluster.run(3, snapshotsOnRequest) { wires in
      let leader = try await RaftCluster.leader(wires)
      let away = ids.first { $0 != leader.metrics.id }!
      let raft = RaftCluster.node(wires, away.number)
      for count in 1...30 { _ = try await leader.write([UInt8(count)]) }
      let applied = leader.metrics.applied
      try await raft.wait(for: .seconds(10)) { $0.applied >= applied }
      raft.trigger(.snapshot)
      try await raft.wait(for: .seconds(10)) { $0.purged?.index ?? 0 >= applied }
      let own = wires.snapshots.withLock { $0[away]!.current }
      wires.cut.withLock { _ = $0.insert(away) }
      for count in 31...60 { _ = try await leader.write([UInt8(count)]) }
      leader.trigger(.snapshot)
      try await leader.wait(for: .seconds(10)) { $0.purged?.index ?? 0 >= applied + 30 }
      wires.passSnapshot.withLock {
        $0 = { request in
          var request = request
          if request.isLast { request.bytes = [255] }
          return request
        }
      }
      wires.cut.withLock { $0 = [] }
      try await raft.wait(for: .seconds(10)) { $0.role == "stopped" }
      #expect(own != nil && wires.snapshots.withLock { $0[away]!.current } == own)
    }
  }

  @Test("a learner is added, becomes a voter in the place of another, and the others are removed")
  func membership() async throws {
    try await RaftCluster.run(5) { wires in
      var leader = try await RaftCluster.leader(wires)
      _ = try await leader.write([1])
      for id in [UInt64(4), 5] {
        try await leader.addLearner(Member(id: NodeID(id), address: ""), isBlocking: true)
      }
      #expect(RaftCluster.node(wires, 4).metrics.role == "learner")
      let replaced = try await leader.change(.replaceVoters([NodeID(3), NodeID(4), NodeID(5)]))
      #expect(!replaced.isJoint && replaced.members.count == 3)
      leader = try await RaftCluster.leader(wires)
      while ![3, 4, 5].contains(leader.metrics.id.number) {
        leader = try await RaftCluster.leader(wires, not: leader.metrics.id)
      }
      #expect(try await leader.write([2]) == [1, 2])
      for id in [UInt64(1), 2] { wires.cut.withLock { _ = $0.insert(NodeID(id)) } }
      #expect(try await leader.write([3]) == [1, 2, 3])
      await #expect(throws: RaftError.membership(.notMember(NodeID(1)))) {
        try await leader.change(.addVoters([NodeID(1)]))
      }
    }
  }

  @Test("leadership is handed over, and the tasks of both nodes are those of their roles")
  func transfer() async throws {
    try await RaftCluster.run { wires in
      let old = try await RaftCluster.leader(wires)
      let others = ids.filter { $0 != old.metrics.id }
      #expect(
        old.tasks == ["core", "log"] + others.map { "replication \($0)" } + [
          "state machine", "tick",
        ])
      _ = try await old.write([1])
      try await old.transferLeadership(to: others[0])
      let new = RaftCluster.node(wires, others[0].number)
      #expect(new.metrics.role == "leader")
      #expect(try await new.write([2]) == [1, 2])
      #expect(old.tasks == ["core", "log", "state machine", "tick"])
      await new.stop(gracefully: true)
      try await new.wait(for: .seconds(5)) { $0.role == "stopped" }
      #expect(new.tasks == [])
      let next = try await RaftCluster.leader(wires, not: others[0])
      #expect(try await next.write([3]) == [1, 2, 3])
    }
  }

  @Test("when a node stops, nobody is left waiting")
  func stopping() async throws {
    let wires = Wires()
    var configuration = Configuration(id: ids[0])
    configuration.tickInterval = .milliseconds(1)
    let raft = Raft(
      configuration, log: MemoryLog(), snapshots: MemorySnapshots(),
      network: Wire(own: ids[0], wires: wires), clock: .continuous, random: SplitMix64(Seed(1)))
    let running = Task { try await raft.run(Journal()) }
    await #expect(throws: RaftError.notLeader(leader: nil)) { try await raft.write([1]) }
    running.cancel()
    _ = await running.result
    await #expect(throws: RaftError.stopped) { try await raft.write([1]) }
  }
}
