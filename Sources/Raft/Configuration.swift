// The figures a node runs by.

/// What a node must know before it starts.
public struct Configuration: Sendable {
  /// This node.
  public var id: NodeID
  /// The cluster, this node included.
  public var membership: Membership
  /// How often a leader is heard from at least.
  public var heartbeatInterval = Duration.milliseconds(50)
  /// A follower that has not heard from a leader for a time drawn from here asks for votes.
  public var electionTimeout = Duration.milliseconds(250)...Duration.milliseconds(500)
  /// How finely time is told to the engine.
  public var tickInterval = Duration.milliseconds(10)
  /// The most bytes of entries in one request.
  public var maxRequestBytes = 1 << 20
  /// The most requests of clients and peers that wait for the core; more are refused.
  public var maxWaitingRequests = 16_384

  /// The default figures for node `id` in `membership`.
  public init(id: NodeID, membership: Membership) {
    self.id = id
    self.membership = membership
  }

  /// What is wrong with the figures, in words; nil when nothing is.
  public var fault: String? {
    if !membership.voters.contains(id) { return "node \(id) is not a member of its cluster" }
    if heartbeatInterval >= electionTimeout.lowerBound {
      return "the heartbeat interval must be shorter than the election timeout"
    }
    if tickInterval <= .zero || tickInterval > heartbeatInterval {
      return "the tick interval must be above zero and within the heartbeat interval"
    }
    if maxRequestBytes < 1 || maxWaitingRequests < 1 { return "limits must be above zero" }
    return nil
  }
}
