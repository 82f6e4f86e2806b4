// The handle that an application holds: it sends requests into the core and awaits the replies.

/// Why a request was not carried out.
public enum RaftError: Error, Equatable, Sendable {
  /// This node does not lead. The request was never proposed; ask `leader`, if one is known.
  case notLeader(leader: NodeID?)
  /// The request was proposed, and whether it will ever be committed is not known.
  case indoubt
  /// Too many requests wait. The request was never proposed.
  case overloaded
  /// Leadership is being handed over. The request was never proposed.
  case handingOver
  /// The node is stopping. The request was never proposed.
  case stopped
  /// The node stopped because something broke, and this is what. The request was never proposed.
  case failed(String)
  /// The membership cannot be changed so. The request was never proposed.
  case membership(MembershipError)
  /// Leadership cannot go there.
  case transfer(TransferFault)
  /// What was waited for did not come in time.
  case timedOut
}

/// A node of a Raft cluster.
///
///     let raft = Raft(configuration, log: …, snapshots: …, network: …, clock: .continuous, random: …)
///     try await withThrowingTaskGroup { group in
///       group.addTask { try await raft.run(machine) }  // until cancelled, or until the disk fails
///       let reply = try await raft.write(command)
///     }
public final class Raft: Sendable {
  private let core: RaftCore
  private let inbox: CoreInbox
  private let time: NodeTime
  /// The figures it runs by.
  public let configuration: Configuration

  /// A node that does nothing until `run` is called.
  ///
  /// - Precondition: `configuration.fault` is nil.
  public init<C: Clock>(
    _ configuration: Configuration, log: any LogStorage, snapshots: any SnapshotStorage,
    network: any Network, clock: C, random: any RandomNumberGenerator & Sendable
  ) where C.Duration == Duration {
    precondition(configuration.fault == nil, configuration.fault!)
    inbox = CoreInbox(id: configuration.id, capacity: configuration.maxWaitingRequests)
    time = NodeTime(clock)
    self.configuration = configuration
    core = RaftCore(
      tools: ReplicationTools(
        log: log, snapshots: snapshots, network: network, inbox: inbox, time: time,
        configuration: configuration),
      random: random)
  }

  /// Runs the node's tasks until `stop` is called or the surrounding task is cancelled. Call it
  /// once.
  ///
  /// - Throws: the storage's error when the disk fails: the node must not go on then.
  public func run(_ machine: some StateMachine) async throws {
    try await core.run(machine)
  }

  /// Has `observer` told of every step from now on; for those who see all nodes at once.
  package func observe(_ observer: @escaping @Sendable (StepReport) -> Void) {
    inbox.board.observe(observer)
  }

  /// Replicates `command`, applies it, and returns the state machine's reply.
  public func write(_ command: [UInt8]) async throws(RaftError) -> [UInt8] {
    try await request { .write(command, $0) }
  }

  /// The same without waiting: `reply` is called once, from one of the node's tasks.
  public func write(
    _ command: [UInt8], reply: @escaping @Sendable (Result<[UInt8], RaftError>) -> Void
  ) {
    send(.write(command, reply))
  }

  /// Answers `query`, by default linearizably: from a state at least as new as all that was
  /// acknowledged before the call (read-index, thesis §6.4). One round to a quorum, shared by all
  /// reads that wait; no write.
  public func read(
    _ query: [UInt8], consistency: ReadConsistency = .linearizable
  ) async throws(RaftError) -> [UInt8] {
    try await request { .read(query, consistency, $0) }
  }

  /// The same without waiting: `reply` is called once, from one of the node's tasks.
  public func read(
    _ query: [UInt8], consistency: ReadConsistency = .linearizable,
    reply: @escaping @Sendable (Result<[UInt8], RaftError>) -> Void
  ) {
    send(.read(query, consistency, reply))
  }

  private func send(_ request: CoreRequest) {
    if let refusal = inbox.send(request) { request.refuse(refusal) }
  }

  fileprivate func request<Answer: Sendable>(
    _ message: (@escaping Reply<Answer>) -> CoreRequest
  ) async throws(RaftError) -> Answer {
    let result: Result<Answer, RaftError> = await withCheckedContinuation { continuation in
      send(message { continuation.resume(returning: $0) })
    }
    return try result.get()
  }
}

// What other nodes ask. Each reply is called once, from one of the node's tasks.
extension Raft {
  /// Handles a candidate's request.
  public func handle(
    _ request: VoteRequest, reply: @escaping @Sendable (Result<VoteResponse, RaftError>) -> Void
  ) {
    send(.vote(request, reply))
  }

  /// Handles a leader's request.
  public func handle(
    _ request: AppendRequest,
    reply: @escaping @Sendable (Result<AppendResponse, RaftError>) -> Void
  ) {
    send(.append(request, reply))
  }

  /// Handles a part of a leader's snapshot.
  public func handle(
    _ request: SnapshotRequest,
    reply: @escaping @Sendable (Result<SnapshotResponse, RaftError>) -> Void
  ) {
    send(.snapshot(request, reply))
  }

  /// Handles a leader's wish that this node take over.
  public func handle(_ request: TransferRequest) { send(.transferTo(request)) }
}

// What administrators ask.
extension Raft {
  /// Begins a cluster of `membership`. Every one of its nodes may be told so, if all are told the
  /// same. A node that has a log or a vote refuses: it belongs to a cluster.
  public func initialize(_ membership: Membership) async throws(RaftError) {
    try await request { .initialize(membership, $0) }
  }

