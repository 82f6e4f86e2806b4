// Following: taking a leader's entries, and saying so once they are durable.

extension Engine {
  mutating func handleAppend(
    _ request: AppendRequest, _ id: RequestID, at now: Duration
  ) -> [Command] {
    guard request.vote.committed, request.vote.node != self.id,
      state.vote == request.vote || state.vote.yields(to: request.vote)
    else { return [.answerAppend(id, .higherVote(state.vote))] }
    var commands: [Command] = []
    if state.vote != request.vote || leader != request.vote.node || isLeader {
      commands += becomeFollower(of: request.vote.node)
    }
    role = .follower  // a candidate of this term lost
    if state.vote != request.vote {
      state.vote = request.vote
      commands.append(.saveVote(state.vote))
    }
    leaderHeardAt = now
    resetElectionDeadline(at: now)
    if let retryAfter = conflict(with: request.previous) {
      return commands + [.answerAppend(id, .conflict(retryAfter: retryAfter))]
    }
    guard isOrdered(request) else {
      // Only a broken leader sends these; nothing of it is taken.
      return commands + [
        .answerAppend(id, .conflict(retryAfter: min(state.committed, state.log.lastIndex)))
      ]
    }
    commands += take(request.entries)
    // Only what this leader has confirmed may be committed: our own tail may be stale (thesis §3.5).
    let matched = request.entries.last?.id.index ?? request.previous?.index ?? 0
    let committed = min(request.committed, matched)
    if committed > state.committed {
      state.committed = committed
      commands.append(.commit(upTo: committed))
    }
    return commands + [.answerAppend(id, .success(matched: matched))]
  }

  /// Where the leader should try next when `previous` is not in this log; nil when it is.
  private func conflict(with previous: LogID?) -> UInt64? {
    guard let previous else { return nil }
    guard previous.index <= state.log.lastIndex else { return state.log.lastIndex }
    guard !state.log.contains(previous) else { return nil }
    // One step back a term, not an entry (thesis §3.5, the end).
    return max(state.log.firstIndex(ofTermAt: previous.index) - 1, state.committed)
  }

  /// Whether the entries follow `previous` and one another, and none is of a later term.
  private func isOrdered(_ request: AppendRequest) -> Bool {
    var before = request.previous ?? LogID(term: 0, index: 0)
    for entry in request.entries {
      guard entry.id.index == before.index + 1, entry.id.term >= before.term else { return false }
      before = entry.id
    }
    return before.term <= request.vote.term && !contradictsCommitted(request.entries)
  }

  private func contradictsCommitted(_ entries: [Entry]) -> Bool {
    entries.contains { $0.id.index <= state.committed && !state.log.contains($0.id) }
  }

  /// Skips what the log holds, cuts it at the first difference, appends the rest.
  ///
  /// Cutting only at a difference matters: a request that arrives late and holds less than the log
  /// must not remove what a later one brought (thesis §3.5).
  private mutating func take(_ entries: [Entry]) -> [Command] {
    guard let first = entries.firstIndex(where: { !state.log.contains($0.id) }) else { return [] }
    var commands: [Command] = []
    let cut = entries[first].id.index
    if cut <= state.log.lastIndex {
      precondition(cut > state.committed, "cutting \(cut), committed is \(state.committed)")
      state.log.truncate(from: cut)
      commands.append(.truncate(from: cut))
    }
    let new = Array(entries[first...])
    for entry in new { state.log.append(entry.id) }
    return commands + [.append(new)]
  }
}
