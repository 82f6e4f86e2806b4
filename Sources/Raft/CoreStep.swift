// One step of the core: everything that waited goes through the engine, and what the engine
// commands is carried out. Runs in the core's task alone, and never waits.

import DequeModule

/// Work that the core's task group takes on: a replication task.
typealias Errand = @Sendable () async throws -> Void

struct CoreStep {
  var engine: Engine
  private let tools: ReplicationTools
  private let worker: StateMachineWorker
  private var log: any LogStorage { tools.log }
  private var network: any Network { tools.network }
  private var inbox: CoreInbox { tools.inbox }

  private(set) var now: Duration
  private(set) var isStopping = false
  private var nextRequest: UInt64 = 0
  private var votes: [RequestID: Reply<VoteResponse>] = [:]
  private var appends: [RequestID: Reply<AppendResponse>] = [:]
  private var parts: [RequestID: (request: SnapshotRequest, reply: Reply<SnapshotResponse>)] = [:]
  private var reads: [RequestID: (query: [UInt8], reply: Reply<[UInt8]>)] = [:]
  /// Writes that are in the log and not committed, by index, in order.
  private var writes = Deque<(index: UInt64, size: Int, reply: Reply<[UInt8]>)>()
  private var uncommittedBytes = 0

  private var lastWrite: WriteNumber = 0
  private var durable: WriteNumber = 0
  /// The end of what is on disk.
  private var durableLast: LogID?
  /// What the writes asked for so far leave on disk. Not the engine's state: within one event
  /// that is ahead of its first command already.
  private var writtenVote: Vote
  private var writtenLast: LogID?
  /// What the node will have on disk when a write is durable; in order.
  private var written = Deque<(number: WriteNumber, vote: Vote, lastLogID: LogID?)>()
  /// Commands that wait for all writes asked for before them; in order.
  private var held = Deque<(after: WriteNumber, command: Command)>()

  private var replication: [ReplicationTask] = []
  private var reverted: [NodeID] = []
  private var replicate = false
  private var heartbeat = false
  /// Whether the step did anything that others may want to see.
  private var isNew = false
  private var errands: [(name: String, errand: Errand)] = []
  private var knownMembers: [Member] = []

  init(engine: Engine, tools: ReplicationTools, worker: StateMachineWorker) {
    self.engine = engine
    self.tools = tools
    self.worker = worker
    now = tools.time.now()
    writtenVote = engine.state.vote
    writtenLast = engine.state.log.last
    durableLast = writtenLast
    tellMembers()
    publishMetrics()
  }

  /// Handles what waited: the node's own notifications first, then requests, of which all writes
  /// become one append and all reads one round.
  mutating func take(
    _ notifications: Deque<Notification>, _ requests: Deque<CoreRequest>
  ) {
    now = tools.time.now()
    for notification in notifications { hear(notification) }
    var batch = Batch()
    for request in requests { take(request, &batch) }
    flush(&batch)
  }

  /// Sends the replication tasks what is new, publishes the metrics, hands over new errands.
  mutating func finish() -> [(name: String, errand: Errand)] {
    if let leadership = engine.leadership, replicate || heartbeat {
      let update = ReplicationUpdate(
        last: engine.state.log.lastIndex, committed: engine.state.committed,
        round: leadership.round, isHeartbeat: heartbeat)
      for task in replication { task.messages.send(.update(update)) }
    }
    replicate = false
    heartbeat = false
    if isNew {
      tellMembers()
      publishMetrics()
    }
    isNew = false
    defer { errands = [] }
    return errands
  }

  /// Ends the node's tasks; nobody is left waiting for an answer.
  mutating func stop() {
    carryOut(.stopLeading)
    let end = inbox.end
    // In the order in which they came, so that a simulation goes the same way each time.
    for id in reads.keys.sorted() { reads[id]!.reply(.failure(end)) }
    for id in votes.keys.sorted() { votes[id]!(.failure(end)) }
    for id in appends.keys.sorted() { appends[id]!(.failure(end)) }
    for id in parts.keys.sorted() { parts[id]!.reply(.failure(end)) }
    worker.commands.close()
    inbox.close()
  }

