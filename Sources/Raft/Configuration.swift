// The figures a node runs by.

/// When a snapshot is built without being asked for.
public enum SnapshotPolicy: Equatable, Sendable {
  /// When so many entries were applied since the last; but for at least nine tenths of the time none
  /// is built.
  case sinceLast(UInt64)
  /// Only when asked for.
  case never
}

/// What a node does of its own accord. Each can be switched while it runs.
public struct Switches: Equatable, Sendable {
  /// Time goes on for the node at all.
  public var tick = true
  /// A leader sends heartbeats.
  public var heartbeat = true
  /// A voter that hears from no leader asks for votes.
  public var elect = true

  /// Everything on.
  public init() {}
}

/// What a node must know before it starts. The times and counts are openraft's `Config` where it has
/// them, with its defaults but for `snapshotChunkBytes` (3 MiB there). Requests are bounded by bytes
/// (`maxRequestBytes`) instead of entries, and all snapshot requests by the network's own time-outs.
public struct Configuration: Sendable {
  /// This node.
  public var id: NodeID
  /// How often a leader is heard from at least.
  public var heartbeatInterval = Duration.milliseconds(50)
  /// A voter that has not heard from a leader for a time drawn from here asks for votes. The
  /// lower bound is also a voter's lease: so long it votes for nobody else.
  public var electionTimeout = Duration.milliseconds(150)...Duration.milliseconds(300)
  /// How finely time is told to the engine.
  public var tickInterval = Duration.milliseconds(10)
  /// How much the clocks of two nodes may drift apart within a lease. Lease reads count on it.
  public var clockDrift = Duration.milliseconds(5)
  /// The most bytes of entries in one request.
  public var maxRequestBytes = 1 << 20
  /// The most requests to one node that wait for answers.
  public var maxRequestsInFlight = 4
  /// A learner that is further behind cannot become a voter.
  public var replicationLagThreshold: UInt64 = 5000
  /// When snapshots are built.
  public var snapshotPolicy = SnapshotPolicy.sinceLast(5000)
  /// The most bytes of a snapshot in one request.
  public var snapshotChunkBytes = 1 << 20
  /// So many entries of a snapshot stay in the log, for followers that are a little behind.
  public var logsToKeep: UInt64 = 1000
  /// Entries are purged when there are so many of them to purge: so many since the last purge.
  public var purgeBatchSize: UInt64 = 1
  /// The most requests of clients and peers that wait for the core, and the most reads that wait for a
  /// quorum; more are refused.
  public var maxWaitingRequests = 16_384
  /// The most bytes of commands that are proposed and not committed; more are refused.
  public var maxUncommittedBytes = 256 << 20
  /// What is on at the start.
  public var switches = Switches()

  /// The default figures for node `id`.
  public init(id: NodeID) {
    self.id = id
  }

  /// What is wrong with the figures, in words; nil when nothing is.
  public var fault: String? {
    if heartbeatInterval >= electionTimeout.lowerBound {
      return "the heartbeat interval must be shorter than the election timeout"
    }
    if electionTimeout.lowerBound == electionTimeout.upperBound {
      return "the election timeout must leave room to draw from"
    }
    if tickInterval <= .zero || tickInterval > heartbeatInterval {
      return "the tick interval must be above zero and within the heartbeat interval"
    }
    if clockDrift < .zero || clockDrift >= lease {
      return "the clock drift must be less than nine tenths of the election timeout"
    }
    if maxRequestBytes < 1 || maxWaitingRequests < 1 || maxRequestsInFlight < 1
      || maxUncommittedBytes < 1 || snapshotChunkBytes < 1 || purgeBatchSize < 1
    {
      return "limits must be above zero"
    }
    if case .sinceLast(0) = snapshotPolicy {
      return "snapshots can be built after one entry at the soonest"
    }
    return nil
  }

  /// So long after sending what a quorum acknowledged a leader may count on being the only one,
  /// before the drift: nine tenths of the voters' lease.
  var lease: Duration { electionTimeout.lowerBound * 9 / 10 }
}
