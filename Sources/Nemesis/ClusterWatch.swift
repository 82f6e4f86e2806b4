// Waiting until something is so of a cluster.

import NIOCore
import Systems
import Workloads

/// Sees whether something is so, counted from when it was made.
struct ClusterWatch: Sendable {
  private let cluster: Cluster
  private let group: any EventLoopGroup
  private let before: Leader?

  /// A node that stands still does not let others wait for longer.
  private static let patience = Duration.milliseconds(300)

  /// Begins now: a leader is a new one from here on.
  init(_ cluster: Cluster, group: any EventLoopGroup) async {
    self.cluster = cluster
    self.group = group
    before = await cluster.system.leader(group: group)
  }

  /// What is so, in words, as soon as `state` is; nil when it is not within `time`.
  ///
  /// - Throws: `CancellationError`.
  func wait(for state: ClusterState, within time: Duration) async throws -> String? {
    let end = ContinuousClock.now + time
    while true {
      if let words = await look(for: state) { return words }
      guard ContinuousClock.now < end else { return nil }
      try await Task.sleep(for: .milliseconds(10))
    }
  }

  private func look(for state: ClusterState) async -> String? {
    switch state {
    case .leader:
      guard let leader = await cluster.system.leader(group: group), leader.term != before?.term
      else { return nil }
      return "\(cluster.hosts[leader.index].name) leads in term \(leader.term)"
    case .noLeader:
      return await cluster.system.leader(group: group) == nil ? "nobody says that it leads" : nil
    case .behind:
      let ends = await cluster.system.standings(within: Self.patience, group: group).map(
        \.lastIndex)
      guard let first = ends.min(), let last = ends.max(), last - first >= 100 else { return nil }
      return "a log ends at \(first), another at \(last)"
    case .level:
      let ends = await cluster.system.standings(within: Self.patience, group: group).map(
        \.lastIndex)
      guard ends.count == cluster.hosts.count, let first = ends.min(), let last = ends.max(),
        last - first <= 10
      else { return nil }
      return "all logs end between \(first) and \(last)"
    }
  }
}
