// Whole nodes with their tasks, in one process: memory logs and a network that a test can cut.

import RaftStore
import Support
import Synchronization
import Testing

@testable import Raft

/// Appends commands; a query answers all of them.
struct Journal: StateMachine {
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
    struct Unknown: Error {}

    var bytes: [UInt8] = []
    /// What holds 255 is of a later version.
    mutating func take(_ bytes: [UInt8]) throws {
      guard !bytes.contains(255) else { throw Unknown() }
      self.bytes += bytes
    }
    consuming func finish() -> Journal { Journal(bytes: bytes) }
  }
}

/// Calls the other nodes' handles, unless one of the two is cut off.
final class Wires: Sendable {
  let nodes = Mutex<[NodeID: Raft]>([:])
  let snapshots = Mutex<[NodeID: MemorySnapshots]>([:])
  let cut = Mutex<Set<NodeID>>([])
  /// What may happen to a part of a snapshot on its way; nil for what is lost.
  let passSnapshot = Mutex<@Sendable (SnapshotRequest) -> SnapshotRequest?>({ $0 })

  func node(_ id: NodeID, from other: NodeID) -> Raft? {
    let isCut = cut.withLock { $0.contains(id) || $0.contains(other) }
    return isCut ? nil : nodes.withLock { $0[id] }
  }
}

struct Wire: Network {
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
    guard let node = wires.node(node, from: own),
      let request = wires.passSnapshot.withLock({ $0 })(request)
    else { return reply(nil) }
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

/// Three nodes and more that run for as long as a test needs them.
enum RaftCluster {
  static let ids = (1...3).map { NodeID(UInt64($0)) }

  /// Runs `size` nodes around `body`, of which the first three are a cluster.
  static func run(
    _ size: UInt64 = 3, _ configure: (inout Configuration) -> Void = { _ in },
    _ body: (Wires) async throws -> Void
  ) async throws {
    let wires = Wires()
    for id in (1...size).map({ NodeID($0) }) {
      var configuration = Configuration(id: id)
      // Nobody is to lose its leadership because the machine stood still for a moment.
      configuration.electionTimeout = .milliseconds(500)...Duration.seconds(1)
      configure(&configuration)
      let snapshots = MemorySnapshots()
      wires.snapshots.withLock { $0[id] = snapshots }
      let raft = Raft(
        configuration, log: MemoryLog(), snapshots: snapshots,
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

  static func leader(_ wires: Wires, not excluded: NodeID? = nil) async throws -> Raft {
    while true {
      for raft in wires.nodes.withLock({ Array($0.values) })
      where raft.metrics.role == "leader" && raft.metrics.id != excluded {
        return raft
      }
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  static func node(_ wires: Wires, _ id: UInt64) -> Raft {
    wires.nodes.withLock { $0[NodeID(id)]! }
  }
}
