// One worker's client: a register's calls as Redis commands, and what each answer proves.

import History
import NIOCore
import RedisProtocol
import Systems

/// What a call came to.
public struct Completion: Equatable, Sendable {
  /// `ok`; `fail` only on proof that nothing happened; else `info`.
  public var type: EventType
  /// The result.
  public var value: Value
  /// The node that answered, or was asked last.
  public var node: String?
  /// Why it did not end well.
  public var error: String?
  /// What a failed compare-and-set saw.
  public var observed: Value?

  /// A completion.
  public init(
    _ type: EventType, _ value: Value = .absent, node: String? = nil, error: String? = nil,
    observed: Value? = nil
  ) {
    self.type = type
    self.value = value
    self.node = node
    self.error = error
    self.observed = observed
  }
}

/// A client of one worker, on one connection at a time.
///
/// It sends a request once. Only when the answer proves that it was never proposed (`MOVED`,
/// `CLUSTERDOWN`, `TRYAGAIN`, no connection) does a client that follows the leader ask elsewhere:
/// retries of anything else are the classic source of false alarms.
public struct RegisterClient: Sendable {
  /// Which node a client asks.
  public enum Placement: Equatable, Sendable {
    /// Its own, always: so somebody asks the deposed leader.
    case pinned(Int)
    /// Whichever leads, beginning with its own.
    case followsLeader(Int)
  }

  private let endpoints: [Endpoint]
  private let placement: Placement
  private let timeout: Duration
  private let reads: RegisterLoad.Reads
  private let group: any EventLoopGroup
  private var target: Int
  private var connection: RedisConnection?

  /// A client without a connection.
  public init(
    endpoints: [Endpoint], placement: Placement, timeout: Duration,
    reads: RegisterLoad.Reads = .linearizable, group: any EventLoopGroup
  ) {
    self.endpoints = endpoints
    self.placement = placement
    self.timeout = timeout
    self.reads = reads
    self.group = group
    switch placement {
    case .pinned(let node), .followsLeader(let node): target = node
    }
  }

  /// The node that the next call goes to first.
  public var node: String { endpoints[target].node }

  /// The same client, which from now on asks whoever leads.
  public func followingLeader() -> RegisterClient {
    connection?.close()
    return RegisterClient(
      endpoints: endpoints, placement: .followsLeader(target), timeout: timeout,
      reads: reads, group: group)
  }

  /// Makes `node` the one that the next call goes to first.
  public mutating func turn(to node: Int) {
    guard node != target else { return }
    disconnect()
    target = node
  }

  /// Drops the connection; the next call makes a new one.
  public mutating func disconnect() {
    connection?.close()
    connection = nil
  }

  /// Makes the connection that the next call would, so that the call itself is all that is timed.
  public mutating func prepare() async {
    guard connection?.isOpen != true else { return }
    connection = try? await connect(deadline: timeout)  // the call will try again, and say why
  }

  /// Calls. Ends within the time-out, give or take scheduling.
  public mutating func call(_ invocation: Invocation) async -> Completion {
    let deadline = ContinuousClock.now + timeout
    let request = Self.request(for: invocation)
    var refusal = ""
    while true {
      let left = ContinuousClock.now.duration(to: deadline)
      guard left > .zero else { return Completion(.fail, node: node, error: refusal) }
      let asked = node
      do throws(RedisConnectionError) {
        let reply = try await send(request, deadline: left)
        guard let moved = Self.refusal(reply) else {
          return Self.completion(of: invocation, reply: reply, node: asked)
        }
        refusal = moved
        guard await follow(moved) else {
          return Completion(.fail, node: asked, error: refusal)
        }
      } catch {
        disconnect()
        if !error.provesNotSent {
          // A read that got no answer changed nothing, so it certainly did not happen.
          let type: EventType = invocation.function == .read ? .fail : .info
          return Completion(type, node: asked, error: "\(error)")
        }
        refusal = "\(error)"
        guard await follow(nil) else { return Completion(.fail, node: asked, error: refusal) }
      }
    }
  }

  private mutating func send(
    _ request: RESPValue, deadline: Duration
  ) async throws(RedisConnectionError) -> RESPValue {
    if let connection, connection.isOpen {
      return try await connection.send(request, deadline: deadline)
    }
    let new = try await connect(deadline: min(deadline, .milliseconds(300)))
    connection = new
    return try await new.send(request, deadline: deadline)
  }

