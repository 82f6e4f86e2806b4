// What a simulation is told of a node after every step of its core.

/// A node's own view of itself, for those who can see all nodes at once.
package struct StepReport: Sendable {
  package var id: NodeID
  package var vote: Vote
  package var isLeader: Bool
  /// The names of its log, on disk or not.
  package var log: LogIDList
  package var committed: UInt64
  package var applied: UInt64
  package var membership: Membership
  /// The end of what is known to be on disk.
  package var durable: LogID?
  /// Of a leader: for how long from now it would answer reads by its lease, by its own clock.
  package var lease: Duration?
}
