// Who belongs to the cluster, and how many of them make a quorum.

/// A node as its cluster knows it.
public struct Member: Hashable, Sendable {
  /// Its number.
  public var id: NodeID
  /// Where it is reached, in words that only the application's network understands.
  public var address: String

  /// Node `id`, reached at `address`.
  public init(id: NodeID, address: String) {
    self.id = id
    self.address = address
  }
}

/// The members of a cluster: voters, and learners, which get the log and are never counted.
///
/// While voters are changed there are two sets of them, and a quorum is a majority of each (joint
/// consensus, thesis §4.3): so any number may come and go at once.
public struct Membership: Equatable, Sendable {
  /// One set of voters, or two during a change; none before the cluster was initialised. Sorted:
  /// a quorum is read off sorted figures.
  public let voterSets: [[NodeID]]
  /// All members, voters and learners, by number.
  public let members: [Member]

  /// Before the cluster was initialised.
  public static let none = Membership(voterSets: [], members: [])

  /// A cluster of `voters`, which may not be empty; order and repetition do not matter. Members
  /// that are no voters are learners; voters that are no members are reached at no address.
  public init(voters: some Sequence<NodeID>, members: some Sequence<Member> = []) {
    let voters = Array(Set(voters)).sorted()
    precondition(!voters.isEmpty, "a cluster has at least one voter")
    self.init(voterSets: [voters], members: Self.sorted(members, with: voters))
  }

  /// What was read from a log or a peer; nil when no cluster is like that.
  public init?(reading voterSets: [[NodeID]], members: [Member]) {
    let ids = members.map(\.id)
    guard voterSets.count <= 2, ids == Array(Set(ids)).sorted() else { return nil }
    for set in voterSets {
      guard !set.isEmpty, set == Array(Set(set)).sorted(), set.allSatisfy(ids.contains) else {
        return nil
      }
    }
    self.init(voterSets: voterSets, members: members)
  }

  init(voterSets: [[NodeID]], members: [Member]) {
    self.voterSets = voterSets
    self.members = members
  }

  static func sorted(_ members: some Sequence<Member>, with voters: [NodeID] = []) -> [Member] {
    var byID: [NodeID: Member] = [:]
    for voter in voters { byID[voter] = Member(id: voter, address: "") }
    for member in members { byID[member.id] = member }
    return byID.values.sorted { $0.id < $1.id }
  }

  /// The voters of all sets, sorted.
  public var voters: [NodeID] {
    voterSets.count == 1 ? voterSets[0] : Array(Set(voterSets.joined())).sorted()
  }
  /// The members that do not vote, sorted.
  public var learners: [NodeID] { members.map(\.id).filter { !isVoter($0) } }
  /// Whether a change of voters is half done.
  public var isJoint: Bool { voterSets.count > 1 }
  /// Whether `node` votes.
  public func isVoter(_ node: NodeID) -> Bool { voterSets.contains { $0.contains(node) } }
  /// Whether `node` belongs to the cluster.
  public func contains(_ node: NodeID) -> Bool { members.contains { $0.id == node } }
  /// Where `node` is reached; nil for a stranger.
  public func address(of node: NodeID) -> String? { members.first { $0.id == node }?.address }

  /// Whether `nodes` hold a majority of every set of voters.
  public func isQuorum(_ nodes: Set<NodeID>) -> Bool {
    !voterSets.isEmpty
      && voterSets.allSatisfy { set in set.count { nodes.contains($0) } >= set.count / 2 + 1 }
  }

  /// The greatest figure that a majority of every set has reached: of each set the quorum-th
  /// greatest, of these the least.
  ///
  /// - Precondition: there are voters.
  public func reachedByQuorum<Figure: Comparable>(_ figure: (NodeID) -> Figure) -> Figure {
    voterSets.map { set in set.map(figure).sorted(by: >)[set.count / 2] }.min()!
  }

  /// Roughly what it takes in memory and on the wire, in bytes.
  var size: Int { members.reduce(0) { $0 + 24 + $1.address.utf8.count } + 16 * voters.count }
}

/// A membership with the entry that brought it; nil stands for none, before initialisation.
public struct StoredMembership: Equatable, Sendable {
  /// The entry.
  public var logID: LogID?
  /// What it says.
  public var membership: Membership

  /// `membership`, brought by the entry `logID`.
  public init(logID: LogID?, membership: Membership) {
    self.logID = logID
    self.membership = membership
  }

  /// Before initialisation.
  public static let none = StoredMembership(logID: nil, membership: .none)
}

/// The last committed membership and all after it: what holds now, and what holds again when the
/// log is cut.
struct MembershipLog: Equatable, Sendable {
  /// Strictly increasing in index; never empty. The first is committed, or there was none before.
  private(set) var all: [StoredMembership]

  init(_ base: StoredMembership, _ rest: some Sequence<StoredMembership> = []) {
    all = [base]
    for stored in rest where (stored.logID?.index ?? 0) > (base.logID?.index ?? 0) {
      append(stored)
    }
  }

  /// The one that holds: the last in the log, committed or not.
  var effective: StoredMembership { all.last! }
  var committed: StoredMembership { all.first! }

  mutating func append(_ stored: StoredMembership) {
    precondition(
      stored.logID!.index > effective.logID?.index ?? 0, "\(stored) does not follow \(effective)")
    all.append(stored)
  }

  mutating func truncate(from index: UInt64) {
    while all.count > 1, effective.logID!.index >= index { all.removeLast() }
  }

  mutating func commit(upTo index: UInt64) {
    while all.count > 1, all[1].logID!.index <= index { all.removeFirst() }
  }
}
