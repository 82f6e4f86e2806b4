// Linearizable reads without a log entry (thesis §6.4).

extension Engine {
  mutating func handleReads(
    _ reads: [RequestID], byLease: Bool, at now: Duration
  ) -> [Command] {
    guard var leadership else { return [.refuseReads(reads)] }
    // Reads are served in their order: none overtakes one that waits for a quorum.
    let byLease = byLease && leadership.unserved.isEmpty
    if byLease, let lease = restOfLease(leadership, at: now), lease > .zero {
      return [.serveReads(reads)]
    }
    leadership.waitingForBlank += reads
    role = .leader(leadership)
    return confirmReadsThatWaitedForBlank()
  }

  /// For how long from `now` no other node can be elected: a quorum was heard from so lately that
  /// it still refuses its votes. It is counted from when their request was sent, for less than the
  /// voters count, and not at all before the own term's blank entry is committed.
  func restOfLease(_ leadership: Leadership, at now: Duration) -> Duration? {
    guard !leadership.hasGivenUpLease, state.committed >= leadership.blank,
      let heardAt = heardByQuorum(leadership, at: now)
    else { return nil }
    return heardAt + configuration.lease - configuration.clockDrift - now
  }

  /// Starts a round for the reads that wait. Only a request sent after them can confirm that no
  /// other leader has committed anything newer; hence a number that only grows.
  mutating func confirmReadsThatWaitedForBlank() -> [Command] {
    guard var leadership, state.committed >= leadership.blank,
      !leadership.waitingForBlank.isEmpty
    else { return [] }
    leadership.round += 1
    leadership.confirming.append((leadership.round, leadership.waitingForBlank))
    leadership.waitingForBlank = []
    role = .leader(leadership)
    return [.replicate] + serveConfirmedReads()
  }

  mutating func serveConfirmedReads() -> [Command] {
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
}
