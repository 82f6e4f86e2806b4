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
}

/// Calls the other nodes' handles, unless one of the two is cut off.
private final class Wires: Sendable {
  struct Lost: Error {}
  let nodes = Mutex<[NodeID: Raft]>([:])
  let cut = Mutex<Set<NodeID>>([])

  func node(_ id: NodeID, from other: NodeID) async throws -> Raft {
    let isCut = cut.withLock { $0.contains(id) || $0.contains(other) }
    guard !isCut, let node = nodes.withLock({ $0[id] }) else { throw Lost() }
    return node
  }
}

private struct Wire: Network {
  let own: NodeID
  let wires: Wires

  func requestVote(_ request: VoteRequest, of node: NodeID) async throws -> VoteResponse {
    try await wires.node(node, from: own).handle(request)
  }

  func append(_ request: AppendRequest, to node: NodeID) async throws -> AppendResponse {
    try await wires.node(node, from: own).handle(request)
  }
}

extension Tag {
  /// Runs by the real clock.
  @Tag static var integration: Self
}

@Suite(.tags(.integration), .timeLimit(.minutes(1))) struct RaftTaskIntegrationTests {
  private let ids = (1...3).map { NodeID(UInt64($0)) }

  /// Runs three nodes around `body`.
  private func withCluster(_ body: (Wires) async throws -> Void) async throws {
    let wires = Wires()
    for id in ids {
      let configuration = Configuration(id: id, membership: Membership(voters: ids))
      let raft = Raft(
        configuration, storage: MemoryStore(), network: Wire(own: id, wires: wires),
        clock: .continuous, random: SplitMix64(Seed(id.number)))
      wires.nodes.withLock { $0[id] = raft }
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for raft in wires.nodes.withLock({ Array($0.values) }) {
        group.addTask {
          do { try await raft.run(Journal()) } catch is CancellationError {}
        }
      }
      try await body(wires)
      group.cancelAll()
    }
  }

  private func leader(_ wires: Wires, not excluded: NodeID? = nil) async throws -> Raft {
    while true {
      for raft in wires.nodes.withLock({ Array($0.values) })
      where raft.status.role == "leader" && raft.status.id != excluded {
        return raft
      }
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  @Test("writes are applied in order, and a read sees them")
  func writesAndReads() async throws {
    try await withCluster { wires in
      let leader = try await leader(wires)
      #expect(try await leader.write([1]) == [1])
      #expect(try await leader.write([2]) == [1, 2])
      #expect(try await leader.read([]) == [1, 2])
      let follower = wires.nodes.withLock { $0.values.first { $0.status.role == "follower" }! }
      await #expect(throws: RaftError.notLeader(leader: leader.status.id)) {
        try await follower.write([3])
      }
    }
  }

  @Test("a leader that is cut off leaves its write in doubt, and its successor goes on")
  func cutOffLeader() async throws {
    try await withCluster { wires in
      let old = try await leader(wires)
      _ = try await old.write([1])
      wires.cut.withLock { _ = $0.insert(old.status.id) }
      await #expect(throws: RaftError.indoubt) { try await old.write([2]) }
      await #expect(throws: RaftError.notLeader(leader: nil)) { try await old.read([]) }
      let new = try await leader(wires, not: old.status.id)
      #expect(try await new.write([3]) == [1, 3])
      wires.cut.withLock { $0 = [] }
      while old.status.applied < new.status.applied {
        try await Task.sleep(for: .milliseconds(5))
      }
      #expect(old.status.role == "follower")
    }
  }

  @Test("when a node stops, nobody is left waiting")
  func stopping() async throws {
    let wires = Wires()
    var configuration = Configuration(id: ids[0], membership: Membership(voters: ids))
    configuration.tickInterval = .milliseconds(1)
    let raft = Raft(
      configuration, storage: MemoryStore(), network: Wire(own: ids[0], wires: wires),
      clock: .continuous, random: SplitMix64(Seed(1)))
    let running = Task { try await raft.run(Journal()) }
    await #expect(throws: RaftError.notLeader(leader: nil)) { try await raft.write([1]) }
    running.cancel()
    _ = await running.result
    await #expect(throws: RaftError.stopped) { try await raft.write([1]) }
  }
}
