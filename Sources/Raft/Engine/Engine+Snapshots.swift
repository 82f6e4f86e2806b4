// Snapshots: when to build one, what to purge after it, and taking a leader's (thesis chapter 5).

extension Engine {
  /// So many times as long as a snapshot took none is built of its own accord.
  private static let restAfterBuild = 9

  mutating func applied(upTo index: UInt64, at now: Duration) -> [Command] {
    state.applied = max(state.applied, index)
    return buildSnapshotIfDue(at: now)
  }

  private mutating func buildSnapshotIfDue(at now: Duration) -> [Command] {
    // A leader's snapshot may be ahead of what was applied before it was installed.
    guard case .sinceLast(let count) = configuration.snapshotPolicy,
      state.applied >= (state.snapshot?.index ?? 0) + count, now >= nextBuild
    else { return [] }
    return buildSnapshot(at: now)
  }

  mutating func buildSnapshot(at now: Duration) -> [Command] {
    guard buildingSince == nil, state.applied > state.snapshot?.index ?? 0 else { return [] }
    buildingSince = now
    return [.buildSnapshot]
  }

  mutating func snapshotBuilt(_ meta: SnapshotMeta, at now: Duration) -> [Command] {
    if let began = buildingSince {
      // A large state is written out again and again otherwise, and does little else.
      nextBuild = now + (now - began) * Self.restAfterBuild
    }
    buildingSince = nil
    if meta.lastLogID.index > state.snapshot?.index ?? 0 { state.snapshot = meta.lastLogID }
    let last = state.snapshot?.index ?? 0
    let keep = min(configuration.logsToKeep, last)
    // The next may be due already: what was applied meanwhile asks for it only here.
    return purge(upTo: last - keep, atLeast: configuration.purgeBatchSize)
      + buildSnapshotIfDue(at: now)
  }

  /// Purges up to `index`, but nothing that no snapshot stands for, and not for fewer entries than
  /// `count`.
  mutating func purge(upTo index: UInt64, atLeast count: UInt64) -> [Command] {
    let index = min(index, state.snapshot?.index ?? 0)
    guard index >= state.log.purgedIndex + count, let last = state.log.id(at: index) else {
      return []
    }
    state.log.purge(upTo: last)
    return [.purge(upTo: last)]
  }

  mutating func handleSnapshotPart(
    from vote: Vote, _ id: RequestID, at now: Duration
  ) -> [Command] {
    guard let commands = follow(vote, at: now) else {
      return [.answerSnapshot(id, .higherVote(state.vote))]
    }
    return commands + [.takeSnapshotPart(id)]
  }

  /// Takes the place of everything up to a snapshot that a leader sent and that is on disk.
  mutating func install(_ meta: SnapshotMeta, _ id: RequestID) -> [Command] {
    let last = meta.lastLogID
    guard last.index > state.committed else { return [.answerSnapshot(id, .installed)] }
    var commands: [Command] = []
    if last.index <= state.log.lastIndex, !state.log.contains(last) {
      // Another entry stands there: nothing that is not committed can be trusted.
      commands += truncate(from: state.committed + 1)
    }
    state.committed = last.index
    state.snapshot = last
    state.log.purge(upTo: last)
    // What stood in the log before the snapshot's end is gone with it, committed or not.
    let later = state.memberships.all.filter { ($0.logID?.index ?? 0) > last.index }
    state.memberships = MembershipLog(meta.membership, later)
    return commands + [.purge(upTo: last), .installSnapshot(meta, id)]
  }
}
