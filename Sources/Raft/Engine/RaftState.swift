// What a node knows of itself: the durable part, and its role.

/// The vote, the log's names and the commit index.
struct RaftState: Equatable, Sendable {
  var vote: Vote
  var log: LogIDList
  /// The last index known to be committed. Never goes back.
  var committed: UInt64 = 0
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

/// What a leader keeps for the time it leads.
struct Leadership: Sendable {
  /// What is known of one follower.
  struct Progress: Sendable {
    /// All up to here is durable on it.
    var matched: UInt64 = 0
    /// The latest round it answered.
    var round: UInt64 = 0
    /// When the latest request that it answered was sent: it followed us then.
    var heardAt: Duration
  }

  var followers: [NodeID: Progress]
  /// All up to here is durable on this node's own disk.
  var durable: UInt64
  /// The own term's first entry. Before it is committed nothing is known to be (thesis §6.4).
  let blank: UInt64
  /// Counts the confirmations of leadership that reads asked for.
  var round: UInt64 = 0
  /// Reads that wait for a quorum to answer `round`.
  var confirming: [(round: UInt64, reads: [RequestID])] = []
  /// Reads that wait for the blank entry to be committed.
  var waitingForBlank: [RequestID] = []
  var lastHeartbeat: Duration

  /// All reads that are not served yet.
  var unserved: [RequestID] { confirming.flatMap(\.reads) + waitingForBlank }
}
