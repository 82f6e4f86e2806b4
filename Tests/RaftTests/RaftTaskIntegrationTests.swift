// Whole nodes with their tasks, in one process: memory logs and a network that a test can cut.

import RaftStore
import Support
import Synchronization
import Testing

@testable import Raft

/// Appends commands; a query answers all of them.
private struct Journal: StateMachine {
  var bytes: [UInt8] = []

  mutating func apply(_ entries: [Entry]) -> [[UInt8]] {
    entries.map { entry in
      guard case .command(let command) = entry.payload else { return [] }
      bytes += command
      return bytes
    }
  }

  func read(_ query: [UInt8]) -> [UInt8] { bytes }
  func view() -> View { View(bytes: bytes[...]) }
  func restoration() -> Restoration { Restoration() }

  struct View: SnapshotView {
    var bytes: ArraySlice<UInt8>

    mutating func next(about count: Int) -> [UInt8]? {
      guard !bytes.isEmpty else { return nil }
      defer { bytes = bytes.dropFirst(count) }
      return Array(bytes.prefix(count))
    }
  }

  struct Restoration: SnapshotRestoration {
    var bytes: [UInt8] = []
    mutating func take(_ bytes: [UInt8]) { self.bytes += bytes }
    consuming func finish() -> Journal { Journal(bytes: bytes) }
  }
}

/// Calls the other nodes' handles, unless one of the two is cut off.
private final class Wires: Sendable {
  let nodes = Mutex<[NodeID: Raft]>([:])
  let cut = Mutex<Set<NodeID>>([])

  func node(_ id: NodeID, from other: NodeID) -> Raft? {
    let isCut = cut.withLock { $0.contains(id) || $0.contains(other) }
    return isCut ? nil : nodes.withLock { $0[id] }
  }
}

private struct Wire: Network {
  let own: NodeID
  let wires: Wires

  func requestVote(
    _ request: VoteRequest, of node: NodeID, reply: @escaping @Sendable (VoteResponse?) -> Void
  ) {
    guard let node = wires.node(node, from: own) else { return reply(nil) }
    node.handle(request) { reply(try? $0.get()) }
  }

  func append(
    _ request: AppendRequest, to node: NodeID, reply: @escaping @Sendable (AppendResponse?) -> Void
  ) {
    guard let node = wires.node(node, from: own) else { return reply(nil) }
    node.handle(request) { reply(try? $0.get()) }
  }

  func sendSnapshot(
    _ request: SnapshotRequest, to node: NodeID,
    reply: @escaping @Sendable (SnapshotResponse?) -> Void
  ) {
    guard let node = wires.node(node, from: own) else { return reply(nil) }
    node.handle(request) { reply(try? $0.get()) }
  }

  func requestTransfer(_ request: TransferRequest, to node: NodeID) {
    wires.node(node, from: own)?.handle(request)
  }

  func membersChanged(to members: [Member]) {}
}

extension Tag {
  /// Runs by the real clock.
  @Tag static var integration: Self
}

