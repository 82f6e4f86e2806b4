// The core's two channels, with the signal that wakes it, and the status it publishes.

import DequeModule
import Synchronization

/// What users and peers send: the API channel.
enum CoreRequest: Sendable {
  case write([UInt8], Reply<[UInt8]>)
  case read([UInt8], Reply<[UInt8]>)
  case vote(VoteRequest, Reply<VoteResponse>)
  case append(AppendRequest, Reply<AppendResponse>)

  /// Answers whoever sent it that it was not carried out.
  func refuse(_ error: RaftError) {
    switch self {
    case .write(_, let reply), .read(_, let reply): reply(.failure(error))
    case .vote(_, let reply): reply(.failure(error))
    case .append(_, let reply): reply(.failure(error))
    }
  }
}

/// What the node's own tasks report.
enum Notification: Sendable {
  case tick
  case durable(WriteNumber)
  case applied(upTo: UInt64)
  case voteAnswered(VoteResponse, from: NodeID, to: VoteRequest)
  case acknowledged(by: NodeID, session: Vote, matched: UInt64?, round: UInt64, sentAt: Duration)
  case higherVoteSeen(Vote)
}

/// Where messages for the core wait.
final class CoreInbox: Sendable {
  private let signal = Signal()
  private let requests: Channel<CoreRequest>
  private let notifications: Channel<Notification>
  private let published: Mutex<Status>

  init(capacity: Int) {
    requests = Channel(capacity: capacity, signal: signal)
    // The node's own tasks have at most a few notifications each under way, of which none may be
    // lost; the bound only stops a runaway.
    notifications = Channel(capacity: .max, signal: signal)
    published = Mutex(
      Status(
        id: NodeID(0), role: "starting", term: 0, leader: nil, lastLogIndex: 0, committed: 0,
        applied: 0, voters: []))
  }

  /// Adds a request; returns why it was refused, if it was.
  func send(_ request: CoreRequest) -> RaftError? {
    if requests.send(request) { return nil }
    return requests.isClosed ? .stopped : .overloaded
  }

  func notify(_ notification: Notification) { notifications.send(notification) }

  /// Everything that waits, the node's own notifications apart: they go first.
  func drain() -> (notifications: Deque<Notification>, requests: Deque<CoreRequest>) {
    (notifications.drain(), requests.drain())
  }

  func wait() async { await signal.wait() }

  /// Refuses all further requests, and those that wait.
  func close() {
    requests.close()
    notifications.close()
    for request in requests.drain() { request.refuse(.stopped) }
  }

  var status: Status {
    get { published.withLock { $0 } }
    set { published.withLock { $0 = newValue } }
  }
}
