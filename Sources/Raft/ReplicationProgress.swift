// How far one follower is: where to send from, what is under way, and what it has been told.

/// What replication to one node does next. Pure: no clock, no network.
struct ReplicationProgress: Equatable, Sendable {
  /// How requests are sent.
  enum Mode: Equatable, Sendable {
    /// One at a time, until the follower's log and ours are known to meet.
    case probing
    /// One after the other without waiting for answers.
    case streaming
    /// The log does not reach back far enough: a snapshot goes first.
    case snapshot
  }

  private(set) var mode = Mode.probing
  /// The next index to send.
  private(set) var next: UInt64
  /// All up to here is durable on the follower.
  private(set) var matched: UInt64
  /// Counts the times that sending began anew: an answer of before says nothing of where to go on.
  private(set) var epoch: UInt64 = 0
  private(set) var inFlight = 0
  private var round: UInt64 = 0
  /// Whether the last answer came so soon that waiting for the next costs next to nothing.
  private var isNear = false
  /// After a failure nothing is sent before the next heartbeat.
  private var isWaiting = false
  private let maxInFlight: Int

  /// An answer within this time comes from a near follower, disk and all. What adds up meanwhile goes
  /// out in one request then: half as many requests, wake-ups and syncs serve as many entries, and on
  /// a busy machine those are what an entry costs.
  static let near = Duration.milliseconds(2)

  /// Begins where a follower is known to be, or else at the end of a log whose last entry, the
  /// leader's blank one, was just written.
  init(matched: UInt64, last: UInt64, maxInFlight: Int) {
    self.matched = matched
    next = matched > 0 ? matched + 1 : max(last, 1)
    self.maxInFlight = maxInFlight
  }

  /// Whether there is something to send. The commit index alone is not: it rides on the next request,
  /// a heartbeat at the latest.
  func isDue(_ wanted: ReplicationUpdate) -> Bool {
    if wanted.isHeartbeat { return true }
    if isWaiting { return false }
    let isNew = next <= wanted.last || round < wanted.round
    switch mode {
    case .probing: return inFlight == 0
    case .streaming: return isNew && inFlight < (isNear ? 1 : maxInFlight)
    case .snapshot: return false
    }
  }

  /// A request with `count` entries from `next` on goes out.
  mutating func sent(count: Int, _ wanted: ReplicationUpdate) {
    inFlight += 1
    guard mode == .streaming else { return }
    next += UInt64(count)
    round = wanted.round
  }

  /// A request of `epoch` was answered after `time`: all up to `matched` is there.
  mutating func succeed(matched: UInt64, epoch: UInt64, after time: Duration) {
    guard answered(epoch) else { return }
    isNear = time < Self.near
    self.matched = max(self.matched, matched)
    if mode == .snapshot { return }
    mode = .streaming
    isWaiting = false
    next = max(next, matched + 1)
  }

  /// Goes back to where the follower says, at least one entry each time: so probing ends.
  ///
  /// - Returns: false when the follower lacks what it had acknowledged: it lost its disk.
  mutating func conflict(previous: UInt64, retryAfter: UInt64, epoch: UInt64) -> Bool {
    guard answered(epoch), mode != .snapshot else { return true }
    guard previous > matched else { return false }
    restart(at: max(min(retryAfter, previous - 1), matched) + 1)
    isWaiting = false
    return true
  }

  /// No answer to a request of `epoch` came, or a useless one.
  mutating func fail(epoch: UInt64) {
    guard answered(epoch) else { return }
    if mode != .snapshot { restart(at: matched > 0 ? matched + 1 : next) }
    isWaiting = true
  }

  /// A snapshot has to go first.
  mutating func needsSnapshot() {
    restart(at: next)
    mode = .snapshot
  }

  /// The follower holds the snapshot that ends at `index`.
  mutating func installed(upTo index: UInt64) {
    matched = max(matched, index)
    restart(at: matched + 1)
    isWaiting = false
  }

  private mutating func restart(at index: UInt64) {
    epoch += 1
    inFlight = 0
    mode = .probing
    next = index
    round = 0
  }

  private mutating func answered(_ epoch: UInt64) -> Bool {
    guard epoch == self.epoch else { return false }
    inFlight -= 1
    return true
  }
}
