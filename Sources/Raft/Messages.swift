// What nodes say to one another.

/// A candidate asks for a promise, or (before that) whether it would get one.
public struct VoteRequest: Equatable, Sendable {
  /// The promise asked for.
  public var vote: Vote
  /// The end of the candidate's log.
  public var lastLogID: LogID?
  /// Only a question: nobody promises anything, no term changes (pre-vote, thesis §9.6).
  public var isPreVote: Bool
  /// The leader itself asked for this election and gave up its lease before (thesis §3.10): voters
  /// need not wait for the end of theirs.
  public var isTransfer: Bool

  /// A request for `vote`.
  public init(vote: Vote, lastLogID: LogID?, isPreVote: Bool, isTransfer: Bool = false) {
    self.vote = vote
    self.lastLogID = lastLogID
    self.isPreVote = isPreVote
    self.isTransfer = isTransfer
  }
}

/// The answer to a `VoteRequest`.
public struct VoteResponse: Equatable, Sendable {
  /// The answering node's vote; a higher one than the candidate's tells it to catch up.
  public var vote: Vote
  /// Whether the promise was given. Never inferred from `vote`: a higher vote seen is no grant.
  public var granted: Bool
  /// The end of the answering node's log: a candidate with a shorter one lets others go first.
  public var lastLogID: LogID?

  /// An answer.
  public init(vote: Vote, granted: Bool, lastLogID: LogID? = nil) {
    self.vote = vote
    self.granted = granted
    self.lastLogID = lastLogID
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

/// What a snapshot stands for.
public struct SnapshotMeta: Equatable, Sendable {
  /// The last entry that was applied to it.
  public var lastLogID: LogID
  /// The last membership in it.
  public var membership: StoredMembership
  /// Tells its bytes from those of another snapshot of the same entry.
  public var id: String

  /// A snapshot of the state after `lastLogID`.
  public init(lastLogID: LogID, membership: StoredMembership, id: String) {
    self.lastLogID = lastLogID
    self.membership = membership
    self.id = id
  }
}

/// A part of a snapshot that a leader sends to a node whose next entries it has purged.
public struct SnapshotRequest: Equatable, Sendable {
  /// The leader's committed vote.
  public var vote: Vote
  /// The snapshot.
  public var meta: SnapshotMeta
  /// Where in it the bytes belong.
  public var offset: UInt64
  /// The bytes.
  public var bytes: [UInt8]
  /// Whether the snapshot ends after them.
  public var isLast: Bool

  /// Bytes of `meta` at `offset`.
  public init(vote: Vote, meta: SnapshotMeta, offset: UInt64, bytes: [UInt8], isLast: Bool) {
    self.vote = vote
    self.meta = meta
    self.offset = offset
    self.bytes = bytes
    self.isLast = isLast
  }
}

/// The answer to a `SnapshotRequest`.
public enum SnapshotResponse: Equatable, Sendable {
  /// All before this offset is there; go on from it. Less than was sent when something was lost.
  case received(upTo: UInt64)
  /// The state machine holds it, or something newer.
  case installed
  /// The node stands behind somebody else.
  case higherVote(Vote)
}

/// A leader hands its place over: the receiver starts an election at once (thesis §3.10).
public struct TransferRequest: Equatable, Sendable {
  /// The leader's committed vote.
  public var vote: Vote
  /// The end of its log, which the receiver must hold.
  public var lastLogID: LogID?

  /// A request of the leader behind `vote`.
  public init(vote: Vote, lastLogID: LogID?) {
    self.vote = vote
    self.lastLogID = lastLogID
  }
}
