// Changes of membership, by joint consensus (thesis §4.3).

extension Engine {
  /// Writes the first entry of a cluster. Nodes that are initialised alike write the same one.
  mutating func initialize(_ membership: Membership, at now: Duration) -> [Command] {
    precondition(initializationFault == nil, "initialised twice")
    let entry = Entry(id: LogID(term: 0, index: 1), payload: .membership(membership))
    note(entry)
    return [.append([entry])]
  }

  /// Why this node cannot begin a cluster; nil when it can.
  var initializationFault: MembershipError? {
    state.log.last == nil && state.vote == .none && membership == .none
      ? nil : .alreadyInitialized
  }

  /// The first membership on the way to `change`, if a leader may propose it now. Where it is joint,
  /// `finishChange` takes the second step.
  func membershipStep(
    towards change: MembershipChange, retain: Bool, at now: Duration
  ) throws(MembershipError) -> Membership {
    guard let leadership else { preconditionFailure("only a leader changes memberships") }
    // Neither two at once, nor one before an entry of the own term is committed: an earlier
    // leader's change may be under way unseen (Ongaro 2015).
    guard !membership.isJoint, isMembershipCommitted(leadership) else { throw .inProgress }
    let next = try membership.step(towards: change, retain: retain)
    for voter in next.voters where !membership.isVoter(voter) && voter != id {
      guard isAnswering(voter, leadership, at: now) else { throw .silent([voter]) }
      // Who is a voter must have nearly all entries, or commitment waits for it to catch up.
      let behind = state.log.lastIndex - (leadership.followers[voter]?.matched ?? 0)
      if behind > configuration.replicationLagThreshold {
        throw .lagging(voter, behind: behind)
      }
      guard isHeard(voter, leadership, at: now) else { throw .silent([voter]) }
    }
    guard let goal = next.voterSets.last, !membership.voterSets.contains(goal) else { return next }
    let silent = goal.filter { $0 != id && !isHeard($0, leadership, at: now) }
    guard goal.count - silent.count > goal.count / 2 else { throw .silent(silent) }
    return next
  }

  private func isMembershipCommitted(_ leadership: Leadership) -> Bool {
    state.memberships.effective.logID?.index ?? 0 <= state.committed
      && state.committed >= leadership.blank
  }

  /// Whether `node` holds something of the log, and answered a request that is not older than what
  /// a leader goes by itself.
  private func isHeard(_ node: NodeID, _ leadership: Leadership, at now: Duration) -> Bool {
    isAnswering(node, leadership, at: now) && leadership.followers[node]?.matched ?? 0 > 0
  }

  private func isAnswering(_ node: NodeID, _ leadership: Leadership, at now: Duration) -> Bool {
    guard let heardAt = leadership.followers[node]?.heardAt else { return false }
    return now - heardAt <= configuration.electionTimeout.upperBound
  }

  /// The second step of a change, once the first is committed, whoever began it: no change stays
  /// half done. Whether those who leave stay as learners knows only the leader that was asked;
  /// another keeps them, which does no harm.
  mutating func finishChange() -> [Command] {
    guard let leadership, leadership.transfer == nil, membership.isJoint,
      isMembershipCommitted(leadership), let goal = membership.voterSets.last
    else { return [] }
    let members = membership.members.filter {
      leadership.retainsLeaving || goal.contains($0.id) || !membership.isVoter($0.id)
    }
    return propose(
      Membership(voterSets: [goal], members: members), retain: leadership.retainsLeaving)
  }

  mutating func propose(_ membership: Membership, retain: Bool) -> [Command] {
    guard var leadership else { preconditionFailure("only a leader proposes") }
    let id = LogID(term: state.vote.term, index: state.log.lastIndex + 1)
    let entry = Entry(id: id, payload: .membership(membership))
    note(entry)
    // What is known of those that stay is known still; who is new, or was away, begins anew.
    leadership.followers = Dictionary(
      uniqueKeysWithValues: targets.map { ($0, leadership.followers[$0] ?? .init()) })
    leadership.retainsLeaving = retain
    if let transfer = leadership.transfer, !membership.isVoter(transfer.target) {
      leadership.transfer = nil
    }
    role = .leader(leadership)
    return [.append([entry]), .rebuildReplication(session), .replicate]
  }
}
