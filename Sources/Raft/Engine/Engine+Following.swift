// Following: taking a leader's entries, and saying so once they are durable.

extension Engine {
  mutating func handleAppend(
    _ request: AppendRequest, _ id: RequestID, at now: Duration
  ) -> [Command] {
    guard var commands = follow(request.vote, at: now) else {
      return [.answerAppend(id, .higherVote(state.vote))]
    }
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
    if committed > state.committed { commands += commit(upTo: committed) }
    return commands + [.answerAppend(id, .success(matched: matched))]
  }

  /// Follows the leader behind `vote` and renews its lease; nil when this node stands behind
  /// somebody else.
  mutating func follow(_ vote: Vote, at now: Duration) -> [Command]? {
    guard vote.committed, let sender = vote.node, sender != id,
      state.vote == vote || state.vote.yields(to: vote)
    else { return nil }
    var commands: [Command] = []
    if state.vote != vote || leader != sender || isLeader { commands += becomeFollower(of: sender) }
    role = .follower  // a candidate of this term lost
    if state.vote != vote {
      state.vote = vote
      commands.append(.saveVote(state.vote))
    }
    lease = (sender, now + configuration.electionTimeout.lowerBound)
    resetElectionDeadline(at: now)
    return commands
  }

  mutating func commit(upTo index: UInt64) -> [Command] {
    state.committed = index
    state.memberships.commit(upTo: index)
    return [.commit(upTo: index)]
  }

  /// Where the leader should try next when `previous` is not in this log; nil when it is.
  private func conflict(with previous: LogID?) -> UInt64? {
    guard let previous else { return nil }
    // What is committed is the same in all logs, and may be purged here: never cut for it.
    guard previous.index > state.committed else { return nil }
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
    return before.term <= request.vote.term && !contradictsCommitted(request)
  }

  private func contradictsCommitted(_ request: AppendRequest) -> Bool {
    func contradicts(_ name: LogID) -> Bool {
      name.index <= state.committed && name.index >= state.log.purgedIndex
        && !state.log.contains(name)
    }
    return request.previous.map(contradicts) ?? false
      || request.entries.contains { contradicts($0.id) }
  }

  /// Skips what the log holds, cuts it at the first difference, appends the rest.
  ///
  /// Cutting only at a difference matters: a request that arrives late and holds less than the log
  /// must not remove what a later one brought (thesis §3.5).
  private mutating func take(_ entries: [Entry]) -> [Command] {
    let first = entries.firstIndex {
      $0.id.index > state.committed && !state.log.contains($0.id)
    }
    guard let first else { return [] }
    var commands: [Command] = []
    let cut = entries[first].id.index
    if cut <= state.log.lastIndex { commands += truncate(from: cut) }
    let new = first == 0 ? entries : Array(entries[first...])
    for entry in new { note(entry) }
    return commands + [.append(new)]
  }

  mutating func truncate(from index: UInt64) -> [Command] {
    precondition(index > state.committed, "cutting \(index), committed is \(state.committed)")
    state.log.truncate(from: index)
    state.memberships.truncate(from: index)
    return [.truncate(from: index)]
  }

  /// Takes the names of an entry that is being appended. A membership holds from here on.
  mutating func note(_ entry: Entry) {
    state.log.append(entry.id)
    if case .membership(let membership) = entry.payload {
      state.memberships.append(StoredMembership(logID: entry.id, membership: membership))
    }
  }
}
