// What may happen to the engine, and what it may ask for in return.

/// Names a request that waits for an answer; the core knows who it is.
public struct RequestID: Hashable, Comparable, Sendable {
  let number: UInt64

  /// By the order in which they came.
  public static func < (left: RequestID, right: RequestID) -> Bool { left.number < right.number }
}

/// Everything that can happen to a node.
enum Event: Sendable {
  /// Time went on.
  case tick
  /// A candidate asks.
  case voteRequested(VoteRequest, RequestID)
  /// A peer answered what this node asked as a candidate.
  case voteAnswered(VoteResponse, from: NodeID, to: VoteRequest)
  /// A leader replicates.
  case appendRequested(AppendRequest, RequestID)
  /// A follower answered.
  case acknowledged(Acknowledgment)
  /// A peer stands behind a higher vote.
  case higherVoteSeen(Vote)
  /// All writes up to one after which the node held this vote and this log are on disk.
  case becameDurable(vote: Vote, lastLogID: LogID?)
  /// These are to be the first members. Only for a node that knows of no cluster.
  case initialized(Membership)
  /// Clients want these commands in the log. Only for a leader.
  case proposed([Entry.Payload])
  /// An administrator wants this membership, as `membershipStep` gave it. Only for a leader.
  case membershipProposed(Membership, retain: Bool)
  /// Clients want to read. Only for a leader. With a lease the clocks may vouch for it.
  case readsRequested([RequestID], byLease: Bool)
  /// A leader sends a part of a snapshot.
  case snapshotOffered(from: Vote, RequestID)
  /// All of a snapshot has come from a leader and is durable.
  case snapshotReceived(SnapshotMeta, RequestID)
  /// This node's own snapshot is durable.
  case snapshotBuilt(SnapshotMeta)
  /// The state machine holds all up to here.
  case applied(upTo: UInt64)
  /// An administrator wants everything up to here out of the log, as far as a snapshot allows.
  case purgeRequested(upTo: UInt64)
  /// An administrator wants a snapshot.
  case snapshotRequested
  /// An administrator wants `target` to lead. Only for a leader, as `transferFault` allows.
  case transferRequested(to: NodeID)
  /// The leader wants this node to lead.
  case transferReceived(TransferRequest)
  /// An administrator wants this node to ask for votes now.
  case electionRequested
  /// An administrator wants a heartbeat now.
  case heartbeatRequested
  /// What the node does of its own accord.
  case switched(Switches)
}

/// Everything that the engine can ask for. Commands are carried out in their order.
enum Command: Equatable, Sendable {
  /// Make the vote durable.
  case saveVote(Vote)
  /// Put entries at the end of the log, and make them durable.
  case append([Entry])
  /// Cut the log before `from`.
  case truncate(from: UInt64)
  /// Forget the log up to here: a durable snapshot stands for it.
  case purge(upTo: LogID)
  /// Answer once all writes asked for so far are durable: a promise the candidate hears must
  /// survive our crash (thesis §3.8).
  case answerVote(RequestID, VoteResponse)
  /// Answer once all writes asked for so far are durable: the leader counts on them.
  case answerAppend(RequestID, AppendResponse)
  /// Ask these nodes at once; it binds nobody.
  case requestPreVotes(VoteRequest, to: [NodeID])
  /// Ask these nodes once the own vote is durable.
  case requestVotes(VoteRequest, to: [NodeID])
  /// Begin to replicate in this session, to all members of the effective membership; tasks of
  /// another session end.
  case rebuildReplication(ReplicationSession)
  /// Drop the replication tasks; what was proposed and not committed has an unknown outcome.
  case stopLeading
  /// Tell the replication tasks the new end of the log, commit index or round.
  case replicate
  /// Send to every follower even if there is nothing new.
  case heartbeat
  /// Apply all up to this index.
  case commit(upTo: UInt64)
  /// The leadership was confirmed after these were asked: answer them from the applied state.
  case serveReads([RequestID])
  /// No longer the leader: these were not served.
  case refuseReads([RequestID])
  /// Keep the part of the snapshot that this request brought, once all writes so far are durable.
  case takeSnapshotPart(RequestID)
  /// Put the state machine into the snapshot's state, then answer.
  case installSnapshot(SnapshotMeta, RequestID)
  /// Answer a part of a snapshot.
  case answerSnapshot(RequestID, SnapshotResponse)
  /// Build a snapshot of the applied state.
  case buildSnapshot
  /// Tell this node to take over.
  case requestTransfer(TransferRequest, to: NodeID)
}
