// The core's two channels, with the signal that wakes it, and what it publishes.

import DequeModule
import Synchronization

/// How new the state must be that a query is answered from.
public enum ReadConsistency: Sendable {
  /// At least as new as all that was acknowledged before: a quorum confirms it each time.
  case linearizable
  /// The same, but vouched for by clocks where a lease holds: no message is sent then. Wrong if
  /// clocks drift apart by more than `Configuration.clockDrift` within a lease.
  case lease
  /// Whatever this node has applied, leader or not.
  case stale
}

/// What can be asked of a node out of turn.
public enum Trigger: Equatable, Sendable {
  /// Ask for votes, whether a leader is known or not.
  case election
  /// Send a heartbeat, if this node leads.
  case heartbeat
  /// Build a snapshot, unless nothing was applied since the last.
  case snapshot
  /// Forget the log up to this index, as far as a snapshot stands for it.
  case purge(upTo: UInt64)
}

/// What users and peers send: the API channel.
enum CoreRequest: Sendable {
  case write([UInt8], Reply<[UInt8]>)
  case read([UInt8], ReadConsistency, Reply<[UInt8]>)
  case vote(VoteRequest, Reply<VoteResponse>)
  case append(AppendRequest, Reply<AppendResponse>)
  case snapshot(SnapshotRequest, Reply<SnapshotResponse>)
  case transferTo(TransferRequest)
  case initialize(Membership, Reply<Void>)
  case change(MembershipChange, retain: Bool, Reply<StoredMembership>)
  case handOver(to: NodeID?, Reply<NodeID>)
  case trigger(Trigger)
  case `switch`(Switches)
  case inspect(@Sendable (Metrics, Switches) -> Void)
  case stop

  /// Whether an application sent it, in whatever number, and not a peer or an administrator.
  var isOfClient: Bool {
    switch self {
    case .write, .read: true
    case .vote, .append, .snapshot, .transferTo, .initialize, .change, .handOver, .trigger, .switch,
      .inspect, .stop:
      false
    }
  }

  /// Answers whoever sent it that it was not carried out.
  func refuse(_ error: RaftError) {
    switch self {
    case .write(_, let reply), .read(_, _, let reply): reply(.failure(error))
    case .vote(_, let reply): reply(.failure(error))
    case .append(_, let reply): reply(.failure(error))
    case .snapshot(_, let reply): reply(.failure(error))
    case .initialize(_, let reply): reply(.failure(error))
    case .change(_, _, let reply): reply(.failure(error))
    case .handOver(_, let reply): reply(.failure(error))
    case .transferTo, .trigger, .switch, .inspect, .stop: break
    }
  }
}

/// What the node's own tasks report.
enum Notification: Sendable {
  case tick
  case durable(WriteNumber)
  case applied(upTo: UInt64)
  case voteAnswered(VoteResponse, from: NodeID, to: VoteRequest)
  case acknowledged(Acknowledgment)
  case higherVoteSeen(Vote)
  case logReverted(NodeID, ReplicationSession)
  case snapshotBuilt(SnapshotMeta)
  case snapshotReceived(SnapshotMeta, RequestID)
  case snapshotAnswered(RequestID, SnapshotResponse)
  case childFailed(String)
}

/// Where messages for the core wait.
final class CoreInbox: Sendable {
  /// The node's living tasks by name, in the order they began.
  let tasks = TaskList()
  let board: MetricsBoard
  private let signal = Signal()
  private let requests: Channel<CoreRequest>
  /// So much room clients leave: a node that they overwhelm must still follow its leader.
  private static let reserve = 4096
  private let notifications: Channel<Notification>

  init(id: NodeID, capacity: Int) {
    requests = Channel(capacity: capacity, signal: signal)
    // The node's own tasks have at most a few notifications each under way, of which none may be
    // lost.
    notifications = Channel(capacity: .max, signal: signal)
    board = MetricsBoard(Metrics(id: id))
  }

  /// Adds a request; returns why it was refused, if it was.
  func send(_ request: CoreRequest) -> RaftError? {
    if requests.send(request, reserve: request.isOfClient ? 0 : Self.reserve) { return nil }
    return requests.isClosed ? end : .overloaded
  }

  /// What is said to those who ask a node that is ending.
  var end: RaftError { board.failure.map { .failed($0) } ?? .stopped }

