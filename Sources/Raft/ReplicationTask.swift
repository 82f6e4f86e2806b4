// A replication task: brings one follower's or learner's log to the leader's, and keeps it there.
// It reads the log and snapshots, and writes nothing.

/// What the core tells a replication task.
struct ReplicationUpdate: Sendable {
  /// The end of the leader's log.
  var last: UInt64
  /// The leader's commit index.
  var committed: UInt64
  /// The latest round that reads wait for.
  var round: UInt64
  /// Whether to send even if there is nothing new.
  var isHeartbeat: Bool
}

/// What a replication task waits for.
enum ReplicationMessage: Sendable {
  case update(ReplicationUpdate)
  case appended(AppendResponse?, to: SentAppend)
  case snapshotTaken(SnapshotResponse?, round: UInt64, sentAt: Duration)
}

/// What the answer to a request has to be read with.
struct SentAppend: Sendable {
  var previous: UInt64
  var count: UInt64
  var round: UInt64
  var sentAt: Duration
  var epoch: UInt64
}

/// What all replication tasks of a node work with.
struct ReplicationTools: Sendable {
  let log: any LogStorage
  let snapshots: any SnapshotStorage
  let network: any Network
  let inbox: CoreInbox
  let time: NodeTime
  let configuration: Configuration
}

/// One follower or learner, from the start of a session to its end.
struct ReplicationTask: Sendable {
  let target: NodeID
  let session: ReplicationSession
  let messages: Channel<ReplicationMessage>
  private let signal: Signal
  private let tools: ReplicationTools

  init(target: NodeID, session: ReplicationSession, tools: ReplicationTools) {
    self.target = target
    self.session = session
    self.tools = tools
    signal = Signal()
    // The core sends one update a step; while a request hangs they add up and are merged then.
    messages = Channel(capacity: .max, signal: signal)
  }

  /// Replicates until its channel is closed. Answers to what is in flight are dropped then.
  func run(from first: ReplicationUpdate, matched: UInt64) async throws {
    var wanted = first
    var sending: SnapshotSending?
    var progress = ReplicationProgress(
      matched: matched, last: first.last,
      maxInFlight: tools.configuration.maxRequestsInFlight)
    while !messages.isClosed {
      for message in messages.drain() {
        switch message {
        case .update(let update):
          let isHeartbeat = wanted.isHeartbeat || update.isHeartbeat
          wanted = update
          wanted.isHeartbeat = isHeartbeat
        case .appended(let response, let sent): heard(response, to: sent, &progress)
        case .snapshotTaken(let response, let round, let sentAt):
          heard(response, round: round, sentAt: sentAt, &sending, &progress)
        }
      }
      if progress.mode == .snapshot {
        try await continueSnapshot(&sending, &progress, wanted)
      }
      while progress.isDue(wanted), send(&progress, &wanted) {}
      await signal.wait()
    }
  }

  /// Sends the next request; false when there is none to send.
  private func send(_ progress: inout ReplicationProgress, _ wanted: inout ReplicationUpdate)
    -> Bool
  {
    let purged = tools.log.purged?.index ?? 0
    if progress.mode != .snapshot, progress.next <= purged {
      progress.needsSnapshot()
      signal.raise()
      return false
    }
    // While a snapshot is on its way, heartbeats name our last entry: that the follower lacks it
    // we know, and that it follows us is all we want to hear.
    let isSnapshot = progress.mode == .snapshot
    let next = isSnapshot ? wanted.last + 1 : progress.next
    let previous = next == 1 ? nil : tools.log.id(at: next - 1)
    guard next == 1 || previous != nil else { return false }
    let entries =
      next <= wanted.last
      ? tools.log.entries(
        in: next...wanted.last, maxBytes: tools.configuration.maxRequestBytes) : []
    // The log may have been cut under a leadership that is already over.
    guard (entries.last?.id ?? previous)?.term ?? 0 <= session.vote.term else { return false }
    let request = AppendRequest(
      vote: session.vote, previous: previous, entries: entries, committed: wanted.committed)
    let sent = SentAppend(
      previous: next - 1, count: UInt64(entries.count), round: wanted.round,
      sentAt: tools.time.now(), epoch: progress.epoch)
    progress.sent(count: entries.count, wanted)
    wanted.isHeartbeat = false
    tools.network.append(request, to: target) { [messages] response in
      messages.send(.appended(response, to: sent))
    }
    return true
  }

