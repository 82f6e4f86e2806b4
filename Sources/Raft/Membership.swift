// Who belongs to the cluster, and how many of them make a quorum.

/// The voters of a cluster.
public struct Membership: Equatable, Sendable {
  /// The voters, sorted. The order is part of the meaning: a quorum is read off sorted figures.
  public let voters: [NodeID]

  /// A cluster of `voters`, which may not be empty; order and repetition do not matter.
  public init(voters: some Sequence<NodeID>) {
    self.voters = Array(Set(voters)).sorted()
    precondition(!self.voters.isEmpty, "a cluster has at least one voter")
  }

  /// The smallest majority.
  public var quorum: Int { voters.count / 2 + 1 }

  /// Whether `nodes` hold a majority of the voters.
  public func isQuorum(_ nodes: Set<NodeID>) -> Bool {
    voters.count { nodes.contains($0) } >= quorum
  }

  /// The greatest figure that a majority has reached: the quorum-th greatest.
  public func reachedByQuorum<Figure: Comparable>(_ figure: (NodeID) -> Figure) -> Figure {
    voters.map(figure).sorted(by: >)[quorum - 1]
  }
}