  func notify(_ notification: Notification) { notifications.send(notification) }

  /// Everything that waits, the node's own notifications apart: they go first.
  func drain() -> (notifications: Deque<Notification>, requests: Deque<CoreRequest>) {
    (notifications.drain(), requests.drain())
  }

  func wait() async { await signal.waitUnlessCancelled() }

  /// One of the core's children failed: the core ends with it.
  func fail(_ error: any Error) { notifications.send(.childFailed("\(error)")) }

  /// Refuses all further requests, and those that wait.
  func close() {
    requests.close()
    notifications.close()
    for request in requests.drain() { request.refuse(end) }
  }
}

/// Where the core puts its metrics up, and others watch.
final class MetricsBoard: Sendable {
  private struct Watcher {
    let number: UInt64
    var continuation: AsyncStream<Metrics>.Continuation
    /// Whether only a change of role, term or leader is worth waking for.
    var isForLeadership: Bool
  }

  private struct State {
    var current: Metrics
    /// In the order in which they came, and are told: an order by chance would make the same simulated
    /// world another one each time.
    var watchers: [Watcher] = []
    var count: UInt64 = 0
    var isClosed = false
    /// Why the node is ending, if something broke.
    var failure: String?
    var observer: (@Sendable (StepReport) -> Void)?
  }

  private let state: Mutex<State>

  /// Who wants to be told of every step; nil outside simulations.
  var observer: (@Sendable (StepReport) -> Void)? { state.withLock { $0.observer } }

  func observe(_ observer: @escaping @Sendable (StepReport) -> Void) {
    state.withLock { $0.observer = observer }
  }

  init(_ metrics: Metrics) { state = Mutex(State(current: metrics)) }

  var current: Metrics { state.withLock { $0.current } }
  var failure: String? { state.withLock { $0.failure } }

  /// Something broke, and the node ends. What broke first counts.
  func fail(_ reason: String) { state.withLock { $0.failure = $0.failure ?? reason } }

  func publish(_ metrics: Metrics) {
    state.withLock { state in
      guard state.current != metrics else { return }
      let isNewLeadership =
        (metrics.role, metrics.term, metrics.leader)
        != (state.current.role, state.current.term, state.current.leader)
      state.current = metrics
      for watcher in state.watchers where isNewLeadership || !watcher.isForLeadership {
        watcher.continuation.yield(metrics)
      }
    }
  }

  /// No more metrics come: all who watch get to their end.
  func close(_ change: (inout Metrics) -> Void) {
    let watchers = state.withLock { state in
      change(&state.current)
      state.current.failure = state.failure
      state.isClosed = true
      for watcher in state.watchers { watcher.continuation.yield(state.current) }
      defer { state.watchers = [] }
      return state.watchers
    }
    // Not under the lock: what ends takes itself off the list.
    for watcher in watchers { watcher.continuation.finish() }
  }

  /// The metrics as of now, and then each time they change; who is slow gets the newest only.
  func updates(ofLeadershipOnly isForLeadership: Bool) -> AsyncStream<Metrics> {
    let (stream, continuation) = AsyncStream.makeStream(
      of: Metrics.self, bufferingPolicy: .bufferingNewest(1))
    let number: UInt64? = state.withLock { state in
      continuation.yield(state.current)
      guard !state.isClosed else { return nil }
      state.count += 1
      state.watchers.append(
        Watcher(
          number: state.count, continuation: continuation, isForLeadership: isForLeadership))
      return state.count
    }
    guard let number else {
      continuation.finish()
      return stream
    }
    continuation.onTermination = { [self] _ in
      state.withLock { $0.watchers.removeAll { $0.number == number } }
    }
    return stream
  }
}

/// The names of the tasks that live.
final class TaskList: Sendable {
  private let names = Mutex<[String]>([])

  var living: [String] { names.withLock { $0 } }

  /// Runs `body` as the task `name`.
  func run<Result>(
    _ name: String, isolation: isolated (any Actor)? = #isolation,
    _ body: () async throws -> Result
  ) async rethrows -> Result {
    names.withLock { $0.append(name) }
    defer { names.withLock { _ = $0.remove(at: $0.firstIndex(of: name)!) } }
    return try await body()
  }
}