  private func connect(deadline: Duration) async throws(RedisConnectionError) -> RedisConnection {
    let connection = try await RedisConnection.connect(
      host: endpoints[target].host, port: endpoints[target].port, deadline: deadline,
      group: group)
    if reads == .lease { try await askForLease(connection, deadline) }
    return connection
  }

  /// Reads of this connection are to be vouched for by the lease; one that cannot do that is none.
  private func askForLease(
    _ connection: RedisConnection, _ deadline: Duration
  ) async throws(RedisConnectionError) {
    let reason: String
    do throws(RedisConnectionError) {
      let reply = try await connection.send(.command("RAFT.READS", "LEASE"), deadline: deadline)
      if reply == .ok { return }
      reason = "it does not read by a lease: \(reply)"
    } catch {
      reason = "\(error)"
    }
    connection.close()
    // Nothing of the call itself was sent.
    throw .unreachable(reason)
  }

  /// Turns to the node that `refusal` names, or to the next; false for a client that stays.
  private mutating func follow(_ refusal: String?) async -> Bool {
    guard case .followsLeader = placement, !Task.isCancelled else { return false }
    disconnect()
    let address = refusal?.split(separator: " ").dropFirst(2).first.map(String.init)
    if let leader = endpoints.firstIndex(where: { "\($0.host):\($0.port)" == address }) {
      target = leader
    } else {
      target = (target + 1) % endpoints.count
      // Nobody leads at the moment, or this node is down: do not hammer the others.
      try? await Task.sleep(for: .milliseconds(10))  // cut short by cancellation: one more try
    }
    return true
  }

  /// The reply's text when it proves that nothing was proposed.
  private static func refusal(_ reply: RESPValue) -> String? {
    guard case .error(let text) = reply else { return nil }
    let refusals = ["MOVED ", "CLUSTERDOWN ", "TRYAGAIN ", "LOADING ", "READONLY ", "MASTERDOWN "]
    return refusals.contains { text.hasPrefix($0) } ? text : nil
  }

  static func request(for invocation: Invocation) -> RESPValue {
    switch invocation.function {
    case .read: return .command("GET", invocation.key)
    case .write: return .command("SET", invocation.key, text(invocation.argument))
    case .cas:
      guard let (old, new) = invocation.argument.pair else {
        preconditionFailure("a compare-and-set of \(invocation.argument)")
      }
      if old == .absent { return .command("SET", invocation.key, text(new), "NX", "GET") }
      return .command("SET", invocation.key, text(new), "IFEQ", text(old), "GET")
    }
  }

  static func completion(
    of invocation: Invocation, reply: RESPValue, node: String
  ) -> Completion {
    let unknown: EventType = invocation.function == .read ? .fail : .info
    if case .error(let text) = reply {
      // `ERR` is an answer to a malformed command. Anything we do not know proves nothing.
      let proves = text.hasPrefix("ERR ") || text.hasPrefix("OOM ")
      return Completion(proves ? .fail : unknown, node: node, error: text)
    }
    switch invocation.function {
    case .read:
      guard let value = value(reply) else { break }
      return Completion(.ok, value, node: node)
    case .write:
      guard reply == .ok else { break }
      return Completion(.ok, invocation.argument, node: node)
    case .cas:
      // With GET the reply is the value before: it was a swap exactly when that is the old one.
      guard let before = value(reply), let (old, _) = invocation.argument.pair else { break }
      if before == old { return Completion(.ok, invocation.argument, node: node) }
      return Completion(
        .fail, invocation.argument, node: node, error: "it held \(before)", observed: before)
    }
    return Completion(unknown, node: node, error: "an unexpected answer: \(reply)")
  }

  private static func text(_ value: Value) -> String {
    switch value {
    case .integer(let number): "\(number)"
    case .absent, .boolean, .text, .list: preconditionFailure("values are numbers, not \(value)")
    }
  }

  /// The value that a bulk holds. What no write of ours can have left is kept as text: the
  /// checker will say that nobody wrote it.
  private static func value(_ reply: RESPValue) -> Value? {
    switch reply {
    case .null: return .absent
    case .bulk(let bytes):
      let text = String(decoding: bytes, as: UTF8.self)
      return Int64(text).map { .integer($0) } ?? .text(text)
    case .simple, .error, .integer, .array: return nil
    }
  }
}
