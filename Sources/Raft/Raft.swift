// The handle that an application holds: it sends requests into the core and awaits the replies.

/// Why a request was not carried out.
public enum RaftError: Error, Equatable, Sendable {
  /// This node does not lead. The request was never proposed; ask `leader`, if one is known.
  case notLeader(leader: NodeID?)
  /// The request was proposed, and whether it will ever be committed is not known.
  case indoubt
  /// Too many requests wait. The request was never proposed.
  case overloaded
  /// The node is stopping. The request was never proposed.
  case stopped
}

/// How a node stands, for people and for metrics.
public struct Status: Equatable, Sendable {
  /// This node.
  public var id: NodeID
  /// `follower`, `pre-candidate`, `candidate` or `leader`.
  public var role: String
  /// The current term.
  public var term: UInt64
  /// The leader it knows of.
  public var leader: NodeID?
  /// The last index of the log.
  public var lastLogIndex: UInt64
  /// The last index known to be committed.
  public var committed: UInt64
  /// The last index given to the state machine and applied.
  public var applied: UInt64
  /// The cluster's voters.
  public var voters: [NodeID]
}

/// A node of a Raft cluster.
///
///     let raft = Raft(configuration, storage: log, network: peers, clock: .continuous, random: …)
///     try await withThrowingTaskGroup { group in
///       group.addTask { try await raft.run(machine) }  // until cancelled, or until the disk fails
///       let reply = try await raft.write(command)
///     }
public final class Raft: Sendable {
  let core: RaftCore
  private let inbox: CoreInbox

  /// A node that does nothing until `run` is called.
  ///
  /// - Precondition: `configuration.fault` is nil.
  public init<C: Clock>(
    _ configuration: Configuration, storage: any LogStorage, network: any Network, clock: C,
    random: any RandomNumberGenerator & Sendable
  ) where C.Duration == Duration {
    precondition(configuration.fault == nil, configuration.fault!)
    inbox = CoreInbox(capacity: configuration.maxWaitingRequests)
    core = RaftCore(
      configuration: configuration, storage: storage, network: network,
      time: NodeTime(clock), random: random, inbox: inbox)
  }

  /// Runs the node's tasks until the surrounding task is cancelled. Call it once.
  ///
  /// - Throws: the storage's error when the disk fails: the node must not go on then.
  public func run(_ machine: some StateMachine) async throws {
    try await core.run(machine)
  }

  /// Replicates `command`, applies it, and returns the state machine's reply.
  public func write(_ command: [UInt8]) async throws(RaftError) -> [UInt8] {
    try await request { .write(command, $0) }
  }

  /// Answers `query` linearizably: from a state at least as new as all that was acknowledged
  /// before the call (read-index, thesis §6.4). One round to a quorum, no write.
  public func read(_ query: [UInt8]) async throws(RaftError) -> [UInt8] {
    try await request { .read(query, $0) }
  }

  /// Handles a candidate's request.
  public func handle(_ request: VoteRequest) async throws(RaftError) -> VoteResponse {
    try await self.request { .vote(request, $0) }
  }

  /// Handles a leader's request.
  public func handle(_ request: AppendRequest) async throws(RaftError) -> AppendResponse {
    try await self.request { .append(request, $0) }
  }

  /// How the node stands, as of the core's last step.
  public var status: Status { inbox.status }

  private func request<Answer: Sendable>(
    _ message: (@escaping Reply<Answer>) -> CoreRequest
  ) async throws(RaftError) -> Answer {
    let result: Result<Answer, RaftError> = await withCheckedContinuation { continuation in
      if let refusal = inbox.send(message { continuation.resume(returning: $0) }) {
        continuation.resume(returning: .failure(refusal))
      }
    }
    return try result.get()
  }
}

/// Resumes whoever asked. Called exactly once.
typealias Reply<Answer> = @Sendable (Result<Answer, RaftError>) -> Void

/// Tells the engine what time it is, on whatever clock the node runs by.
struct NodeTime: Sendable {
  /// Time since the node was made.
  let now: @Sendable () -> Duration
  /// Waits; throws when cancelled.
  let sleep: @Sendable (Duration) async throws -> Void

  init<C: Clock>(_ clock: C) where C.Duration == Duration {
    let start = clock.now
    now = { start.duration(to: clock.now) }
    sleep = { try await clock.sleep(for: $0) }
  }
}