  private mutating func newRequest() -> RequestID {
    nextRequest += 1
    return RequestID(number: nextRequest)
  }

  mutating func handle(_ event: Event) {
    let leader = engine.leader
    let commands = engine.handle(event, at: now)
    // Of time that passes, and no more, nobody need be told.
    if case .tick = event, commands.isEmpty, engine.leader == leader { return }
    isNew = true
    for command in commands { carryOut(command) }
  }

  private mutating func tellMembers() {
    let members = engine.membership.members
    guard members != knownMembers else { return }
    knownMembers = members
    network.membersChanged(to: members)
  }

  private func publishMetrics() {
    var metrics = Metrics(id: engine.id)
    metrics.role = engine.roleName
    metrics.vote = engine.state.vote
    metrics.leader = engine.leader
    metrics.lastLogID = engine.state.log.last
    metrics.committed = engine.state.committed
    metrics.applied = engine.state.applied
    metrics.snapshot = engine.state.snapshot
    metrics.purged = engine.state.log.purged
    metrics.membership = engine.state.memberships.effective
    if let leadership = engine.leadership {
      metrics.replication = leadership.followers.mapValues(\.matched)
      metrics.sinceQuorumAnswered = engine.heardByQuorum(leadership, at: now).map { now - $0 }
      metrics.reverted = reverted
    }
    inbox.board.publish(metrics)
    inbox.board.observer?(
      StepReport(
        id: engine.id, vote: engine.state.vote, isLeader: engine.isLeader, log: engine.state.log,
        committed: engine.state.committed, applied: engine.state.applied,
        membership: engine.membership, durable: durableLast,
        lease: engine.leadership.flatMap { engine.restOfLease($0, at: now) }))
  }
}

// What comes in.
extension CoreStep {
  /// What is handled together at the end of a step.
  struct Batch {
    var payloads: [Entry.Payload] = []
    var replies: [(size: Int, reply: Reply<[UInt8]>)] = []
    var reads: [RequestID] = []
    var leaseReads: [RequestID] = []
  }

  private mutating func take(_ request: CoreRequest, _ batch: inout Batch) {
    switch request {
    case .write(let command, let reply):
      batch.payloads.append(.command(command))
      batch.replies.append((command.count, reply))
    case .read(let query, let consistency, let reply):
      guard consistency != .stale else {
        worker.commands.send(.read([(query, reply)]))
        return
      }
      // Until a quorum has answered they wait here, where the API channel does not count them.
      guard reads.count < tools.configuration.maxWaitingRequests else {
        return reply(.failure(.overloaded))
      }
      let id = newRequest()
      reads[id] = (query, reply)
      if consistency == .lease { batch.leaseReads.append(id) } else { batch.reads.append(id) }
    case .vote(let request, let reply):
      let id = newRequest()
      votes[id] = reply
      handle(.voteRequested(request, id))
    case .append(let request, let reply):
      let id = newRequest()
      appends[id] = reply
      handle(.appendRequested(request, id))
    case .snapshot(let request, let reply):
      let id = newRequest()
      parts[id] = (request, reply)
      handle(.snapshotOffered(from: request.vote, id))
    case .transferTo(let request): handle(.transferReceived(request))
    case .initialize(let membership, let reply):
      if let fault = engine.initializationFault { return reply(.failure(.membership(fault))) }
      handle(.initialized(membership))
      reply(.success(()))
    case .change(let change, let retain, let reply):
      flush(&batch)
      self.change(change, retain: retain, reply)
    case .handOver(let target, let reply):
      flush(&batch)
      handOver(to: target, reply)
    case .trigger(let trigger): pull(trigger)
    case .switch(let switches): handle(.switched(switches))
    case .inspect(let body): body(inbox.board.current, engine.switches)
    case .stop: isStopping = true
    }
  }

  private mutating func flush(_ batch: inout Batch) {
    defer { batch = Batch() }
    if !batch.reads.isEmpty { handle(.readsRequested(batch.reads, byLease: false)) }
    if !batch.leaseReads.isEmpty { handle(.readsRequested(batch.leaseReads, byLease: true)) }
    if !batch.payloads.isEmpty { propose(batch.payloads, batch.replies) }
  }

