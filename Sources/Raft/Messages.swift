// What nodes say to one another.

/// A candidate asks for a promise, or (before that) whether it would get one.
public struct VoteRequest: Equatable, Sendable {
  /// The promise asked for.
  public var vote: Vote
  /// The end of the candidate's log.
  public var lastLogID: LogID?
  /// Only a question: nobody promises anything, no term changes (pre-vote, thesis §9.6).
  public var isPreVote: Bool

  /// A request for `vote`.
  public init(vote: Vote, lastLogID: LogID?, isPreVote: Bool) {
    self.vote = vote
    self.lastLogID = lastLogID
    self.isPreVote = isPreVote
  }
}

/// The answer to a `VoteRequest`.
public struct VoteResponse: Equatable, Sendable {
  /// The answering node's vote; a higher one than the candidate's tells it to catch up.
  public var vote: Vote
  /// Whether the promise was given. Never inferred from `vote`: a higher vote seen is no grant.
  public var granted: Bool

  /// An answer.
  public init(vote: Vote, granted: Bool) {
    self.vote = vote
    self.granted = granted
  }
}

/// A leader replicates entries; without any it is a heartbeat.
public struct AppendRequest: Equatable, Sendable {
  /// The leader's committed vote.
  public var vote: Vote
  /// The entry right before `entries`; nil at the start of the log.
  public var previous: LogID?
  /// The entries, in order.
  public var entries: [Entry]
  /// The last index that the leader knows to be committed.
  public var committed: UInt64

  /// A request of the leader behind `vote`.
  public init(vote: Vote, previous: LogID?, entries: [Entry], committed: UInt64) {
    self.vote = vote
    self.previous = previous
    self.entries = entries
    self.committed = committed
  }
}

/// The answer to an `AppendRequest`.
public enum AppendResponse: Equatable, Sendable {
  /// All up to `matched` is in the log, as the leader has it, and durable.
  case success(matched: UInt64)
  /// `previous` is not in the log; the leader should try again after `retryAfter`, which is less.
  case conflict(retryAfter: UInt64)
  /// The follower stands behind somebody else.
  case higherVote(Vote)
}
