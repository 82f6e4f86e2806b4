// Leading: proposing, committing, confirming reads, and stepping down when nobody follows.

extension Engine {
  mutating func startLeading(at now: Duration) -> [Command] {
    state.vote.committed = true
    leader = id
    let blank = LogID(term: state.vote.term, index: state.log.lastIndex + 1)
    let durable = state.log.lastIndex  // the votes that elected us were written after it
    state.log.append(blank)
    let progress = Leadership.Progress(heardAt: now)
    role = .leader(
      Leadership(
        followers: Dictionary(uniqueKeysWithValues: peers.map { ($0, progress) }),
        durable: durable, blank: blank.index, lastHeartbeat: now))
    return [
      .saveVote(state.vote), .append([Entry(id: blank, payload: .blank)]),
      .startLeading(state.vote), .replicate,
    ]
  }

  mutating func propose(_ payloads: [Entry.Payload]) -> [Command] {
    precondition(isLeader, "only a leader proposes")
    let entries = payloads.map { payload in
      let id = LogID(term: state.vote.term, index: state.log.lastIndex + 1)
      state.log.append(id)
      return Entry(id: id, payload: payload)
    }
    return entries.isEmpty ? [] : [.append(entries), .replicate]
  }

  mutating func handleAcknowledgment(
    by follower: NodeID, session: Vote, matched: UInt64?, round: UInt64, sentAt: Duration
  ) -> [Command] {
    // An answer to what was sent under another vote says nothing about this leadership.
    guard session == state.vote, var leadership, var progress = leadership.followers[follower]
    else { return [] }
    progress.heardAt = max(progress.heardAt, sentAt)
    progress.round = max(progress.round, round)
    if let matched, matched <= state.log.lastIndex {
      progress.matched = max(progress.matched, matched)
    }
    leadership.followers[follower] = progress
    role = .leader(leadership)
    return advanceCommit() + serveConfirmedReads()
  }

  /// Commits what a quorum holds, if the last of it is of the own term: an entry of an earlier term
  /// on a majority of disks can still be overwritten (thesis §3.6.2, figure 3.7).
  mutating func advanceCommit() -> [Command] {
    guard let leadership else { return [] }
    let reached = membership.reachedByQuorum { node in
      node == id ? leadership.durable : leadership.followers[node]!.matched
    }
    guard reached > state.committed, state.log.id(at: reached)?.term == state.vote.term
    else { return [] }
    state.committed = reached
    return [.commit(upTo: reached), .replicate] + confirmReadsThatWaitedForBlank()
  }

  mutating func handleReads(_ reads: [RequestID]) -> [Command] {
    guard var leadership else { return [.refuseReads(reads)] }
    leadership.waitingForBlank += reads
    role = .leader(leadership)
    return confirmReadsThatWaitedForBlank()
  }

  /// Starts a round for the reads that wait. Only a request sent after them can confirm that no
  /// other leader has committed anything newer (thesis §6.4); hence a number that only grows.
  private mutating func confirmReadsThatWaitedForBlank() -> [Command] {
    guard var leadership, state.committed >= leadership.blank,
      !leadership.waitingForBlank.isEmpty
    else { return [] }
    leadership.round += 1
    leadership.confirming.append((leadership.round, leadership.waitingForBlank))
    leadership.waitingForBlank = []
    role = .leader(leadership)
    return [.replicate] + serveConfirmedReads()
  }

  private mutating func serveConfirmedReads() -> [Command] {
    guard var leadership, !leadership.confirming.isEmpty else { return [] }
    let confirmed = membership.reachedByQuorum { node in
      node == id ? UInt64.max : leadership.followers[node]!.round
    }
    let served = leadership.confirming.prefix { $0.round <= confirmed }
    guard !served.isEmpty else { return [] }
    leadership.confirming.removeFirst(served.count)
    role = .leader(leadership)
    return [.serveReads(served.flatMap(\.reads))]
  }

  mutating func tickLeader(_ leadership: Leadership, at now: Duration) -> [Command] {
    let heardAt = membership.reachedByQuorum { node in
      node == id ? now : leadership.followers[node]!.heardAt
    }
    // Clients of a leader that nobody follows must learn of it (check-quorum, thesis §6.2).
    if now - heardAt > configuration.electionTimeout.upperBound {
      resetElectionDeadline(at: now)
      return becomeFollower(of: nil)
    }
    guard now - leadership.lastHeartbeat >= configuration.heartbeatInterval else { return [] }
    var leadership = leadership
    leadership.lastHeartbeat = now
    role = .leader(leadership)
    return [.heartbeat]
  }
}