  private mutating func propose(
    _ payloads: [Entry.Payload], _ replies: [(size: Int, reply: Reply<[UInt8]>)]
  ) {
    let bytes = replies.reduce(0) { $0 + $1.size }
    let isFull = uncommittedBytes + bytes > tools.configuration.maxUncommittedBytes
    guard engine.isLeader, !engine.isHandingOver, !isFull || writes.isEmpty else {
      let error: RaftError =
        engine.isHandingOver
        ? .handingOver : engine.isLeader ? .overloaded : .notLeader(leader: engine.leader)
      for (_, reply) in replies { reply(.failure(error)) }
      return
    }
    var index = engine.state.log.lastIndex
    for (size, reply) in replies {
      index += 1
      writes.append((index, size, reply))
    }
    uncommittedBytes += bytes
    handle(.proposed(payloads))
  }

  private mutating func change(
    _ change: MembershipChange, retain: Bool, _ reply: @escaping Reply<StoredMembership>
  ) {
    guard engine.isLeader else { return reply(.failure(.notLeader(leader: engine.leader))) }
    guard !engine.isHandingOver else { return reply(.failure(.handingOver)) }
    do throws(MembershipError) {
      let next = try engine.membershipStep(towards: change, retain: retain, at: now)
      let index = engine.state.log.lastIndex + 1
      let stored = StoredMembership(
        logID: LogID(term: engine.state.vote.term, index: index), membership: next)
      writes.append((index, 0, { reply($0.map { _ in stored }) }))
      handle(.membershipProposed(next, retain: retain))
    } catch {
      reply(.failure(.membership(error)))
    }
  }

  /// Hands over to `target`, or to whichever voter is furthest.
  private mutating func handOver(to target: NodeID?, _ reply: Reply<NodeID>) {
    guard let leadership = engine.leadership else {
      return reply(.failure(.notLeader(leader: engine.leader)))
    }
    let furthest = engine.voterPeers.max {
      leadership.followers[$0]!.matched < leadership.followers[$1]!.matched
    }
    guard let target = target ?? furthest else {
      return reply(.failure(.transfer(.notVoter(engine.id))))
    }
    if let fault = engine.transferFault(to: target) { return reply(.failure(.transfer(fault))) }
    handle(.transferRequested(to: target))
    reply(.success(target))
  }

  private mutating func pull(_ trigger: Trigger) {
    switch trigger {
    case .election: handle(.electionRequested)
    case .heartbeat: handle(.heartbeatRequested)
    case .snapshot: handle(.snapshotRequested)
    case .purge(let index): handle(.purgeRequested(upTo: index))
    }
  }

  private mutating func hear(_ notification: Notification) {
    switch notification {
    case .tick: if engine.switches.tick { handle(.tick) }
    case .durable(let number): becameDurable(number)
    case .applied(let index): handle(.applied(upTo: index))
    case .voteAnswered(let response, let from, let request):
      handle(.voteAnswered(response, from: from, to: request))
    case .acknowledged(let report): handle(.acknowledged(report))
    case .higherVoteSeen(let vote): handle(.higherVoteSeen(vote))
    case .logReverted(let node, let session):
      guard session == engine.session, !reverted.contains(node) else { return }
      reverted.append(node)
      isNew = true
      // It gets nothing more: what it acknowledged once it would acknowledge again, and lose.
      for task in replication where task.target == node { task.messages.close() }
    case .snapshotBuilt(let meta): handle(.snapshotBuilt(meta))
    case .snapshotReceived(let meta, let id): handle(.snapshotReceived(meta, id))
    case .snapshotAnswered(let id, let response):
      parts.removeValue(forKey: id)!.reply(.success(response))
    case .childFailed: isStopping = true
    }
  }

  private mutating func becameDurable(_ number: WriteNumber) {
    durable = number
    var latest: (vote: Vote, lastLogID: LogID?)?
    while let first = written.first, first.number <= number {
      latest = (first.vote, first.lastLogID)
      written.removeFirst()
    }
    if let latest { durableLast = latest.lastLogID }
    while let first = held.first, first.after <= number {
      held.removeFirst()
      send(first.command)
    }
    if let latest { handle(.becameDurable(vote: latest.vote, lastLogID: latest.lastLogID)) }
  }
}

