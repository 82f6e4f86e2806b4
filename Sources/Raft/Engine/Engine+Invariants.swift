// What must hold after every event. Broken, the node stops before it can answer anybody.

extension Engine {
  func checkInvariants(since before: RaftState) {
    precondition(
      state.vote.term >= before.vote.term, "term \(state.vote.term) is before \(before.vote.term)")
    precondition(
      state.vote.term > before.vote.term || before.vote.yields(to: state.vote),
      "\(before.vote) was replaced by \(state.vote)")
    precondition(
      state.committed >= before.committed,
      "committed \(state.committed) is before \(before.committed)")
    checkOrder()
    guard let leadership else { return }
    precondition(
      state.vote == Vote(term: state.vote.term, node: id, committed: true),
      "a leader holds \(state.vote)")
    precondition(
      leadership.durable <= state.log.lastIndex,
      "durable \(leadership.durable) is past last \(state.log.lastIndex)")
  }

  /// purged ≤ snapshot ≤ committed ≤ last, and applied ≤ committed.
  private func checkOrder() {
    let purged = state.log.purgedIndex
    let snapshot = state.snapshot?.index ?? 0
    precondition(purged <= snapshot, "purged \(purged) is past snapshot \(snapshot)")
    precondition(
      snapshot <= state.committed, "snapshot \(snapshot) is past committed \(state.committed)")
    precondition(
      state.applied <= state.committed,
      "applied \(state.applied) is past committed \(state.committed)")
    precondition(
      state.committed <= state.log.lastIndex,
      "committed \(state.committed) is past last \(state.log.lastIndex)")
    precondition(
      state.log.last?.term ?? 0 <= state.vote.term,
      "last \(state.log.last!) is of a later term than \(state.vote)")
    precondition(
      state.memberships.effective.logID?.index ?? 0 <= state.log.lastIndex,
      "membership \(state.memberships.effective) is past last \(state.log.lastIndex)")
  }
}
