// Who hears whom: what is asked of the network (`Grudge`) and what was seen of it
// (`ReachabilityMatrix`), in the same terms, so that the two can be compared.

/// One direction between two nodes.
public struct Link: Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
  /// The node that sends.
  public var from: String
  /// The node that hears it, or doesn't.
  public var to: String

  /// Names a direction.
  public init(from: String, to: String) {
    self.from = from
    self.to = to
  }

  /// Sender, arrow, receiver.
  public var description: String { "\(from)→\(to)" }

  /// By sender, then by receiver.
  public static func < (left: Link, right: Link) -> Bool {
    (left.from, left.to) < (right.from, right.to)
  }
}

/// For each node, the nodes whose packets it drops. Nothing asks for symmetry: a grudge may cut
/// one direction only.
public struct Grudge: Sendable, Hashable {
  /// The nodes whose packets the key drops.
  public var dropped: [String: Set<String>]

  /// A grudge; without arguments one that cuts nothing.
  public init(_ dropped: [String: Set<String>] = [:]) {
    self.dropped = dropped
  }

  /// Cuts every direction between nodes of different groups. A node in no group is left alone.
  public init(groups: [Set<String>]) {
    dropped = [:]
    for (index, group) in groups.enumerated() {
      let others = groups.enumerated().filter { $0.offset != index }.flatMap(\.element)
      for node in group { dropped[node, default: []].formUnion(others) }
    }
  }

  /// Cuts these directions.
  public init(cuts: some Sequence<Link>) {
    dropped = [:]
    for link in cuts { dropped[link.to, default: []].insert(link.from) }
  }

  /// The directions it cuts: what a probe must find.
  public var cuts: Set<Link> {
    Set(dropped.flatMap { node, senders in senders.map { Link(from: $0, to: node) } })
  }
}

/// Which node's packets reached which, as one probe saw it.
public struct ReachabilityMatrix: Sendable, Hashable, Codable {
  /// The nodes, in the order of rows and columns.
  public let nodes: [String]
  /// `reachable[from][to]`, by position in `nodes`; a node always reaches itself.
  public let reachable: [[Bool]]

  /// A matrix; `reachable` must be as square as there are nodes.
  public init(nodes: [String], reachable: [[Bool]]) {
    precondition(reachable.count == nodes.count, "\(reachable.count) rows, \(nodes.count) nodes")
    precondition(reachable.allSatisfy { $0.count == nodes.count }, "the matrix is not square")
    self.nodes = nodes
    self.reachable = reachable
  }

  /// The directions that nothing came through: `grudge.cuts`, if the grudge holds.
  public var cuts: Set<Link> {
    var result: Set<Link> = []
    for from in nodes.indices {
      for to in nodes.indices where !reachable[from][to] {
        result.insert(Link(from: nodes[from], to: nodes[to]))
      }
    }
    return result
  }
}
