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

  /// The next membership on the way to `change`, if a leader may propose it now.
  func membershipStep(
    towards change: MembershipChange, retain: Bool
  ) throws(MembershipError) -> Membership {
    guard let leadership else { preconditionFailure("only a leader changes memberships") }
    // Neither two at once, nor one before an entry of the own term is committed: an earlier
    // leader's change may be under way unseen (Ongaro 2015).
    guard state.memberships.effective.logID?.index ?? 0 <= state.committed,
      state.committed >= leadership.blank
    else { throw .inProgress }
    let next = try membership.step(towards: change, retain: retain)
    for voter in next.voters where !membership.isVoter(voter) && voter != id {
      // Who is a voter must have nearly all entries, or commitment waits for it to catch up.
      let behind = state.log.lastIndex - (leadership.followers[voter]?.matched ?? 0)
      if behind > configuration.replicationLagThreshold {
        throw .lagging(voter, behind: behind)
      }
    }
    return next
  }

  mutating func propose(_ membership: Membership) -> [Command] {
    guard var leadership else { preconditionFailure("only a leader proposes") }
    let id = LogID(term: state.vote.term, index: state.log.lastIndex + 1)
    let entry = Entry(id: id, payload: .membership(membership))
    note(entry)
    // What is known of those that stay is known still; who is new, or was away, begins anew.
    leadership.followers = Dictionary(
      uniqueKeysWithValues: targets.map { ($0, leadership.followers[$0] ?? .init()) })
    if let transfer = leadership.transfer, !membership.isVoter(transfer.target) {
      leadership.transfer = nil
    }
    role = .leader(leadership)
    return [.append([entry]), .rebuildReplication(session), .replicate]
  }
}
