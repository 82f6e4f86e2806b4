// Who a node stands behind: terms, votes, and when one may replace another.

/// A node's number in its cluster, from 1.
public struct NodeID: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// The number.
  public let number: UInt64

  /// The node with `number`.
  public init(_ number: UInt64) { self.number = number }

  /// Orders by number.
  public static func < (left: NodeID, right: NodeID) -> Bool { left.number < right.number }
  /// `n` and the number.
  public var description: String { "n\(number)" }
}

/// A promise: in `term`, this node follows `node` and nobody else.
///
/// It is openraft's vote in its single-leader-per-term form: term and `votedFor` of the thesis
/// (§3.4) in one value, so that neither can be saved without the other.
public struct Vote: Hashable, Sendable, CustomStringConvertible {
  /// The term.
  public var term: UInt64
  /// Whom the promise is to; nil only before any term.
  public var node: NodeID?
  /// Whether a quorum gave the same promise: `node` is or was the term's leader.
  public var committed: Bool

  /// A promise to `node` in `term`.
  public init(term: UInt64, node: NodeID?, committed: Bool = false) {
    self.term = term
    self.node = node
    self.committed = committed
  }

  /// The vote of a node that never took part in anything.
  public static let none = Vote(term: 0, node: nil)

  /// Whether a node holding this vote may take on `other` instead.
  ///
  /// A later term always replaces an earlier one. Within a term a promise stands, except that the
  /// leader a quorum chose replaces a candidate that it did not.
  public func yields(to other: Vote) -> Bool {
    if other.term != term { return other.term > term }
    if other.node == node { return other.committed || !committed }
    return other.committed && !committed
  }

  /// `T3-n1`, with `!` when it is committed.
  public var description: String {
    "T\(term)-\(node.map(\.description) ?? "none")\(committed ? "!" : "")"
  }
}
