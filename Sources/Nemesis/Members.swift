// Members that go and come back, with what they had or with nothing.

import History
import Hosts
import NIOCore
import Synchronization
import Systems
import Workloads

/// Removes nodes from the cluster and ends them; healing starts them, and adds them again.
public final class Members: Fault {
  /// `members`.
  public let kind = "members"
  private let aim: AimedTrouble<MemberTrouble>
  private let nodes: [Int]
  private let cluster: Cluster
  private let group: any EventLoopGroup
  private let isBegun = Mutex(false)
  /// The nodes whose disks are not known to be wiped.
  private let unwiped = Mutex<Set<Int>>([])

  private static let patience = Duration.seconds(10)

  /// Does `aim` to `nodes`, which its target named.
  public init(
    aim: AimedTrouble<MemberTrouble>, nodes: [Int], cluster: Cluster, group: any EventLoopGroup
  ) {
    self.aim = aim
    self.nodes = nodes
    self.cluster = cluster
    self.group = group
  }

  /// Removes them, one change for all, and ends them when that is done.
  public func inject() async throws -> [Event.Detail] {
    guard let membership = cluster.system.membership else {
      throw FaultError.skipped("the system's members cannot be changed")
    }
    guard nodes.count < cluster.hosts.count else {
      throw FaultError.skipped("nobody would be left")
    }
    for node in nodes where await cluster.state(of: node) != .running {
      throw FaultError.skipped("\(cluster.hosts[node].name) does not run")
    }
    isBegun.withLock { $0 = true }
    do {
      try await membership.remove(nodes, within: Self.patience, group: group)
    } catch let error as SystemError {
      throw FaultError.skipped("\(error)")
    }
    var evidence: [String] = []
    for node in nodes {
      let pid = try await cluster.kill(node)
      var line = "\(cluster.hosts[node].name): no member any more"
      if let pid { line += ", process \(pid) killed" }
      if aim.trouble == .wipe {
        unwiped.withLock { _ = $0.insert(node) }
        try await wipe(node)
        line += ", its disk wiped"
      }
      evidence.append(line)
    }
    return [
      Event.Detail("target", .text("\(aim.trouble.rawValue) \(aim.target.rawValue)")),
      Event.Detail("nodes", .names(nodes.map { cluster.hosts[$0].name })),
      Event.Detail("evidence", .names(evidence)),
    ]
  }

  private func wipe(_ node: Int) async throws {
    try await cluster.wipe(node)
    _ = unwiped.withLock { $0.remove(node) }
  }

  /// Starts what was ended, and makes all of them voters.
  public func heal() async throws -> [Event.Detail] {
    guard isBegun.withLock({ $0 }), let membership = cluster.system.membership else { return [] }
    for node in nodes where await cluster.state(of: node) == .stopped {
      if unwiped.withLock({ $0.contains(node) }) { try await wipe(node) }
      try await cluster.start(node)
    }
    try await membership.admit(
      nodes, new: aim.trouble == .wipe, within: .seconds(20), group: group)
    isBegun.withLock { $0 = false }
    return [Event.Detail("evidence", .text("all are voters"))]
  }
}
