// How the node stands, as Prometheus reads it (text format 0.0.4).

import Raft

/// The metrics of a node as a page of text.
struct MetricsPage {
  let metrics: Metrics
  /// Connections of clients that are open.
  let connections: Int

  /// The page.
  var text: String {
    var page = ""
    func add(_ name: String, _ help: String, _ samples: [(labels: String, value: String)]) {
      page += "# HELP raft_\(name) \(help)\n# TYPE raft_\(name) gauge\n"
      for sample in samples { page += "raft_\(name)\(sample.labels) \(sample.value)\n" }
    }
    func add(_ name: String, _ help: String, _ value: UInt64) {
      add(name, help, [("", "\(value)")])
    }
    add("term", "The current term.", metrics.term)
    add("is_leader", "Whether this node leads.", metrics.role == "leader" ? 1 : 0)
    add("has_leader", "Whether this node knows of a leader.", metrics.leader == nil ? 0 : 1)
    add("last_log_index", "The end of the log.", metrics.lastLogIndex)
    add("committed_index", "The last index known to be committed.", metrics.committed)
    add("applied_index", "The last index that the state machine holds.", metrics.applied)
    add("snapshot_index", "The end of the newest snapshot.", metrics.snapshot?.index ?? 0)
    add("purged_index", "The last index purged from the log.", metrics.purged?.index ?? 0)
    let membership = metrics.membership.membership
    add("voters", "Members that vote.", UInt64(membership.voters.count))
    add("learners", "Members that do not vote.", UInt64(membership.learners.count))
    add("client_connections", "Connections of clients that are open.", UInt64(connections))
    if !metrics.replication.isEmpty {
      add(
        "matched_index", "Of a leader: all up to here is durable on that node.",
        metrics.replication.sorted { $0.key < $1.key }.map {
          ("{node=\"\($0.key.number)\"}", "\($0.value)")
        })
    }
    if metrics.role == "leader" {
      add(
        "reverted", "Of a leader: nodes that lack what they acknowledged, and get nothing more.",
        UInt64(metrics.reverted.count))
    }
    if let since = metrics.sinceQuorumAnswered {
      add(
        "quorum_age_seconds", "Of a leader: how long ago it sent what a quorum has answered.",
        [("", "\(Double(since / .microseconds(1)) / 1e6)")])
    }
    return page
  }
}
