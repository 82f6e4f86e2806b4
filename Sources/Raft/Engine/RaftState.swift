// What a node knows of itself: the durable part, and its role.

/// The vote, the log's names, the memberships and how far each thing is.
struct RaftState: Equatable, Sendable {
  var vote: Vote
  var log: LogIDList
  var memberships: MembershipLog
  /// The newest snapshot; everything up to it may be purged.
  var snapshot: LogID?
  /// The last index known to be committed. Never goes back.
  var committed: UInt64 = 0
  /// The last index that the state machine holds.
  var applied: UInt64 = 0
}

/// What a node is at the moment.
enum Role: Sendable {
  case follower
  /// Asks whether it would be elected; these would vote for it.
  case preCandidate(granted: Set<NodeID>)
  /// Asks to be elected; these voted for it, itself only once its vote is durable.
  case candidate(granted: Set<NodeID>)
  case leader(Leadership)

  var name: String {
    switch self {
    case .follower: "follower"
    case .preCandidate: "pre-candidate"
    case .candidate: "candidate"
    case .leader: "leader"
    }
  }
}

/// What replication tasks and their reports belong to: a leadership under one membership. A node
/// that was removed and added again must not be credited with what it held before.
struct ReplicationSession: Hashable, Sendable {
  var vote: Vote
  var membership: LogID?
}

/// A follower answered a request.
struct Acknowledgment: Equatable, Sendable {
  var by: NodeID
  var session: ReplicationSession
  /// All up to here is durable on it; nil when it said nothing of that.
  var matched: UInt64?
  /// The round that the request carried.
  var round: UInt64
  var sentAt: Duration
}

/// What a leader keeps for the time it leads.
struct Leadership: Sendable {
  /// What is known of one follower or learner.
  struct Progress: Equatable, Sendable {
    /// All up to here is durable on it.
    var matched: UInt64 = 0
    /// The latest round it answered.
    var round: UInt64 = 0
    /// When the latest request that it answered was sent: it followed us then.
    var heardAt: Duration?
  }

  /// A leader on its way out.
  struct Transfer: Equatable, Sendable {
    var target: NodeID
    /// The leader goes on leading if nothing has come of it by then.
    var deadline: Duration
    var wasSent = false
  }

  var followers: [NodeID: Progress]
  /// All up to here is durable on this node's own disk.
  var durable: UInt64
  /// The own term's first entry. Before it is committed nothing is known to be (thesis §6.4).
  let blank: UInt64
  let since: Duration
  /// Counts the confirmations of leadership that reads asked for.
  var round: UInt64 = 0
  /// Reads that wait for a quorum to answer `round`.
  var confirming: [(round: UInt64, reads: [RequestID])] = []
  /// Reads that wait for the blank entry to be committed.
  var waitingForBlank: [RequestID] = []
  var lastHeartbeat: Duration
  var transfer: Transfer?
  /// Once a node was told to take over, an election can come at any time, voters' leases or not.
  var hasGivenUpLease = false
  /// Whether those who lose their vote by the change that is under way stay as learners.
  var retainsLeaving = true

  init(followers: [NodeID], durable: UInt64, blank: UInt64, at now: Duration) {
    self.followers = Dictionary(uniqueKeysWithValues: followers.map { ($0, Progress()) })
    self.durable = durable
    self.blank = blank
    since = now
    lastHeartbeat = now
  }

  /// All reads that are not served yet.
  var unserved: [RequestID] { confirming.flatMap(\.reads) + waitingForBlank }
}
