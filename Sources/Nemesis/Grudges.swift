// Whom each node no longer hears: the shapes of partitions.

import Hosts
import Systems
import Workloads

extension PartitionShape {
  /// The cuts of this shape among `nodes`.
  ///
  /// - Parameter leader: the leader's place, for the shape that needs one.
  /// - Returns: nil when the shape needs a leader and none is known, or there are too few nodes.
  public func grudge(
    nodes: [String], leader: Int?, using random: inout SplitMix64
  ) -> Grudge? {
    guard nodes.count >= 2 else { return nil }
    var order = Array(nodes.indices)
    order.shuffle(using: &random)
    let minority = (nodes.count - 1) / 2
    switch self {
    case .one: return Self.split([order[0]], of: nodes)
    case .halves: return Self.split(order.prefix(max(minority, 1)), of: nodes)
    case .leaderMajority:
      guard let leader else { return nil }
      let others = order.filter { $0 != leader }.prefix(nodes.count / 2)
      return Self.split([leader] + others, of: nodes)
    case .bridge:
      guard nodes.count >= 3 else { return nil }
      let left = Set(order[1...(nodes.count / 2)].map { nodes[$0] })
      let right = Set(order[(nodes.count / 2 + 1)...].map { nodes[$0] })
      return Grudge(groups: [left, right])
    case .star: return Self.hearing(order, of: nodes) { $0 == 0 || $1 == 0 }
    case .chain: return Self.hearing(order, of: nodes) { abs($0 - $1) == 1 }
    case .random:
      var dropped: [String: Set<String>] = [:]
      for node in nodes {
        dropped[node] = Set(nodes.filter { $0 != node && Bool.random(using: &random) })
      }
      return Grudge(dropped)
    case .leaderMinority:
      guard let leader else { return nil }
      let others = order.filter { $0 != leader }.prefix(max(minority - 1, 0))
      return Self.split([leader] + others, of: nodes)
    case .majoritiesRing: return Self.ring(order, of: nodes)
    case .fringe:
      guard nodes.count >= 3 else { return nil }
      let core = nodes.count / 2 + 1
      // Who is outside hears the one of the core whose turn it is.
      return Self.hearing(order, of: nodes) { one, other in
        let (inner, outer) = (min(one, other), max(one, other))
        return outer < core || (inner < core && inner == (outer - core) % core)
      }
    case .named(let names):
      let places = names.compactMap { nodes.firstIndex(of: $0) }
      guard places.count == names.count, places.count < nodes.count else { return nil }
      return Self.split(places, of: nodes)
    case .oneWay:
      var dropped: [String: Set<String>] = [:]
      dropped[nodes[order[0]]] = Set(order.dropFirst().map { nodes[$0] })
      return Grudge(dropped)
    }
  }

  /// Each hears those of whose places on `order` and its own `hears` says so; nil when that is everybody.
  private static func hearing(
    _ order: [Int], of nodes: [String], _ hears: (Int, Int) -> Bool
  ) -> Grudge? {
    var dropped: [String: Set<String>] = [:]
    for (place, node) in order.enumerated() {
      let others = order.enumerated().filter { $0.offset != place && !hears(place, $0.offset) }
      dropped[nodes[node]] = Set(others.map { nodes[$0.element] })
    }
    let grudge = Grudge(dropped)
    return grudge.cuts.isEmpty ? nil : grudge
  }

  private static func split(_ group: some Sequence<Int>, of nodes: [String]) -> Grudge {
    let apart = Set(group.map { nodes[$0] })
    return Grudge(groups: [apart, Set(nodes).subtracting(apart)])
  }

  /// On a ring, each node hears its nearest neighbours on both sides, up to a majority with itself.
  private static func ring(_ order: [Int], of nodes: [String]) -> Grudge? {
    let count = order.count
    guard count >= 4 else { return nil }  // with three, a majority on a ring is everyone
    let reach = (count / 2 + 1) / 2
    var dropped: [String: Set<String>] = [:]
    for place in 0..<count {
      let heard = Set((-reach...reach).map { nodes[order[(place + $0 + count) % count]] })
      dropped[nodes[order[place]]] = Set(nodes).subtracting(heard)
    }
    return Grudge(dropped)
  }
}

/// What is known of a cluster when a fault chooses whom it hits.
public struct Targets: Sendable {
  /// The nodes' names, in order.
  public var names: [String]
  /// The leader's place.
  public var leader: Int?
  /// How far each node is, by place, of those that could be asked.
  public var standings: [NodeStanding]
  /// Those on which calls of clients are under way, by place.
  public var held: Set<Int>

  /// What is known of the nodes with these names.
  public init(
    names: [String], leader: Int? = nil, standings: [NodeStanding] = [], held: Set<Int> = []
  ) {
    self.names = names
    self.leader = leader
    self.standings = standings
    self.held = held
  }
}

extension NodeTarget {
  /// The places of the nodes this names; nil when what it needs is not known, or nobody is such a node.
  public func nodes(among targets: Targets, using random: inout SplitMix64) -> [Int]? {
    let count = targets.names.count
    var order = Array(0..<count)
    order.shuffle(using: &random)
    switch self {
    case .one: return [order[0]]
    case .minority:
      let minority = (count - 1) / 2
      return minority > 0 ? order.prefix(minority).sorted() : nil
    case .majority: return order.prefix(count / 2 + 1).sorted()
    case .leader: return targets.leader.map { [$0] }
    case .followers:
      guard let leader = targets.leader, count > 1 else { return nil }
      return (0..<count).filter { $0 != leader }
    case .all: return Array(0..<count)
    case .mostBehind:
      return targets.standings.min { ($0.lastIndex, $0.node) < ($1.lastIndex, $1.node) }
        .map { [$0.node] }
    case .lastToVote:
      let voters = targets.standings.filter { $0.sinceVote != nil }
      return voters.min { ($0.sinceVote!, $0.node) < ($1.sinceVote!, $1.node) }.map { [$0.node] }
    case .held: return order.first(where: targets.held.contains).map { [$0] }
    case .learners:
      let learners = targets.standings.filter(\.isLearner).map(\.node).sorted()
      return learners.isEmpty ? nil : learners
    case .named(let names):
      let places = names.compactMap { targets.names.firstIndex(of: $0) }
      return places.count == names.count ? places.sorted() : nil
    }
  }
}
