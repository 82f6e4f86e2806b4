// One step of the core: everything that waited goes through the engine, and what the engine
// commands is carried out. Runs in the core's task alone, and never waits.

import DequeModule

/// Work that the core's task group takes on: a replication task, or a request for one vote.
typealias Errand = @Sendable () async -> Void

struct CoreStep {
  private var engine: Engine
  private let storage: any LogStorage
  private let network: any Network
  private let time: NodeTime
  private let inbox: CoreInbox
  private let worker: StateMachineWorker

  private var now: Duration = .zero
  private var nextRequest: UInt64 = 0
  private var votes: [RequestID: Reply<VoteResponse>] = [:]
  private var appends: [RequestID: Reply<AppendResponse>] = [:]
  private var reads: [RequestID: (query: [UInt8], reply: Reply<[UInt8]>)] = [:]
  /// Writes that are in the log and not committed, by index, in order.
  private var writes = Deque<(index: UInt64, reply: Reply<[UInt8]>)>()

  private var lastWrite: WriteNumber = 0
  private var durable: WriteNumber = 0
  /// What the writes asked for so far leave on disk. Not the engine's state: within one event
  /// that is ahead of its first command already.
  private var writtenVote: Vote
  private var writtenLast: LogID?
  /// What the node will have on disk when a write is durable; in order.
  private var written = Deque<(number: WriteNumber, vote: Vote, lastLogID: LogID?)>()
  /// Commands that wait for all writes asked for before them; in order.
  private var held = Deque<(after: WriteNumber, command: Command)>()

  private var replication: [ReplicationTask] = []
  private var replicate = false
  private var heartbeat = false
  private var applied: UInt64 = 0
  private var errands: [Errand] = []

  init(
    engine: Engine, storage: any LogStorage, network: any Network, time: NodeTime,
    inbox: CoreInbox, worker: StateMachineWorker
  ) {
    self.engine = engine
    self.storage = storage
    self.network = network
    self.time = time
    self.inbox = inbox
    self.worker = worker
    writtenVote = engine.state.vote
    writtenLast = engine.state.log.last
    publishStatus()
  }

  /// Handles what waited: the node's own notifications first, then requests, of which all writes
  /// become one append and all reads one round.
  mutating func take(
    _ notifications: Deque<Notification>, _ requests: Deque<CoreRequest>
  ) {
    now = time.now()
    for notification in notifications { hear(notification) }
    var payloads: [Entry.Payload] = []
    var replies: [Reply<[UInt8]>] = []
    var queries: [RequestID] = []
    for request in requests {
      switch request {
      case .write(let command, let reply):
        payloads.append(.command(command))
        replies.append(reply)
      case .read(let query, let reply):
        let id = newRequest()
        reads[id] = (query, reply)
        queries.append(id)
      case .vote(let request, let reply):
        let id = newRequest()
        votes[id] = reply
        handle(.voteRequested(request, id))
      case .append(let request, let reply):
        let id = newRequest()
        appends[id] = reply
        handle(.appendRequested(request, id))
      }
    }
    if !queries.isEmpty { handle(.readsRequested(queries)) }
    if !payloads.isEmpty { propose(payloads, replies) }
  }

  /// Sends the replication tasks what is new, publishes the status, and hands over new errands.
  mutating func finish() -> [Errand] {
    if let leadership = engine.leadership, replicate || heartbeat {
      let update = ReplicationUpdate(
        last: engine.state.log.lastIndex, committed: engine.state.committed,
        round: leadership.round, isHeartbeat: heartbeat)
      for task in replication { task.updates.send(update) }
    }
    replicate = false
    heartbeat = false
    publishStatus()
    defer { errands = [] }
    return errands
  }

  /// Ends the node's tasks; nobody is left waiting for an answer.
  mutating func stop() {
    carryOut(.stopLeading)
    for read in reads.values { read.reply(.failure(.stopped)) }
    for reply in votes.values { reply(.failure(.stopped)) }
    for reply in appends.values { reply(.failure(.stopped)) }
    worker.commands.close()
    inbox.close()
  }

  private mutating func newRequest() -> RequestID {
    nextRequest += 1
    return RequestID(number: nextRequest)
  }