@Suite(.tags(.integration), .timeLimit(.minutes(1))) struct RaftTaskIntegrationTests {
  private let ids = (1...3).map { NodeID(UInt64($0)) }

  /// Runs `size` nodes around `body`, of which the first three are a cluster.
  private func withCluster(
    _ size: UInt64 = 3, _ configure: (inout Configuration) -> Void = { _ in },
    _ body: (Wires) async throws -> Void
  ) async throws {
    let wires = Wires()
    for id in (1...size).map({ NodeID($0) }) {
      var configuration = Configuration(id: id)
      configure(&configuration)
      let raft = Raft(
        configuration, log: MemoryLog(), snapshots: MemorySnapshots(),
        network: Wire(own: id, wires: wires), clock: .continuous,
        random: SplitMix64(Seed(id.number)))
      wires.nodes.withLock { $0[id] = raft }
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for raft in wires.nodes.withLock({ Array($0.values) }) {
        group.addTask {
          do { try await raft.run(Journal()) } catch is CancellationError {}
        }
      }
      for id in ids {
        try await wires.nodes.withLock { $0[id]! }.initialize(Membership(voters: ids))
      }
      try await body(wires)
      group.cancelAll()
    }
  }

  private func leader(_ wires: Wires, not excluded: NodeID? = nil) async throws -> Raft {
    while true {
      for raft in wires.nodes.withLock({ Array($0.values) })
      where raft.metrics.role == "leader" && raft.metrics.id != excluded {
        return raft
      }
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  private func node(_ wires: Wires, _ id: UInt64) -> Raft {
    wires.nodes.withLock { $0[NodeID(id)]! }
  }

  @Test("writes are applied in order, and a read sees them")
  func writesAndReads() async throws {
    try await withCluster { wires in
      let leader = try await leader(wires)
      #expect(try await leader.write([1]) == [1])
      #expect(try await leader.write([2]) == [1, 2])
      #expect(try await leader.read([]) == [1, 2])
      #expect(try await leader.read([], consistency: .lease) == [1, 2])
      let follower = wires.nodes.withLock { $0.values.first { $0.metrics.role == "follower" }! }
      await #expect(throws: RaftError.notLeader(leader: leader.metrics.id)) {
        try await follower.write([3])
      }
      try await follower.wait(for: .seconds(5)) { [id = leader.metrics.id] metrics in
        metrics.applied >= 4 && metrics.leader == id
      }
      #expect(try await follower.read([], consistency: .stale) == [1, 2])
    }
  }

  @Test("a leader that is cut off leaves its write in doubt, and its successor goes on")
  func cutOffLeader() async throws {
    try await withCluster { wires in
      let old = try await leader(wires)
      _ = try await old.write([1])
      wires.cut.withLock { _ = $0.insert(old.metrics.id) }
      await #expect(throws: RaftError.indoubt) { try await old.write([2]) }
      await #expect(throws: RaftError.notLeader(leader: nil)) { try await old.read([]) }
      let new = try await leader(wires, not: old.metrics.id)
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
    try await withCluster(3, configure) { wires in
      let leader = try await leader(wires)
      let away = ids.first { $0 != leader.metrics.id }!
      wires.cut.withLock { _ = $0.insert(away) }
      for count in 1...100 { #expect(try await leader.write([UInt8(count)]).count == count) }
      try await leader.wait(for: .seconds(10)) { $0.purged?.index ?? 0 > 50 }
      wires.cut.withLock { $0 = [] }
      let last = leader.metrics.committed
      let raft = node(wires, away.number)
      try await raft.wait(for: .seconds(10)) { $0.applied >= last }
      #expect(raft.metrics.purged?.index ?? 0 > 50)
      #expect(try await raft.read([], consistency: .stale) == (1...100).map { UInt8($0) })
      _ = try await leader.write([101])
      let next = leader.metrics.committed
      try await raft.wait(for: .seconds(10)) { $0.applied >= next }
    }
  }

  @Test("a learner is added, becomes a voter in the place of another, and the others are removed")
  func membership() async throws {
    try await withCluster(5) { wires in
      var leader = try await leader(wires)
      _ = try await leader.write([1])
      for id in [UInt64(4), 5] {
        try await leader.addLearner(Member(id: NodeID(id), address: ""), isBlocking: true)
      }
      #expect(node(wires, 4).metrics.role == "learner")
      let replaced = try await leader.change(.replaceVoters([NodeID(3), NodeID(4), NodeID(5)]))
      #expect(!replaced.isJoint && replaced.members.count == 3)
      leader = try await self.leader(wires)
      while ![3, 4, 5].contains(leader.metrics.id.number) {
        leader = try await self.leader(wires, not: leader.metrics.id)
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
    try await withCluster { wires in
      let old = try await leader(wires)
      let others = ids.filter { $0 != old.metrics.id }
      #expect(
        old.tasks == ["core", "log"] + others.map { "replication \($0)" } + [
          "state machine", "tick",
        ])
      _ = try await old.write([1])
      try await old.transferLeadership(to: others[0])
      let new = node(wires, others[0].number)
      #expect(new.metrics.role == "leader")
      #expect(try await new.write([2]) == [1, 2])
      #expect(old.tasks == ["core", "log", "state machine", "tick"])
      await new.stop(gracefully: true)
      try await new.wait(for: .seconds(5)) { $0.role == "stopped" }
      #expect(new.tasks == [])
      let next = try await leader(wires, not: others[0])
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