  private func heard(
    _ response: AppendResponse?, to sent: SentAppend, _ progress: inout ReplicationProgress
  ) {
    switch response {
    case .success:
      // What was acknowledged is what was sent, whatever the follower calls it.
      let matched = sent.previous + sent.count
      progress.succeed(
        matched: matched, epoch: sent.epoch, after: tools.time.now() - sent.sentAt)
      acknowledge(matched: matched, round: sent.round, sentAt: sent.sentAt)
    case .conflict(let retryAfter):
      let isSound = progress.conflict(
        previous: sent.previous, retryAfter: retryAfter, epoch: sent.epoch)
      if !isSound { tools.inbox.notify(.logReverted(target, session)) }
      acknowledge(matched: nil, round: sent.round, sentAt: sent.sentAt)
    case .higherVote(let vote):
      progress.fail(epoch: sent.epoch)
      tools.inbox.notify(.higherVoteSeen(vote))
    case nil:
      // Unreachable, or too slow. The next heartbeat sets the pace of trying again.
      progress.fail(epoch: sent.epoch)
    }
  }

  private func acknowledge(matched: UInt64?, round: UInt64, sentAt: Duration) {
    tools.inbox.notify(
      .acknowledged(
        Acknowledgment(
          by: target, session: session, matched: matched, round: round, sentAt: sentAt)))
  }
}

/// A snapshot on its way: one part at a time, from wherever the follower says.
private struct SnapshotSending {
  let reader: any SnapshotReader
  var offset: UInt64 = 0
  var isInFlight = false
  /// The part before was not answered: the next heartbeat sets the pace of trying again.
  var isWaiting = false
}

extension ReplicationTask {
  private func continueSnapshot(
    _ sending: inout SnapshotSending?, _ progress: inout ReplicationProgress,
    _ wanted: ReplicationUpdate
  ) async throws {
    if sending == nil {
      guard let reader = try await tools.snapshots.reader() else { return }
      sending = SnapshotSending(reader: reader)
    }
    guard var current = sending, !current.isInFlight, !current.isWaiting || wanted.isHeartbeat
    else { return }
    let count = tools.configuration.snapshotChunkBytes
    let bytes = try await current.reader.bytes(at: current.offset, count: count)
    let round = wanted.round
    let sentAt = tools.time.now()
    let request = SnapshotRequest(
      vote: session.vote, meta: current.reader.meta, offset: current.offset, bytes: bytes,
      isLast: current.offset + UInt64(bytes.count) >= current.reader.size)
    current.isInFlight = true
    current.isWaiting = false
    sending = current
    tools.network.sendSnapshot(request, to: target) { [messages] response in
      messages.send(.snapshotTaken(response, round: round, sentAt: sentAt))
    }
  }

  private func heard(
    _ response: SnapshotResponse?, round: UInt64, sentAt: Duration,
    _ sending: inout SnapshotSending?, _ progress: inout ReplicationProgress
  ) {
    guard var current = sending else { return }
    current.isInFlight = false
    switch response {
    case .received(let offset):
      current.offset = min(offset, current.reader.size)
      acknowledge(matched: nil, round: round, sentAt: sentAt)
    case .installed:
      let index = current.reader.meta.lastLogID.index
      sending = nil
      progress.installed(upTo: index)
      acknowledge(matched: index, round: round, sentAt: sentAt)
      return
    case .higherVote(let vote):
      current.isWaiting = true
      tools.inbox.notify(.higherVoteSeen(vote))
    case nil: current.isWaiting = true
    }
    sending = current
  }
}