  private mutating func propose(_ payloads: [Entry.Payload], _ replies: [Reply<[UInt8]>]) {
    guard engine.isLeader else {
      let leader = engine.leader
      for reply in replies { reply(.failure(.notLeader(leader: leader))) }
      return
    }
    var index = engine.state.log.lastIndex
    for reply in replies {
      index += 1
      writes.append((index, reply))
    }
    handle(.proposed(payloads))
  }

  private mutating func hear(_ notification: Notification) {
    switch notification {
    case .tick: handle(.tick)
    case .durable(let number): becameDurable(number)
    case .applied(let index): applied = index
    case .voteAnswered(let response, let from, let request):
      handle(.voteAnswered(response, from: from, to: request))
    case .acknowledged(let follower, let session, let matched, let round, let sentAt):
      handle(
        .acknowledged(
          by: follower, session: session, matched: matched, round: round, sentAt: sentAt))
    case .higherVoteSeen(let vote): handle(.higherVoteSeen(vote))
    }
  }

  private mutating func handle(_ event: Event) {
    for command in engine.handle(event, at: now) { carryOut(command) }
  }

  private mutating func becameDurable(_ number: WriteNumber) {
    durable = number
    var latest: (vote: Vote, lastLogID: LogID?)?
    while let first = written.first, first.number <= number {
      latest = (first.vote, first.lastLogID)
      written.removeFirst()
    }
    while let first = held.first, first.after <= number {
      held.removeFirst()
      send(first.command)
    }
    if let latest { handle(.becameDurable(vote: latest.vote, lastLogID: latest.lastLogID)) }
  }

  private mutating func carryOut(_ command: Command) {
    switch command {
    case .saveVote(let vote):
      writtenVote = vote
      wrote(storage.save(vote))
    case .append(let entries):
      writtenLast = entries.last?.id
      wrote(storage.append(entries))
    case .truncate(let index):
      writtenLast = storage.id(at: index - 1)
      wrote(storage.truncate(from: index))
    case .answerVote, .answerAppend, .requestVotes:
      if durable >= lastWrite { send(command) } else { held.append((lastWrite, command)) }
    case .requestPreVotes: send(command)
    case .startLeading(let vote): startReplication(under: vote)
    case .stopLeading: stopReplication()
    case .replicate: replicate = true
    case .heartbeat: heartbeat = true
    case .commit(let index): commit(upTo: index)
    case .serveReads(let ids):
      worker.commands.send(.read(ids.map { reads.removeValue(forKey: $0)! }))
    case .refuseReads(let ids):
      for id in ids {
        reads.removeValue(forKey: id)!.reply(.failure(.notLeader(leader: engine.leader)))
      }
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
    case .requestPreVotes(let request, let nodes), .requestVotes(let request, let nodes):
      for node in nodes {
        errands.append { [network, inbox] in
          // No answer is no vote; the next election asks again.
          guard let response = try? await network.requestVote(request, of: node) else { return }
          inbox.notify(.voteAnswered(response, from: node, to: request))
        }
      }
    default: preconditionFailure("\(command) waits for no write")
    }
  }

  private mutating func startReplication(under vote: Vote) {
    let first = ReplicationUpdate(
      last: engine.state.log.lastIndex, committed: engine.state.committed, round: 0,
      isHeartbeat: true)
    replication = engine.peers.map { peer in
      ReplicationTask(
        target: peer, session: vote, storage: storage, network: network, inbox: inbox,
        time: time, maxRequestBytes: engine.configuration.maxRequestBytes)
    }
    for task in replication { errands.append { await task.run(from: first) } }
  }

  private mutating func stopReplication() {
    for task in replication { task.updates.close() }
    replication = []
    for write in writes { write.reply(.failure(.indoubt)) }
    writes = []
  }

  private mutating func commit(upTo index: UInt64) {
    var replies: [(index: UInt64, reply: Reply<[UInt8]>)] = []
    while let first = writes.first, first.index <= index {
      replies.append(first)
      writes.removeFirst()
    }
    worker.commands.send(.apply(upTo: index, replies: replies))
  }

  private func publishStatus() {
    inbox.status = Status(
      id: engine.id, role: engine.role.name, term: engine.state.vote.term, leader: engine.leader,
      lastLogIndex: engine.state.log.lastIndex, committed: engine.state.committed,
      applied: applied, voters: engine.membership.voters)
  }
}
