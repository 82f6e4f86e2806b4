// What may happen to the engine, and what it may ask for in return.

/// Names a request that waits for an answer; the core knows who it is.
public struct RequestID: Hashable, Sendable {
  let number: UInt64
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
  /// A follower acknowledged a request that was sent at `sentAt` and carried `round`.
  case acknowledged(by: NodeID, session: Vote, matched: UInt64?, round: UInt64, sentAt: Duration)
  /// A peer stands behind a higher vote.
  case higherVoteSeen(Vote)
  /// All writes up to one after which the node held this vote and this log are on disk.
  case becameDurable(vote: Vote, lastLogID: LogID?)
  /// Clients want these commands in the log. Only for a leader.
  case proposed([Entry.Payload])
  /// Clients want to read. Only for a leader.
  case readsRequested([RequestID])
}

/// Everything that the engine can ask for. Commands are carried out in their order.
enum Command: Equatable, Sendable {
  /// Make the vote durable.
  case saveVote(Vote)
  /// Put entries at the end of the log, and make them durable.
  case append([Entry])
  /// Cut the log before `from`.
  case truncate(from: UInt64)
  /// Answer once all writes asked for so far are durable: a promise the candidate hears must
  /// survive our crash (thesis §3.8).
  case answerVote(RequestID, VoteResponse)
  /// Answer once all writes asked for so far are durable: the leader counts on them.
  case answerAppend(RequestID, AppendResponse)
  /// Ask these nodes at once; it binds nobody.
  case requestPreVotes(VoteRequest, to: [NodeID])
  /// Ask these nodes once the own vote is durable.
  case requestVotes(VoteRequest, to: [NodeID])
  /// Begin to replicate under this vote.
  case startLeading(Vote)
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
}
