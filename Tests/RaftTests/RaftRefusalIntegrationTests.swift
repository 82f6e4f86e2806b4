// Changes and hand-overs that do not go as they should, and what of a node can be watched meanwhile.

import RaftStore
import Support
import Synchronization
import Testing

@testable import Raft

@Suite(.tags(.integration), .timeLimit(.minutes(1))) struct RaftRefusalIntegrationTests {
  private let ids = RaftCluster.ids

  private func cut(_ wires: Wires, _ nodes: [NodeID]) {
    wires.cut.withLock { $0 = Set(nodes) }
  }

  private func others(of leader: Raft) -> [NodeID] { ids.filter { $0 != leader.metrics.id } }

  @Test("without ticks no time passes; with them again it does")
  func ticks() async throws {
    let configure = { (configuration: inout Configuration) in configuration.switches.tick = false }
    try await RaftCluster.run(3, configure) { wires in
      try await Task.sleep(for: .milliseconds(700))
      for id in ids {
        let raft = RaftCluster.node(wires, id.number)
        #expect(raft.metrics.term == 0 && raft.metrics.role == "follower")
        raft.set(Switches())
      }
      _ = try await RaftCluster.leader(wires)
    }
  }

  @Test("who watches leadership is woken by it, and not by entries")
  func leadership() async throws {
    try await RaftCluster.run { wires in
      let leader = try await RaftCluster.leader(wires)
      _ = try await leader.write([1])
      let seen = Mutex<[String]>([])
      let updates = leader.leadershipUpdates
      let watching = Task {
        for await metrics in updates { seen.withLock { $0.append(metrics.role) } }
      }
      // On a busy machine the watching task may begin after fifty writes.
      while seen.withLock({ $0.isEmpty }) { try await Task.sleep(for: .milliseconds(5)) }
      for _ in 0..<50 { _ = try await leader.write([1]) }
      #expect(seen.withLock { $0 } == ["leader"])
      try await leader.transferLeadership()
      try await leader.wait(for: .seconds(5)) { $0.role == "follower" && $0.leader != nil }
      await leader.stop(gracefully: false)
      await watching.value
      let roles = seen.withLock { $0 }
      #expect(roles.first == "leader" && roles.contains("follower") && roles.last == "stopped")
    }
  }

  @Test("a snapshot that was durable before the log under it, and before its term, is gone on from")
  func snapshotAhead() async throws {
    let snapshots = MemorySnapshots()
    let meta = SnapshotMeta(
      lastLogID: LogID(term: 7, index: 20),
      membership: StoredMembership(
        logID: LogID(term: 1, index: 1), membership: Membership(voters: ids.prefix(1))),
      id: "ahead")
    let writer = try await snapshots.writer(for: meta)
    try await writer.append([1, 2])
    try await writer.finish()
    let log = MemoryLog(
      entries: [Entry(id: LogID(term: 3, index: 1), payload: .command([9]))],
      vote: Vote(term: 4, node: ids[1]))
    let raft = Raft(
      Configuration(id: ids[0]), log: log, snapshots: snapshots,
      network: Wire(own: ids[0], wires: Wires()), clock: .continuous, random: SplitMix64(Seed(1)))
    let running = Task { try await raft.run(Journal()) }
    try await raft.wait(for: .seconds(5)) { $0.role == "leader" }
    #expect(raft.metrics.term == 8)
    #expect(try await raft.write([3]) == [1, 2, 3])
    #expect(log.purged == meta.lastLogID)
    running.cancel()
    _ = await running.result
  }

  @Test("a follower that comes back without its log is named, and gets nothing more")
  func reverted() async throws {
    try await RaftCluster.run { wires in
      let leader = try await RaftCluster.leader(wires)
      for count in 1...20 { _ = try await leader.write([UInt8(count)]) }
      let lost = others(of: leader)[0]
      try await leader.wait(for: .seconds(5)) { $0.replication[lost] == $0.lastLogIndex }
      await RaftCluster.node(wires, lost.number).stop(gracefully: false)
      let empty = Raft(
        Configuration(id: lost), log: MemoryLog(), snapshots: MemorySnapshots(),
        network: Wire(own: lost, wires: wires), clock: .continuous, random: SplitMix64(Seed(9)))
      let running = Task { try await empty.run(Journal()) }
      wires.nodes.withLock { $0[lost] = empty }
      _ = try await leader.write([21])
      try await leader.wait(for: .seconds(5)) { $0.reverted == [lost] }
      _ = try await leader.write([22])
      #expect(empty.metrics.lastLogIndex == 0)
      running.cancel()
      _ = await running.result
    }
  }

  @Test("a heartbeat that is asked for reaches the followers")
  func heartbeat() async throws {
    let configure = { (configuration: inout Configuration) in
      configuration.switches.heartbeat = false
      configuration.electionTimeout = .seconds(20)...Duration.seconds(40)
      configuration.heartbeatInterval = .seconds(5)
    }
    try await RaftCluster.run(3, configure) { wires in
      let leader = RaftCluster.node(wires, 1)
      leader.trigger(.election)
      try await leader.wait(for: .seconds(5)) { $0.role == "leader" }
      _ = try await leader.write([1])
      let age = try await leader.wait(for: .seconds(5)) { $0.sinceQuorumAnswered != nil }
      #expect(age.sinceQuorumAnswered! < .seconds(1))
      let follower = RaftCluster.node(wires, 2)
      // Only a later message tells a follower that the last entry is committed.
      try await Task.sleep(for: .milliseconds(100))
      #expect(follower.metrics.committed < leader.metrics.committed)
      leader.trigger(.heartbeat)
      let end = leader.metrics.committed
      try await follower.wait(for: .seconds(5)) { $0.committed == end }
    }
  }

  @Test("learners come without waiting, new voters after catching up; addresses and members change")
  func members() async throws {
    try await RaftCluster.run(5) { wires in
      let leader = try await RaftCluster.leader(wires)
      _ = try await leader.write([1])
      try await leader.addLearner(Member(id: NodeID(9), address: "nowhere"), isBlocking: false)
      #expect(leader.metrics.membership.membership.learners == [NodeID(9)])
      let grown = try await leader.change(
        .addNewVoters([4, 5].map { Member(id: NodeID($0), address: "\($0)") }))
      #expect(grown.voters == (1...5).map { NodeID($0) } && !grown.isJoint)
      let moved = try await leader.change(.setAddresses([Member(id: NodeID(4), address: "there")]))
      #expect(moved.address(of: NodeID(4)) == "there" && moved.voters == grown.voters)
      await #expect(throws: RaftError.membership(.notMember(NodeID(8)))) {
        try await leader.change(.setAddresses([Member(id: NodeID(8), address: "x")]))
      }
      await #expect(throws: RaftError.membership(.isVoter(NodeID(5)))) {
        try await leader.change(
          .replaceMembers((1...4).map { Member(id: NodeID($0), address: "") }))
      }
      let replaced = try await leader.change(
        .replaceMembers((1...5).map { Member(id: NodeID($0), address: "new") }))
      #expect(replaced.learners == [] && replaced.address(of: NodeID(1)) == "new")
    }
  }

  @Test("nobody who never answered becomes a voter, and no majority of the silent is left")
  func silent() async throws {
    try await RaftCluster.run(4) { wires in
      let leader = try await RaftCluster.leader(wires)
      _ = try await leader.write([1])
      let (one, two) = (others(of: leader)[0], others(of: leader)[1])
      cut(wires, [NodeID(4), one])
      try await leader.addLearner(Member(id: NodeID(4), address: ""), isBlocking: false)
      await #expect(throws: RaftError.membership(.silent([NodeID(4)]))) {
        try await leader.change(.addVoters([NodeID(4)]))
      }
      // Longer than the longest timeout of an election: so long a node counts as heard.
      try await Task.sleep(for: .milliseconds(1300))
      await #expect(throws: RaftError.membership(.silent([one]))) {
        try await leader.change(.removeVoters([two]))
      }
      #expect(leader.metrics.membership.membership.voters == ids)
      // Without it, the others are as many as they need to be.
      let left = try await leader.change(.removeVoters([one]))
      #expect(left.voters == ids.filter { $0 != one })
    }
  }

  @Test("a second change waits for the first; whose leader is lost, is in doubt")
  func overlapping() async throws {
    try await RaftCluster.run { wires in
      let leader = try await RaftCluster.leader(wires)
      _ = try await leader.write([1])
      let two = others(of: leader)
      cut(wires, [leader.metrics.id])
      async let first: Result<Membership, any Error> = result {
        try await leader.change(.removeVoters([two[0]]))
      }
      try await leader.wait(for: .seconds(5)) { $0.membership.membership.isJoint }
      await #expect(throws: RaftError.membership(.inProgress)) {
        try await leader.change(.removeVoters([two[1]]))
      }
      let outcome = await first
      #expect(throws: RaftError.indoubt) { try outcome.get() }
      cut(wires, [])
      let next = try await RaftCluster.leader(wires)
      #expect(try await next.write([2]) == [1, 2])
    }
  }

  /// Ten entries are too many to be behind.
  private static func impatient(_ configuration: inout Configuration) {
    configuration.replicationLagThreshold = 10
  }

  private func result<Value: Sendable>(
    _ body: () async throws -> Value
  ) async -> Result<Value, any Error> {
    do { return .success(try await body()) } catch { return .failure(error) }
  }

  @Test("to whom leadership cannot go is said, and the leader leads on")
  func transfers() async throws {
    try await RaftCluster.run(3, Self.impatient) { wires in
      let leader = try await RaftCluster.leader(wires)
      _ = try await leader.write([1])
      let target = others(of: leader)[0]
      cut(wires, [target])
      await #expect(throws: RaftError.transfer(.failed(target))) {
        try await leader.transferLeadership(to: target)
      }
      for _ in 0..<20 { _ = try await leader.write([1]) }
      await #expect {
        try await leader.transferLeadership(to: target)
      } throws: { error in
        if case .transfer(.lagging(target, let behind))? = error as? RaftError {
          behind >= 20
        } else {
          false
        }
      }
      #expect(leader.metrics.role == "leader")
      _ = try await leader.write([2])
    }
  }

  @Test("a learner that is further behind than it may be becomes no voter yet")
  func lagging() async throws {
    try await RaftCluster.run(4, Self.impatient) { wires in
      let leader = try await RaftCluster.leader(wires)
      _ = try await leader.write([1])
      try await leader.addLearner(Member(id: NodeID(4), address: ""), isBlocking: true)
      cut(wires, [NodeID(4)])
      for _ in 0..<20 { _ = try await leader.write([1]) }
      await #expect {
        try await leader.change(.addVoters([NodeID(4)]))
      } throws: { error in
        if case .membership(.lagging(NodeID(4), _))? = error as? RaftError { true } else { false }
      }
      cut(wires, [])
      let last = leader.metrics.lastLogIndex
      try await RaftCluster.node(wires, 4).wait(for: .seconds(5)) { $0.lastLogIndex >= last }
      var isVoter = false
      while !isVoter {
        isVoter = (try? await leader.change(.addVoters([NodeID(4)])))?.isVoter(NodeID(4)) ?? false
      }
    }
  }

  /// Runs `body` with a leader that has written a byte, and whom nobody hears any more.
  private func withCutOffLeader(
    _ configure: (inout Configuration) -> Void, _ body: (Raft, Wires) async throws -> Void
  ) async throws {
    let configure = { (configuration: inout Configuration) in
      configure(&configuration)
      // Longer than any of this takes: it leads on.
      configuration.electionTimeout = .seconds(5)...Duration.seconds(6)
    }
    try await RaftCluster.run(3, configure) { wires in
      RaftCluster.node(wires, 1).trigger(.election)
      let leader = try await RaftCluster.leader(wires)
      _ = try await leader.write([1])
      cut(wires, others(of: leader))
      try await body(leader, wires)
    }
  }

  @Test("more bytes than may be uncommitted are refused, and taken again when there is room")
  func overloaded() async throws {
    try await withCutOffLeader({ $0.maxUncommittedBytes = 1000 }) { leader, wires in
      let before = leader.metrics.lastLogIndex
      let waiting = Task { try await leader.write([UInt8](repeating: 1, count: 900)) }
      try await leader.wait(for: .seconds(2)) { $0.lastLogIndex > before }
      await #expect(throws: RaftError.overloaded) {
        try await leader.write([UInt8](repeating: 2, count: 900))
      }
      cut(wires, [])
      leader.trigger(.heartbeat)
      #expect(try await waiting.value.count == 901)
      #expect(try await leader.write([UInt8](repeating: 2, count: 900)).count == 1801)
    }
  }

  @Test("more reads than may wait for a quorum are refused, and the rest is answered by it")
  func tooManyReads() async throws {
    try await withCutOffLeader({ $0.maxWaitingRequests = 10 }) { leader, wires in
      let answers = Mutex<[Result<[UInt8], RaftError>]>([])
      for count in 1...30 {
        leader.read([], consistency: .linearizable) { answer in
          answers.withLock { $0.append(answer) }
        }
        // One a step: not the API channel is to be full, but what waits behind it.
        if count.isMultiple(of: 5) { try await Task.sleep(for: .milliseconds(50)) }
      }
      #expect(answers.withLock { $0 } == Array(repeating: .failure(.overloaded), count: 20))
      cut(wires, [])
      leader.trigger(.heartbeat)
      while answers.withLock({ $0.count }) < 30 { try await Task.sleep(for: .milliseconds(5)) }
      #expect(answers.withLock { $0[20...] } == Array(repeating: .success([1]), count: 10)[...])
    }
  }

  @Test("who waits for a learner is told when it is removed, and when leadership is lost")
  func learnerLost() async throws {
    try await RaftCluster.run(3) { wires in
      let leader = try await RaftCluster.leader(wires)
      _ = try await leader.write([1])
      let silent = Member(id: NodeID(9), address: "nowhere")
      async let first: Result<Void, any Error> = result {
        try await leader.addLearner(silent, isBlocking: true)
      }
      try await leader.wait(for: .seconds(5)) {
        $0.membership.membership.contains(silent.id)
          && $0.membership.logID?.index ?? 0 <= $0.committed
      }
      try await leader.change(.removeLearners([silent.id]))
      let removal = await first
      #expect(throws: RaftError.membership(.notMember(silent.id))) { try removal.get() }
      async let second: Result<Void, any Error> = result {
        try await leader.addLearner(silent, isBlocking: true)
      }
      try await leader.wait(for: .seconds(5)) {
        $0.membership.membership.contains(silent.id)
          && $0.membership.logID?.index ?? 0 <= $0.committed
      }
      try await leader.transferLeadership()
      let loss = await second
      #expect(throws: RaftError.indoubt) { try loss.get() }
    }
  }
}
