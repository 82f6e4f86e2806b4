// What an application and an administrator can ask of a node, one thing at a time.

import RaftStore
import Support
import Synchronization
import Testing

@testable import Raft

@Suite(.tags(.integration), .timeLimit(.minutes(1))) struct RaftSurfaceIntegrationTests {
  private let ids = RaftCluster.ids
  private let always = ["core", "log", "state machine", "tick"]

  /// The tasks of a leader of `others`.
  private func leading(_ others: [UInt64]) -> [String] {
    (always + others.map { "replication n\($0)" }).sorted()
  }

  private func eventually(_ what: Comment, _ isMet: () async throws -> Bool) async throws {
    let end = ContinuousClock.now + .seconds(10)
    while try await !isMet() {
      try #require(ContinuousClock.now < end, what)
      try await Task.sleep(for: .milliseconds(2))
    }
  }

  @Test("the living tasks are those of the page, through learners, members, elections and the end")
  func tasks() async throws {
    try await RaftCluster.run(5) { wires in
      let leader = try await RaftCluster.leader(wires)
      let id = leader.metrics.id.number
      let others = [UInt64(1), 2, 3].filter { $0 != id }
      try await eventually("a leader's tasks") { leader.tasks == leading(others) }
      for other in others {
        try await eventually("a follower's tasks") {
          RaftCluster.node(wires, other).tasks == always
        }
      }
      // Nobody changes members before an entry of the own term is committed.
      try await leader.wait(for: .seconds(5)) { $0.committed == $0.lastLogIndex }
      try await leader.addLearner(Member(id: NodeID(4), address: ""), isBlocking: true)
      try await eventually("with a learner") { leader.tasks == leading(others + [4]) }
      try await leader.change(.addVoters([NodeID(4)]))
      try await leader.change(.removeVoters([NodeID(others[0])]))
      try await eventually("without a voter") {
        leader.tasks == leading(others.dropFirst() + [4])
      }
      try await leader.transferLeadership(to: NodeID(4))
      try await eventually("after leading") { leader.tasks == always }
      let new = RaftCluster.node(wires, 4)
      try await eventually("the successor's") {
        new.tasks == leading([id] + others.dropFirst())
      }
      await new.stop(gracefully: false)
      try await new.wait(for: .seconds(5)) { $0.role == "stopped" }
      #expect(new.tasks == [])
    }
  }

  @Test("without ticks nothing expires; without elections nobody asks; both can come back")
  func switches() async throws {
    let configure = { (configuration: inout Configuration) in configuration.switches.elect = false }
    try await RaftCluster.run(3, configure) { wires in
      try await Task.sleep(for: .milliseconds(700))
      for id in ids { #expect(RaftCluster.node(wires, id.number).metrics.term == 0) }
      RaftCluster.node(wires, 2).trigger(.election)
      let leader = try await RaftCluster.leader(wires)
      #expect(leader.metrics.id == NodeID(2))
      #expect(try await leader.write([1]) == [1])
      // Without heartbeats the others' time runs out, but they may not ask.
      var off = Switches()
      off.elect = false
      off.heartbeat = false
      leader.set(off)
      try await leader.wait(for: .seconds(5)) { $0.role == "follower" }
      for id in ids { RaftCluster.node(wires, id.number).set(Switches()) }
      let next = try await RaftCluster.leader(wires)
      #expect(try await next.write([2]) == [1, 2])
    }
  }

  @Test("heartbeats, snapshots and purges come when they are asked for")
  func triggers() async throws {
    let configure = { (configuration: inout Configuration) in
      configuration.snapshotPolicy = .never
      configuration.logsToKeep = 100
    }
    try await RaftCluster.run(3, configure) { wires in
      let leader = try await RaftCluster.leader(wires)
      for count in 1...20 { _ = try await leader.write([UInt8(count)]) }
      let applied = leader.metrics.applied
      leader.trigger(.purge(upTo: applied))
      leader.trigger(.snapshot)
      let built = try await leader.wait(for: .seconds(5)) { $0.snapshot?.index ?? 0 >= applied }
      #expect(built.purged == nil)
      leader.trigger(.purge(upTo: 10))
      try await leader.wait(for: .seconds(5)) { $0.purged?.index == 10 }
      leader.trigger(.purge(upTo: .max))
      try await leader.wait(for: .seconds(5)) { $0.purged == built.snapshot }
      leader.trigger(.heartbeat)
      #expect(try await leader.write([21]).count == 21)
    }
  }

  @Test("metrics come whenever they change, and waiting for them ends in time")
  func metrics() async throws {
    try await RaftCluster.run { wires in
      let leader = try await RaftCluster.leader(wires)
      var updates = leader.metricsUpdates.makeAsyncIterator()
      #expect(await updates.next()?.id == leader.metrics.id)
      _ = try await leader.write([1])
      let applied = try await leader.wait(for: .seconds(5)) { $0.applied >= 3 }
      #expect(applied.committed >= applied.applied && applied.lastLogIndex >= applied.committed)
      let known = try await leader.wait(for: .seconds(5)) { $0.sinceQuorumAnswered != nil }
      #expect(known.replication.count == 2 && known.vote.committed)
      await #expect(throws: RaftError.timedOut) {
        try await leader.wait(for: .milliseconds(50)) { $0.term > 1000 }
      }
      let seen: (Metrics, Switches) = await withCheckedContinuation { continuation in
        leader.withState { continuation.resume(returning: ($0, $1)) }
      }
      #expect(seen.0.role == "leader" && seen.1 == Switches())
    }
  }

  @Test("a cluster is begun once")
  func initializesOnce() async throws {
    try await RaftCluster.run { wires in
      let leader = try await RaftCluster.leader(wires)
      await #expect(throws: RaftError.membership(.alreadyInitialized)) {
        try await leader.initialize(Membership(voters: ids))
      }
    }
  }

  @Test("membership changes that cannot be are refused, and change nothing")
  func refusals() async throws {
    try await RaftCluster.run { wires in
      let leader = try await RaftCluster.leader(wires)
      _ = try await leader.write([1])
      let before = leader.metrics.membership
      await #expect(throws: RaftError.membership(.noVoters)) {
        try await leader.change(.replaceVoters([]))
      }
      await #expect(throws: RaftError.membership(.notMember(NodeID(9)))) {
        try await leader.change(.addVoters([NodeID(9)]))
      }
      await #expect(throws: RaftError.membership(.isVoter(NodeID(1)))) {
        try await leader.change(.removeLearners([NodeID(1)]))
      }
      await #expect(throws: RaftError.transfer(.notVoter(NodeID(9)))) {
        try await leader.transferLeadership(to: NodeID(9))
      }
      #expect(leader.metrics.membership == before)
      let retained = try await leader.change(
        .removeVoters([ids.first { $0 != leader.metrics.id }!]), retain: true)
      #expect(retained.voters.count == 2 && retained.learners.count == 1)
    }
  }

  /// A log whose disk fails when the first write reaches it.
  private struct FailingLog: LogStorage {
    struct DiskFailed: Error {}
    let memory = MemoryLog()

    var recovered: Recovered { memory.recovered }
    var purged: LogID? { memory.purged }
    func append(_ entries: [Entry]) -> WriteNumber { memory.append(entries) }
    func truncate(from index: UInt64) -> WriteNumber { memory.truncate(from: index) }
    func purge(upTo id: LogID) -> WriteNumber { memory.purge(upTo: id) }
    func save(_ vote: Vote) -> WriteNumber { memory.save(vote) }
    func entries(in range: ClosedRange<UInt64>, maxBytes: Int) -> [Entry] {
      memory.entries(in: range, maxBytes: maxBytes)
    }
    func id(at index: UInt64) -> LogID? { memory.id(at: index) }
    func run(_ onDurable: @Sendable (WriteNumber) -> Void) async throws {
      try await memory.run { _ in withUnsafeCurrentTask { $0?.cancel() } }
      throw DiskFailed()
    }
  }

  @Test("a disk that fails stops the node, which says why")
  func fatal() async throws {
    let raft = Raft(
      Configuration(id: ids[0]), log: FailingLog(), snapshots: MemorySnapshots(),
      network: Wire(own: ids[0], wires: Wires()), clock: .continuous, random: SplitMix64(Seed(1)))
    let running = Task { try await raft.run(Journal()) }
    // It waits for a vote to be on disk, which never is.
    let request = AppendRequest(
      vote: Vote(term: 1, node: ids[1], committed: true), previous: nil, entries: [], committed: 0)
    let answer = await withCheckedContinuation { continuation in
      raft.handle(request) { continuation.resume(returning: $0) }
    }
    #expect(throws: RaftError.failed("DiskFailed()")) { try answer.get() }
    await #expect(throws: FailingLog.DiskFailed.self) { try await running.value }
    #expect(raft.metrics.role == "stopped" && raft.metrics.failure == "DiskFailed()")
    await #expect(throws: RaftError.failed("DiskFailed()")) { try await raft.write([1]) }
    await #expect(throws: RaftError.failed("DiskFailed()")) {
      try await raft.wait(for: .seconds(5)) { $0.role == "leader" }
    }
  }

  @Test("figures that contradict each other are refused in words")
  func configuration() {
    #expect(Configuration(id: ids[0]).fault == nil)
    func fault(_ change: (inout Configuration) -> Void) -> String? {
      var configuration = Configuration(id: ids[0])
      change(&configuration)
      return configuration.fault
    }
    #expect(fault { $0.heartbeatInterval = .seconds(1) }?.contains("heartbeat") == true)
    #expect(
      fault { $0.electionTimeout = .seconds(1)...Duration.seconds(1) }?.contains("draw") == true)
    #expect(fault { $0.clockDrift = .seconds(1) }?.contains("drift") == true)
    #expect(fault { $0.maxRequestBytes = 0 }?.contains("limits") == true)
    #expect(fault { $0.snapshotPolicy = .sinceLast(0) }?.contains("snapshots") == true)
  }
}
