// Changes of membership, as administrators ask for them, and the steps they are made in.

/// What an administrator wants changed.
public enum MembershipChange: Equatable, Sendable {
  /// Learners become voters.
  case addVoters([NodeID])
  /// Nodes become members and voters; those that are members keep their addresses. They are learners
  /// first, until they have caught up.
  case addNewVoters([Member])
  /// Voters vote no longer.
  case removeVoters([NodeID])
  /// These learners and voters are the voters, and nobody else.
  case replaceVoters([NodeID])
  /// Nodes become learners; those that are members already keep role and address.
  case addLearners([Member])
  /// Members get new addresses. Two nodes that take one another's is a split brain; hence apart.
  case setAddresses([Member])
  /// Learners are members no longer.
  case removeLearners([NodeID])
  /// These are the members, and nobody else; all voters must be among them.
  case replaceMembers([Member])
}

/// Why a membership cannot be changed so. Nothing was written.
public enum MembershipError: Error, Equatable, Sendable, CustomStringConvertible {
  /// No voter would be left.
  case noVoters
  /// A voter must be a learner first.
  case notMember(NodeID)
  /// A voter cannot be removed like a learner.
  case isVoter(NodeID)
  /// A learner must have caught up before it votes: else the cluster waits for it.
  case lagging(NodeID, behind: UInt64)
  /// These voters-to-be do not answer: a new one must, and so must a majority of those there will be.
  case silent([NodeID])
  /// The change before is not committed yet.
  case inProgress
  /// The cluster was initialised before, or the node has a log.
  case alreadyInitialized

  /// The reason in one line.
  public var description: String {
    switch self {
    case .noVoters: "no voter would be left"
    case .notMember(let id): "\(id) is no member; add it as a learner first"
    case .isVoter(let id): "\(id) is a voter; remove its vote first"
    case .lagging(let id, let behind): "\(id) is \(behind) entries behind; wait until it caught up"
    case .silent(let ids):
      "not heard from lately: \(ids.map(\.description).joined(separator: ", ")); the cluster could "
        + "stand still without; try again when enough of them answer"
    case .inProgress: "the change before is not committed yet; try again"
    case .alreadyInitialized: "the cluster is initialised already"
    }
  }
}

extension Membership {
  /// The next membership on the way to `change`: the same change asked for again, after this step
  /// is committed, gives the next one, and at the end the membership itself.
  ///
  /// - Parameter retain: whether removed voters stay as learners.
  func step(towards change: MembershipChange, retain: Bool) throws(MembershipError) -> Membership {
    let current = voterSets.last ?? []
    switch change {
    case .addVoters(let ids):
      return try step(to: current + ids, members, retain: retain)
    case .addNewVoters(let new):
      return try step(to: current + new.map(\.id), adding(new), retain: retain)
    case .removeVoters(let ids):
      return try step(to: current.filter { !ids.contains($0) }, members, retain: retain)
    case .replaceVoters(let ids):
      return try step(to: ids, members, retain: retain)
    case .addLearners(let new):
      return Membership(voterSets: voterSets, members: adding(new))
    case .setAddresses(let new):
      for member in new where !contains(member.id) { throw .notMember(member.id) }
      return Membership(voterSets: voterSets, members: Self.sorted(members + new))
    case .removeLearners(let ids):
      for id in ids where isVoter(id) { throw .isVoter(id) }
      for id in ids where !contains(id) { throw .notMember(id) }
      return Membership(
        voterSets: voterSets, members: members.filter { !ids.contains($0.id) })
    case .replaceMembers(let new):
      for voter in voters where !new.contains(where: { $0.id == voter }) { throw .isVoter(voter) }
      return Membership(voterSets: voterSets, members: Self.sorted(new))
    }
  }

  /// Straight to `goal` when that is one of the sets already, through both of them otherwise.
  private func step(
    to goal: [NodeID], _ members: [Member], retain: Bool
  ) throws(MembershipError) -> Membership {
    let goal = Array(Set(goal)).sorted()
    guard !goal.isEmpty else { throw .noVoters }
    for id in goal where !members.contains(where: { $0.id == id }) { throw .notMember(id) }
    let sets = voterSets.contains(goal) ? [goal] : [voterSets.last!, goal]
    let left = retain ? [] : voters.filter { id in !sets.contains { $0.contains(id) } }
    return Membership(voterSets: sets, members: members.filter { !left.contains($0.id) })
  }

  private func adding(_ new: [Member]) -> [Member] { Self.sorted(new + members) }
}
