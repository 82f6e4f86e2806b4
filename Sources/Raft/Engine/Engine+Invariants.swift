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
    precondition(
      state.committed <= state.log.lastIndex,
      "committed \(state.committed) is past last \(state.log.lastIndex)")
    precondition(
      state.log.last?.term ?? 0 <= state.vote.term,
      "last \(state.log.last!) is of a later term than \(state.vote)")
    guard let leadership else { return }
    precondition(
      state.vote == Vote(term: state.vote.term, node: id, committed: true),
      "a leader holds \(state.vote)")
    precondition(
      leadership.durable <= state.log.lastIndex,
      "durable \(leadership.durable) is past last \(state.log.lastIndex)")
  }
}