// What goes out.
extension CoreStep {
  private mutating func carryOut(_ command: Command) {
    switch command {
    case .saveVote(let vote):
      writtenVote = vote
      wrote(log.save(vote))
    case .append(let entries):
      writtenLast = entries.last?.id
      wrote(log.append(entries))
    case .truncate(let index):
      writtenLast = log.id(at: index - 1)
      wrote(log.truncate(from: index))
    case .purge(let last):
      if last.index >= writtenLast?.index ?? 0 { writtenLast = last }
      wrote(log.purge(upTo: last))
    case .answerVote, .answerAppend, .requestVotes, .takeSnapshotPart:
      if durable >= lastWrite { send(command) } else { held.append((lastWrite, command)) }
    case .requestPreVotes, .requestTransfer, .answerSnapshot: send(command)
    case .rebuildReplication(let session): rebuildReplication(session)
    case .stopLeading: stopLeading()
    case .replicate: replicate = true
    case .heartbeat: heartbeat = true
    case .commit(let index): commit(upTo: index)
    case .serveReads(let ids):
      worker.commands.send(.read(ids.map { reads.removeValue(forKey: $0)! }))
    case .refuseReads(let ids):
      for id in ids {
        reads.removeValue(forKey: id)!.reply(.failure(.notLeader(leader: engine.leader)))
      }
    case .installSnapshot(_, let id): worker.commands.send(.install(id))
    case .buildSnapshot: worker.commands.send(.build)
    }
  }

  private mutating func wrote(_ number: WriteNumber) {
    precondition(number > lastWrite, "write \(number) after \(lastWrite)")
    lastWrite = number
    written.append((number, writtenVote, writtenLast))
  }

  private mutating func send(_ command: Command) {
    switch command {
    case .answerVote(let id, let response): votes.removeValue(forKey: id)!(.success(response))
    case .answerAppend(let id, let response):
      appends.removeValue(forKey: id)!(.success(response))
    case .answerSnapshot(let id, let response):
      parts.removeValue(forKey: id)!.reply(.success(response))
    case .takeSnapshotPart(let id): worker.commands.send(.takePart(parts[id]!.request, id))
    case .requestPreVotes(let request, let nodes), .requestVotes(let request, let nodes):
      for node in nodes {
        network.requestVote(request, of: node) { [inbox] response in
          // No answer is no vote; the next election asks again.
          guard let response else { return }
          inbox.notify(.voteAnswered(response, from: node, to: request))
        }
      }
    case .requestTransfer(let request, let node): network.requestTransfer(request, to: node)
    default: preconditionFailure("\(command) is not sent")
    }
  }

  private mutating func rebuildReplication(_ session: ReplicationSession) {
    for task in replication { task.messages.close() }
    reverted = []
    guard let leadership = engine.leadership else { preconditionFailure("only a leader does") }
    let first = ReplicationUpdate(
      last: engine.state.log.lastIndex, committed: engine.state.committed,
      round: leadership.round, isHeartbeat: true)
    replication = engine.targets.map {
      ReplicationTask(target: $0, session: session, tools: tools)
    }
    for task in replication {
      let matched = leadership.followers[task.target]!.matched
      errands.append(
        ("replication \(task.target)", { try await task.run(from: first, matched: matched) }))
    }
  }

  private mutating func stopLeading() {
    for task in replication { task.messages.close() }
    replication = []
    reverted = []
    for write in writes { write.reply(.failure(.indoubt)) }
    writes = []
    uncommittedBytes = 0
  }

  private mutating func commit(upTo index: UInt64) {
    var replies: [(index: UInt64, reply: Reply<[UInt8]>)] = []
    while let first = writes.first, first.index <= index {
      replies.append((first.index, first.reply))
      uncommittedBytes -= first.size
      writes.removeFirst()
    }
    worker.commands.send(.apply(upTo: index, replies: replies))
  }
}
