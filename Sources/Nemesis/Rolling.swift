// Nodes ended and started again one after the other, as by one who brings a new build.

import History
import Hosts
import Synchronization
import Systems
import Workloads

extension Cluster {
  /// Ends each of `nodes` that runs with SIGTERM and starts it again before the next; `before` is called
  /// between. What became of each is returned.
  fileprivate func roll(
    over nodes: [Int], _ before: (Int) async -> Void
  ) async throws -> [String] {
    var evidence: [String] = []
    for node in nodes {
      guard let old = try await end(node, with: .terminate) else { continue }
      await before(node)
      let new = try await start(node)
      evidence.append("\(hosts[node].name): process \(old), then \(new)")
      // The next one only when this one had time to catch up.
      try await Task.sleep(for: .milliseconds(200))
    }
    return evidence
  }

  /// Starts those of `nodes` that did not come back.
  fileprivate func startStopped(of nodes: [Int]) async throws {
    for node in nodes where state(of: node) == .stopped { try await start(node) }
  }
}

/// Rolls over nodes with the build that they have.
public struct Roll: Fault {
  /// `roll`.
  public let kind = "roll"
  private let target: NodeTarget
  private let nodes: [Int]
  private let cluster: Cluster

  /// Rolls over `nodes`, which `target` named.
  public init(target: NodeTarget, nodes: [Int], cluster: Cluster) {
    self.target = target
    self.nodes = nodes
    self.cluster = cluster
  }

  /// Goes from node to node; the process numbers before and after are the proof.
  public func inject() async throws -> [Event.Detail] {
    let evidence = try await cluster.roll(over: nodes) { _ in }
    guard !evidence.isEmpty else { throw FaultError.skipped("no process ran there") }
    return [
      Event.Detail("target", .text(target.rawValue)),
      Event.Detail("nodes", .names(nodes.map { cluster.hosts[$0].name })),
      Event.Detail("evidence", .names(evidence)),
    ]
  }

  /// Starts what did not come back.
  public func heal() async throws -> [Event.Detail] {
    try await cluster.startStopped(of: nodes)
    return []
  }
}

/// Rolls over nodes with the second build; healing rolls back.
public final class Upgrade: Fault {
  /// `upgrade`.
  public let kind = "upgrade"
  private let target: NodeTarget
  private let nodes: [Int]
  private let cluster: Cluster
  private let upgraded = Mutex<Set<Int>>([])

  /// Rolls over `nodes`, which `target` named.
  public init(target: NodeTarget, nodes: [Int], cluster: Cluster) {
    self.target = target
    self.nodes = nodes
    self.cluster = cluster
  }

  /// Goes from node to node.
  public func inject() async throws -> [Event.Detail] {
    guard cluster.system.hasUpgrade else {
      throw FaultError.skipped("there is no second build; name one with --upgrade")
    }
    let evidence = try await cluster.roll(over: nodes) { node in
      await cluster.use(upgrade: true, for: node)
      upgraded.withLock { _ = $0.insert(node) }
    }
    guard !evidence.isEmpty else { throw FaultError.skipped("no process ran there") }
    return [
      Event.Detail("target", .text(target.rawValue)),
      Event.Detail("nodes", .names(nodes.map { cluster.hosts[$0].name })),
      Event.Detail("evidence", .names(evidence)),
    ]
  }

  /// Goes back, from node to node, and starts what did not come up.
  public func heal() async throws -> [Event.Detail] {
    let left = upgraded.withLock { $0 }.sorted()
    for node in left { await cluster.use(upgrade: false, for: node) }
    try await cluster.startStopped(of: nodes)
    let evidence = try await cluster.roll(over: left) { node in
      upgraded.withLock { _ = $0.remove(node) }
    }
    return [Event.Detail("evidence", .names(evidence))]
  }
}
