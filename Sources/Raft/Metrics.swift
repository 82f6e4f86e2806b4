// How a node stands, for people and for programs that wait for something to happen.

/// How a node stands, as of the core's last step.
public struct Metrics: Equatable, Sendable {
  /// This node.
  public var id: NodeID
  /// `learner`, `follower`, `pre-candidate`, `candidate`, `leader`, `starting` or `stopped`.
  public var role = "starting"
  /// The vote, with the current term.
  public var vote = Vote.none
  /// The leader it knows of.
  public var leader: NodeID?
  /// The end of the log.
  public var lastLogID: LogID?
  /// The last index known to be committed.
  public var committed: UInt64 = 0
  /// The last index that the state machine holds.
  public var applied: UInt64 = 0
  /// The end of the newest snapshot.
  public var snapshot: LogID?
  /// The last entry that was purged.
  public var purged: LogID?
  /// The membership that holds.
  public var membership = StoredMembership.none
  /// Of a leader: all up to where is durable on each of the others.
  public var replication: [NodeID: UInt64] = [:]
  /// Of a leader: how long ago it sent what a quorum has answered.
  public var sinceQuorumAnswered: Duration?
  /// Members whose logs lost what they had acknowledged: they get nothing until they are removed.
  public var reverted: [NodeID] = []
  /// Why the node stopped, if it did not mean to.
  public var failure: String?

  /// A node that has not started.
  public init(id: NodeID) { self.id = id }

  /// The current term.
  public var term: UInt64 { vote.term }
  /// The index of the last entry.
  public var lastLogIndex: UInt64 { lastLogID?.index ?? 0 }
}