  /// Changes the membership, through joint consensus where voters change. A change that a leader
  /// began is finished by itself, under the next leader if need be, which then keeps the removed
  /// voters as learners.
  ///
  /// - Parameter retain: whether removed voters stay as learners.
  /// - Returns: the membership that was committed last.
  /// - Throws: `RaftError.membership` when it cannot be, and nothing was written but new voters as
  ///   learners; `.indoubt` when
  ///   leadership was lost before its end.
  @discardableResult
  public func change(
    _ change: MembershipChange, retain: Bool = false
  ) async throws(RaftError) -> Membership {
    if case .addNewVoters(let new) = change {
      for member in new where !metrics.membership.membership.contains(member.id) {
        try await addLearner(member, isBlocking: true)
      }
    }
    let first: StoredMembership = try await request { .change(change, retain: retain, $0) }
    guard first.membership.isJoint, let joint = first.logID else { return first.membership }
    // The leader takes the second step by itself, this one or the next.
    let end = try? await wait(for: .seconds(86_400)) { metrics in
      metrics.term != joint.term || Self.isOver(joint, metrics) || metrics.role != "leader"
    }
    // Not even that the node has ended says that nothing comes of it.
    guard let end, Self.isOver(joint, end) else { throw .indoubt }
    return end.membership.membership
  }

  /// Whether the change that the entry `joint` began is committed to its end.
  private static func isOver(_ joint: LogID, _ metrics: Metrics) -> Bool {
    guard let held = metrics.membership.logID, held.index > joint.index else { return false }
    // Another one begins only after it.
    return metrics.membership.membership.isJoint || held.index <= metrics.committed
  }

  /// Adds a learner; waits until it is no further behind than a voter may be, if told to.
  ///
  /// - Throws: while waiting, `RaftError.timedOut`; `.indoubt` when leadership was lost, and the next
  ///   leader has the learner; `.membership(.notMember)` when it was removed meanwhile.
  public func addLearner(
    _ member: Member, isBlocking: Bool, timeout: Duration = .seconds(60)
  ) async throws(RaftError) {
    try await change(.addLearners([member]))
    guard isBlocking else { return }
    let threshold = configuration.replicationLagThreshold
    let end = try await wait(for: timeout) { metrics in
      if metrics.role == "stopped" { return false }
      guard metrics.role == "leader", metrics.membership.membership.contains(member.id) else {
        return true
      }
      guard let matched = metrics.replication[member.id] else { return false }
      return matched > 0 && metrics.lastLogIndex - matched <= threshold
    }
    guard end.role == "leader" else { throw .indoubt }
    guard end.membership.membership.contains(member.id) else {
      throw .membership(.notMember(member.id))
    }
  }

  /// Lets `target` lead, or whichever voter is furthest; returns when it does.
  ///
  /// - Throws: `RaftError.transfer` when it cannot, or did not in time: then this node leads on.
  @discardableResult
  public func transferLeadership(to target: NodeID? = nil) async throws(RaftError) -> NodeID {
    try await handOver(to: target, within: configuration.electionTimeout.upperBound * 2)
  }

  private func handOver(
    to target: NodeID?, within patience: Duration
  ) async throws(RaftError) -> NodeID {
    let chosen: NodeID = try await request { .handOver(to: target, $0) }
    do throws(RaftError) {
      try await wait(for: patience) { $0.leader == chosen }
    } catch .timedOut {
      throw .transfer(.failed(chosen))
    }
    return chosen
  }

  /// Does something out of turn.
  public func trigger(_ trigger: Trigger) { send(.trigger(trigger)) }

  /// Switches what the node does of its own accord.
  public func set(_ switches: Switches) { send(.switch(switches)) }

  /// Calls `body` between two steps of the core, with how the node stands then.
  public func withState(_ body: @escaping @Sendable (Metrics, Switches) -> Void) {
    send(.inspect(body))
  }

  /// Ends `run`. Gracefully: a leader hands over first, as far as somebody can take over in the least time after
  /// which an election begins without it.
  public func stop(gracefully: Bool) async {
    if gracefully, metrics.role == "leader" {
      // Who cannot hand over stops all the same. Often nobody is left: all nodes were told to stop at once.
      _ = try? await handOver(to: nil, within: configuration.electionTimeout.lowerBound)
    }
    send(.stop)
  }
}

// How the node stands.
extension Raft {
  /// The metrics, as of the core's last step.
  public var metrics: Metrics { inbox.board.current }

  /// The metrics as of now, and then whenever they change; who is slow gets the newest only.
  public var metricsUpdates: AsyncStream<Metrics> {
    inbox.board.updates(ofLeadershipOnly: false)
  }

  /// The metrics as of now, and then whenever role, term or leader change: for those whom each
  /// entry would wake for nothing.
  public var leadershipUpdates: AsyncStream<Metrics> {
    inbox.board.updates(ofLeadershipOnly: true)
  }

  /// The names of the node's living tasks.
  public var tasks: [String] { inbox.tasks.living.sorted() }

  /// Waits until the metrics are as `isMet` wants them.
  ///
  /// - Throws: `RaftError.timedOut`, and `.stopped` or `.failed` when the node ends before.
  @discardableResult
  public func wait(
    for timeout: Duration, until isMet: @escaping @Sendable (Metrics) -> Bool
  ) async throws(RaftError) -> Metrics {
    let updates = metricsUpdates
    let found = await withTaskGroup(of: Metrics?.self) { [time] group in
      group.addTask {
        for await metrics in updates where isMet(metrics) || metrics.role == "stopped" {
          return metrics
        }
        return nil
      }
      group.addTask {
        try? await time.sleep(timeout)  // cut short when the other is done first
        return nil
      }
      defer { group.cancelAll() }
      return await group.next()!
    }
    guard let found else { throw .timedOut }
    if isMet(found) { return found }
    throw found.failure.map { .failed($0) } ?? .stopped
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
