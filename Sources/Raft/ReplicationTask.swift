// A replication task: brings one follower's log to the leader's, and keeps it there.
// It reads the log and writes nothing.

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

/// One follower, from the start of a leadership to its end.
struct ReplicationTask: Sendable {
  let target: NodeID
  /// The leader's vote: the session that every request and answer belongs to.
  let session: Vote
  let updates: Channel<ReplicationUpdate>
  let signal: Signal
  let storage: any LogStorage
  let network: any Network
  let inbox: CoreInbox
  let time: NodeTime
  let maxRequestBytes: Int

  init(
    target: NodeID, session: Vote, storage: any LogStorage, network: any Network,
    inbox: CoreInbox, time: NodeTime, maxRequestBytes: Int
  ) {
    self.target = target
    self.session = session
    self.storage = storage
    self.network = network
    self.inbox = inbox
    self.time = time
    self.maxRequestBytes = maxRequestBytes
    signal = Signal()
    // The core sends one update a step; while a request hangs they add up and are merged then.
    updates = Channel(capacity: .max, signal: signal)
  }

  /// Replicates until its channel is closed. A request in flight then ends by its own deadline.
  func run(from first: ReplicationUpdate) async {
    var wanted = first
    var progress = ReplicationProgress(last: first.last)
    while !updates.isClosed, !Task.isCancelled {
      for update in updates.drain() {
        wanted.last = update.last
        wanted.committed = update.committed
        wanted.round = update.round
        wanted.isHeartbeat = wanted.isHeartbeat || update.isHeartbeat
      }
      guard progress.isDue(wanted), let request = request(for: progress, wanted) else {
        await signal.wait()
        continue
      }
      let sentAt = time.now()
      wanted.isHeartbeat = false
      do {
        let response = try await network.append(request, to: target)
        report(response, to: request, round: wanted.round, sentAt: sentAt, in: &progress)
      } catch {
        // Unreachable, or too slow. The next heartbeat sets the pace of trying again.
        progress.fail()
      }
    }
  }

  /// The next request; nil when the log was cut under a leadership that is already over.
  private func request(
    for progress: ReplicationProgress, _ wanted: ReplicationUpdate
  ) -> AppendRequest? {
    let previous = progress.next == 1 ? nil : storage.id(at: progress.next - 1)
    guard progress.next == 1 || previous != nil else { return nil }
    let entries =
      progress.next <= wanted.last
      ? storage.entries(in: progress.next...wanted.last, maxBytes: maxRequestBytes) : []
    guard (entries.last?.id ?? previous)?.term ?? 0 <= session.term else { return nil }
    return AppendRequest(
      vote: session, previous: previous, entries: entries, committed: wanted.committed)
  }

  private func report(
    _ response: AppendResponse, to request: AppendRequest, round: UInt64, sentAt: Duration,
    in progress: inout ReplicationProgress
  ) {
    let previous = request.previous?.index ?? 0
    switch response {
    case .success:
      // What was acknowledged is what was sent, whatever the follower calls it.
      let matched = previous + UInt64(request.entries.count)
      progress.succeed(matched: matched, committed: request.committed, round: round)
      inbox.notify(
        .acknowledged(
          by: target, session: session, matched: matched, round: round, sentAt: sentAt))
    case .conflict(let retryAfter):
      progress.conflict(previous: previous, retryAfter: retryAfter)
      inbox.notify(
        .acknowledged(by: target, session: session, matched: nil, round: round, sentAt: sentAt))
    case .higherVote(let vote):
      progress.fail()
      inbox.notify(.higherVoteSeen(vote))
    }
  }
}

/// How far one follower is: where to send from, and what it has been told.
struct ReplicationProgress: Equatable, Sendable {
  /// The next index to send. Before the first success it is a guess that only goes down.
  private(set) var next: UInt64
  private var committed: UInt64 = 0
  private var round: UInt64 = 0
  /// After a failure nothing is sent before the next heartbeat.
  private var isWaiting = false
  private var isProbing = true

  /// Begins at the end of a log whose last entry, the leader's blank one, was just written.
  init(last: UInt64) {
    next = max(last, 1)
  }

  /// Whether there is something to send.
  func isDue(_ wanted: ReplicationUpdate) -> Bool {
    if wanted.isHeartbeat { return true }
    if isWaiting { return false }
    return isProbing || next <= wanted.last || committed < wanted.committed
      || round < wanted.round
  }

  mutating func succeed(matched: UInt64, committed: UInt64, round: UInt64) {
    next = matched + 1
    self.committed = committed
    self.round = round
    isWaiting = false
    isProbing = false
  }

  /// Goes back to where the follower says, at least one entry each time: so probing ends.
  mutating func conflict(previous: UInt64, retryAfter: UInt64) {
    next = min(retryAfter, previous == 0 ? 0 : previous - 1) + 1
    isWaiting = false
    isProbing = true
  }

  mutating func fail() { isWaiting = true }
}
