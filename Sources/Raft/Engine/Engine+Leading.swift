// Leading: proposing, committing, handing over, and stepping down when nobody follows.

extension Engine {
  mutating func startLeading(at now: Duration) -> [Command] {
    state.vote.committed = true
    leader = id
    let blank = LogID(term: state.vote.term, index: state.log.lastIndex + 1)
    let durable = state.log.lastIndex  // the votes that elected us were written after it
    state.log.append(blank)
    role = .leader(
      Leadership(followers: targets, durable: durable, blank: blank.index, at: now))
    return [
      .saveVote(state.vote), .append([Entry(id: blank, payload: .blank)]),
      .rebuildReplication(session), .replicate,
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

  mutating func handleAcknowledgment(_ report: Acknowledgment, at now: Duration) -> [Command] {
    // An answer to what was sent under another vote, or to a node that was removed and added again
    // since, says nothing about this leadership.
    guard report.session == session, var leadership,
      var progress = leadership.followers[report.by]
    else { return [] }
    progress.heardAt = max(progress.heardAt ?? report.sentAt, report.sentAt)
    progress.round = max(progress.round, report.round)
    if let matched = report.matched, matched <= state.log.lastIndex {
      progress.matched = max(progress.matched, matched)
    }
    leadership.followers[report.by] = progress
    role = .leader(leadership)
    return advanceCommit(at: now) + serveConfirmedReads() + handOver()
  }

  /// Commits what a quorum holds, if the last of it is of the own term: an entry of an earlier term
  /// on a majority of disks can still be overwritten (thesis §3.6.2, figure 3.7).
  mutating func advanceCommit(at now: Duration) -> [Command] {
    guard let leadership else { return [] }
    let reached = membership.reachedByQuorum { node in
      node == id ? leadership.durable : leadership.followers[node]!.matched
    }
    guard reached > state.committed, state.log.id(at: reached)?.term == state.vote.term
    else { return [] }
    let commands = commit(upTo: reached) + confirmReadsThatWaitedForBlank()
    // A leader that is no voter any more leads until that is committed (thesis §4.2.2).
    let held = state.memberships.effective
    guard !membership.isVoter(id), held.logID?.index ?? 0 <= reached else {
      return commands + finishChange()
    }
    resetElectionDeadline(at: now)
    return commands + becomeFollower(of: nil)
  }

  mutating func tickLeader(_ leadership: Leadership, at now: Duration) -> [Command] {
    // Clients of a leader that nobody follows must learn of it (check-quorum, thesis §6.2).
    let heardAt = max(heardByQuorum(leadership, at: now) ?? leadership.since, leadership.since)
    if now - heardAt > configuration.electionTimeout.upperBound {
      resetElectionDeadline(at: now)
      return becomeFollower(of: nil)
    }
    var leadership = leadership
    if let transfer = leadership.transfer, now >= transfer.deadline { leadership.transfer = nil }
    let isDue =
      switches.heartbeat && now - leadership.lastHeartbeat >= configuration.heartbeatInterval
    if isDue { leadership.lastHeartbeat = now }
    role = .leader(leadership)
    // Here too, for a hand-over may have kept it waiting.
    return (isDue ? [.heartbeat] : []) + finishChange()
  }

  /// Since when a quorum is known to have followed this leader; nil when it never answered.
  func heardByQuorum(_ leadership: Leadership, at now: Duration) -> Duration? {
    let never = Duration.seconds(Int64.min / 4)
    let heardAt = membership.reachedByQuorum { node in
      node == id ? now : leadership.followers[node]!.heardAt ?? never
    }
    return heardAt == never ? nil : heardAt
  }
}

/// Why a leader cannot hand over to a node.
public enum TransferFault: Error, Equatable, Sendable {
  /// It does not vote.
  case notVoter(NodeID)
  /// It lacks too many entries: the cluster would stand still until it has them.
  case lagging(NodeID, behind: UInt64)
  /// It did not take over in time; this node goes on leading.
  case failed(NodeID)
}

// Leadership transfer (thesis §3.10).
extension Engine {
  /// Why `target` cannot take over; nil when it can.
  func transferFault(to target: NodeID) -> TransferFault? {
    guard membership.isVoter(target) else { return .notVoter(target) }
    guard let leadership, target != id else { return nil }
    let matched = leadership.followers[target]!.matched
    let behind = state.log.lastIndex - matched
    return behind > configuration.replicationLagThreshold ? .lagging(target, behind: behind) : nil
  }

  /// Stops taking proposals, and hands over as soon as `target` holds the whole log.
  mutating func transfer(to target: NodeID, at now: Duration) -> [Command] {
    guard var leadership, target != id, transferFault(to: target) == nil else { return [] }
    leadership.transfer = Leadership.Transfer(
      target: target, deadline: now + configuration.electionTimeout.upperBound)
    role = .leader(leadership)
    return [.heartbeat] + handOver()
  }

  mutating func handOver() -> [Command] {
    guard var leadership, var transfer = leadership.transfer, !transfer.wasSent,
      leadership.followers[transfer.target]?.matched == state.log.lastIndex
    else { return [] }
    transfer.wasSent = true
    leadership.transfer = transfer
    leadership.hasGivenUpLease = true
    role = .leader(leadership)
    let request = TransferRequest(vote: state.vote, lastLogID: state.log.last)
    return [.requestTransfer(request, to: transfer.target)]
  }

  /// Whether proposals have to wait for somebody else.
  var isHandingOver: Bool { leadership?.transfer != nil }
}
