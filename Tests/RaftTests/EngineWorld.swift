// Engines in a world of their own: messages that wait, disks that lag, clocks that a test moves.
// Everything is deterministic; what is random comes from the test's seed.

import Support

@testable import Raft

/// A message on its way.
enum Letter: CustomStringConvertible {
  case vote(VoteRequest)
  case voteAnswer(VoteResponse, to: VoteRequest)
  case append(AppendRequest, SentWith)
  case appendAnswer(AppendResponse, to: AppendRequest, SentWith)
  case transfer(TransferRequest)
  /// A whole snapshot in one part.
  case snapshot(SnapshotRequest, SentWith)
  case snapshotAnswer(SnapshotResponse, to: SnapshotRequest, SentWith)

  var description: String {
    switch self {
    case .vote(let request): "\(request.isPreVote ? "preVote" : "vote") \(request.vote)"
    case .voteAnswer(let response, _): response.granted ? "granted" : "refused \(response.vote)"
    case .append(let request, _):
      "append after \(request.previous?.description ?? "start"): "
        + "[\(request.entries.map(\.id.description).joined(separator: " "))]"
    case .appendAnswer(let response, _, _): "\(response)"
    case .transfer(let request): "transfer \(request.vote)"
    case .snapshot(let request, _): "snapshot of \(request.meta.lastLogID)"
    case .snapshotAnswer(let response, _, _): "\(response)"
    }
  }
}

/// What a leader remembers of a request.
struct SentWith {
  var session: ReplicationSession
  var round: UInt64
  var sentAt: Duration
}

/// A log: the entries after what was purged.
struct WorldLog {
  var purged: LogID?
  var entries: [Entry] = []

  var last: LogID? { entries.last?.id ?? purged }

  var names: LogIDList {
    var names = LogIDList(purged: purged)
    for entry in entries { names.append(entry.id) }
    return names
  }

  mutating func truncate(from index: UInt64) { entries.removeAll { $0.id.index >= index } }

  mutating func purge(upTo id: LogID) {
    let goesOn = entries.contains { $0.id == id }
    entries.removeAll { !goesOn || $0.id.index <= id.index }
    purged = id
  }
}

/// One node: its engine, its disk, and what it has asked for.
struct WorldNode {
  var engine: Engine
  /// What survives a crash.
  var disk: (vote: Vote, log: WorldLog)
  /// The newest snapshot; it survives as well.
  var snapshot: SnapshotMeta?
  /// Writes that the disk has not taken yet, in order; the engine counts on none of them.
  var unwritten: [Command] = []
  /// Answers and requests that wait for the writes before them.
  var held: [(after: Int, Command)] = []
  var writes = 0
  var durable = 0
  /// The log as it is in memory.
  var log: WorldLog
  var votes: [RequestID: (from: NodeID, VoteRequest)] = [:]
  var appends: [RequestID: (from: NodeID, AppendRequest, SentWith)] = [:]
  var parts: [RequestID: (from: NodeID, SnapshotRequest, SentWith)] = [:]
  /// Where the leader sends next, by follower.
  var next: [NodeID: UInt64] = [:]
  var applied: UInt64 = 0
  var isUp = true
}

/// Some engines and the letters between them.
struct EngineWorld {
  var nodes: [NodeID: WorldNode] = [:]
  var letters: [(from: NodeID, to: NodeID, Letter)] = []
  var now = Duration.zero
  /// Every entry that any node ever held to be committed, by index.
  var committed: [UInt64: Entry] = [:]
  /// The leader of each term.
  var leaders: [UInt64: NodeID] = [:]
  /// What each node was asked to do, in order, for scripts.
  var trace: [String] = []
  /// Reads that were served: what they must have seen at least, and what the node had applied.
  var reads: [RequestID: UInt64] = [:]
  /// A leader sends so many entries at a time.
  var mostEntries = Int.max
  /// Whether reads may be served on the word of the clocks.
  var readsByLease = false
  private var requests: UInt64 = 0
  private let configurations: [NodeID: Configuration]
  private let membership: Membership

  init(
    _ logs: [NodeID: [LogID]], learners: Set<NodeID> = [], terms: [NodeID: UInt64] = [:],
    seed: Seed
  ) {
    membership = Membership(
      voters: logs.keys.filter { !learners.contains($0) },
      members: logs.keys.map { Member(id: $0, address: "") })
    var configurations: [NodeID: Configuration] = [:]
    for (id, log) in logs {
      var configuration = Configuration(id: id)
      configuration.electionTimeout = .milliseconds(250)...Duration.milliseconds(500)
      configuration.snapshotPolicy = .never
      configuration.logsToKeep = 0
      configurations[id] = configuration
      let entries = log.map {
        Entry(id: $0, payload: .command([UInt8(truncatingIfNeeded: $0.index)]))
      }
      let vote = Vote(term: terms[id] ?? log.last?.term ?? 0, node: nil)
      nodes[id] = Self.node(
        configuration, membership, (vote, WorldLog(entries: entries)), nil, at: .zero,
        SplitMix64(Seed(seed.number &* 31 &+ id.number)))
    }
    self.configurations = configurations
  }

  /// A node that starts with what its disk holds, in a cluster of `membership` to begin with.
  private static func node(
    _ configuration: Configuration, _ membership: Membership, _ disk: (vote: Vote, log: WorldLog),
    _ snapshot: SnapshotMeta?, at now: Duration, _ random: SplitMix64
  ) -> WorldNode {
    var engine = Engine(
      configuration: configuration, recovered: Recovered(vote: disk.vote, log: disk.log.names),
      snapshot: snapshot, at: now, random: random)
    let changes = disk.log.entries.compactMap { entry -> StoredMembership? in
      guard case .membership(let membership) = entry.payload else { return nil }
      return StoredMembership(logID: entry.id, membership: membership)
    }
    engine.state.memberships = MembershipLog(
      snapshot?.membership ?? StoredMembership(logID: nil, membership: membership), changes)
    return WorldNode(
      engine: engine, disk: disk, snapshot: snapshot, log: disk.log,
      applied: snapshot?.lastLogID.index ?? 0)
  }

  /// Gives `event` to `id` and carries out what it commands.
  mutating func handle(_ id: NodeID, _ event: Event) {
    guard nodes[id]!.isUp else { return }
    let commands = nodes[id]!.engine.handle(event, at: now)
    for command in commands { carryOut(id, command) }
    if let leadership = nodes[id]!.engine.leadership, commands.contains(where: \.sends) {
      for peer in nodes[id]!.engine.targets { sendAppend(id, to: peer, round: leadership.round) }
    }
    if nodes[id]!.engine.isLeader {
      let term = nodes[id]!.engine.state.vote.term
      precondition(leaders[term] ?? id == id, "\(leaders[term]!) and \(id) both lead term \(term)")
      leaders[term] = id
    }
  }

  private mutating func carryOut(_ id: NodeID, _ command: Command) {
    trace.append("\(id)  \(command.text)")
    switch command {
    case .saveVote, .truncate, .append, .purge:
      if case .append(let entries) = command { nodes[id]!.log.entries += entries }
      if case .truncate(let index) = command { nodes[id]!.log.truncate(from: index) }
      if case .purge(let last) = command { nodes[id]!.log.purge(upTo: last) }
      nodes[id]!.unwritten.append(command)
      nodes[id]!.writes += 1
    case .answerVote, .answerAppend, .requestVotes, .takeSnapshotPart:
      nodes[id]!.held.append((nodes[id]!.writes, command))
      releaseHeld(id)
    case .requestPreVotes, .answerSnapshot: send(id, command)
    case .rebuildReplication:
      let next = nodes[id]!.engine.state.log.lastIndex
      for peer in nodes[id]!.engine.targets { nodes[id]!.next[peer] = next }
    case .requestTransfer(let request, let target):
      letters.append((id, target, .transfer(request)))
    case .commit(let index):
      for entry in nodes[id]!.log.entries where entry.id.index <= index {
        precondition(
          committed[entry.id.index] ?? entry == entry,
          "\(id) commits \(entry.id), where \(committed[entry.id.index]!.id) was committed")
        committed[entry.id.index] = entry
      }
      nodes[id]!.applied = index
    case .serveReads(let ids):
      for read in ids {
        let floor = reads.removeValue(forKey: read)!
        precondition(
          nodes[id]!.applied >= floor, "\(id) serves \(nodes[id]!.applied), committed was \(floor)")
      }
    case .refuseReads(let ids): for read in ids { reads[read] = nil }
    case .stopLeading, .replicate, .heartbeat: break
    case .installSnapshot(let meta, let request):
      nodes[id]!.snapshot = meta
      nodes[id]!.applied = meta.lastLogID.index
      send(id, .answerSnapshot(request, .installed))
    case .buildSnapshot:
      let (names, applied) = (nodes[id]!.engine.state.log, nodes[id]!.applied)
      let meta = SnapshotMeta(
        lastLogID: names.id(at: applied)!,
        membership: nodes[id]!.engine.state.memberships.committed, id: "\(id)-\(applied)")
      nodes[id]!.snapshot = meta
      handle(id, .snapshotBuilt(meta))
    }
  }

  private mutating func releaseHeld(_ id: NodeID) {
    while let first = nodes[id]!.held.first, first.after <= nodes[id]!.durable {
      nodes[id]!.held.removeFirst()
      send(id, first.1)
    }
  }

  private mutating func send(_ id: NodeID, _ command: Command) {
    switch command {
    case .answerVote(let request, let response):
      let (from, asked) = nodes[id]!.votes.removeValue(forKey: request)!
      letters.append((id, from, .voteAnswer(response, to: asked)))
    case .answerAppend(let request, let response):
      let (from, asked, sent) = nodes[id]!.appends.removeValue(forKey: request)!
      letters.append((id, from, .appendAnswer(response, to: asked, sent)))
    case .answerSnapshot(let request, let response):
      let (from, asked, sent) = nodes[id]!.parts.removeValue(forKey: request)!
      letters.append((id, from, .snapshotAnswer(response, to: asked, sent)))
    case .takeSnapshotPart(let request):
      handle(id, .snapshotReceived(nodes[id]!.parts[request]!.1.meta, request))
    case .requestVotes(let request, let peers), .requestPreVotes(let request, let peers):
      for peer in peers { letters.append((id, peer, .vote(request))) }
    default: preconditionFailure("\(command) is not sent")
    }
  }

  private mutating func sendAppend(_ id: NodeID, to peer: NodeID, round: UInt64) {
    let node = nodes[id]!
    let next = min(node.next[peer]!, node.engine.state.log.lastIndex + 1)
    let sent = SentWith(session: node.engine.session, round: round, sentAt: now)
    if next <= node.engine.state.log.purgedIndex {
      let request = SnapshotRequest(
        vote: node.engine.state.vote, meta: node.snapshot!, offset: 0, bytes: [], isLast: true)
      letters.append((id, peer, .snapshot(request, sent)))
      return
    }
    let request = AppendRequest(
      vote: node.engine.state.vote, previous: node.engine.state.log.id(at: next - 1),
      entries: Array(node.log.entries.filter { $0.id.index >= next }.prefix(mostEntries)),
      committed: node.engine.state.committed)
    letters.append((id, peer, .append(request, sent)))
  }

  /// Makes the first `count` writes of `id` durable; all of them when nil.
  mutating func sync(_ id: NodeID, _ count: Int? = nil) {
    for _ in 0..<(count ?? nodes[id]!.unwritten.count) {
      guard !nodes[id]!.unwritten.isEmpty else { return }
      switch nodes[id]!.unwritten.removeFirst() {
      case .saveVote(let vote): nodes[id]!.disk.vote = vote
      case .append(let entries): nodes[id]!.disk.log.entries += entries
      case .truncate(let index): nodes[id]!.disk.log.truncate(from: index)
      case .purge(let last): nodes[id]!.disk.log.purge(upTo: last)
      default: preconditionFailure("not a write")
      }
      nodes[id]!.durable += 1
      releaseHeld(id)
      let disk = nodes[id]!.disk
      handle(id, .becameDurable(vote: disk.vote, lastLogID: disk.log.last))
    }
  }

  /// Delivers letter `place`.
  mutating func deliver(_ place: Int) {
    let (from, to, letter) = letters.remove(at: place)
    guard nodes[to]!.isUp else { return }
    requests += 1
    let request = RequestID(number: requests)
    switch letter {
    case .vote(let asked):
      nodes[to]!.votes[request] = (from, asked)
      handle(to, .voteRequested(asked, request))
    case .voteAnswer(let response, let asked):
      handle(to, .voteAnswered(response, from: from, to: asked))
    case .append(let asked, let sent):
      nodes[to]!.appends[request] = (from, asked, sent)
      handle(to, .appendRequested(asked, request))
    case .appendAnswer(let response, let asked, let sent):
      handleAnswer(to, from, response, asked, sent)
    case .transfer(let request): handle(to, .transferReceived(request))
    case .snapshot(let asked, let sent):
      nodes[to]!.parts[request] = (from, asked, sent)
      handle(to, .snapshotOffered(from: asked.vote, request))
    case .snapshotAnswer(let response, let asked, let sent):
      handleAnswer(to, from, response, asked, sent)
    }
  }

  private mutating func handleAnswer(
    _ id: NodeID, _ from: NodeID, _ response: AppendResponse, _ asked: AppendRequest,
    _ sent: SentWith
  ) {
    let previous = asked.previous?.index ?? 0
    let isCurrent = nodes[id]!.engine.isLeader && nodes[id]!.engine.session == sent.session
    var report = Acknowledgment(
      by: from, session: sent.session, matched: nil, round: sent.round, sentAt: sent.sentAt)
    switch response {
    case .success:
      let matched = previous + UInt64(asked.entries.count)
      if isCurrent { nodes[id]!.next[from] = matched + 1 }
      report.matched = matched
      handle(id, .acknowledged(report))
    case .conflict(let retryAfter):
      if isCurrent { nodes[id]!.next[from] = min(retryAfter, max(previous, 1) - 1) + 1 }
      handle(id, .acknowledged(report))
    case .higherVote(let vote): handle(id, .higherVoteSeen(vote))
    }
  }

  private mutating func handleAnswer(
    _ id: NodeID, _ from: NodeID, _ response: SnapshotResponse, _ asked: SnapshotRequest,
    _ sent: SentWith
  ) {
    switch response {
    case .installed:
      let index = asked.meta.lastLogID.index
      let isCurrent = nodes[id]!.engine.isLeader && nodes[id]!.engine.session == sent.session
      if isCurrent { nodes[id]!.next[from] = index + 1 }
      handle(
        id,
        .acknowledged(
          Acknowledgment(
            by: from, session: sent.session, matched: index, round: sent.round,
            sentAt: sent.sentAt)))
    case .higherVote(let vote): handle(id, .higherVoteSeen(vote))
    case .received: preconditionFailure("a snapshot is one part here")
    }
  }

  /// Builds a snapshot of all that is applied, and purges the log behind it.
  mutating func compact(_ id: NodeID) {
    handle(id, .applied(upTo: nodes[id]!.applied))
    handle(id, .snapshotRequested)
    handle(id, .purgeRequested(upTo: .max))
  }

  /// Takes the next step of `change`, or says why it cannot be taken.
  mutating func change(_ id: NodeID, _ change: MembershipChange) {
    guard nodes[id]!.engine.isLeader else { return trace.append("\(id)  does not lead") }
    do throws(MembershipError) {
      let next = try nodes[id]!.engine.membershipStep(towards: change, retain: true, at: now)
      handle(id, .membershipProposed(next, retain: true))
    } catch {
      trace.append("\(id)  cannot: \(error)")
    }
  }

  /// How every node stands.
  mutating func show() {
    for (id, node) in nodes.sorted(by: { $0.key < $1.key }) {
      let state = node.engine.state
      let sets = node.engine.membership.voterSets.map { set in
        set.map(\.description).joined(separator: ",")
      }
      let matched = node.engine.leadership?.followers.sorted { $0.key < $1.key }.map {
        "\($0.key) \($0.value.matched)"
      }
      trace.append(
        "\(id)  \(node.engine.roleName) of \(state.vote), log after "
          + "\(state.log.purged?.description ?? "start"): "
          + "[\(node.log.entries.map(\.id.description).joined(separator: " "))], committed "
          + "\(state.committed), voters \(sets.joined(separator: " and "))"
          + (matched.map { ", matched \($0.joined(separator: ", "))" } ?? ""))
    }
  }

  mutating func read(_ id: NodeID) {
    guard nodes[id]!.isUp, nodes[id]!.engine.isLeader else { return }
    requests += 1
    // A read must see all that anybody was told is committed when it began.
    reads[RequestID(number: requests)] = committed.keys.max() ?? 0
    handle(id, .readsRequested([RequestID(number: requests)], byLease: readsByLease))
  }

  /// The node loses what its disk had not taken, and starts again at once.
  mutating func crash(_ id: NodeID) {
    let random = SplitMix64(Seed(UInt64(letters.count) &+ id.number &* 7919 &+ requests))
    nodes[id] = Self.node(
      configurations[id]!, membership, nodes[id]!.disk, nodes[id]!.snapshot, at: now, random)
  }

  /// Delivers everything and makes everything durable until nothing is left to do.
  mutating func settle() {
    for _ in 0..<10_000 {
      for id in nodes.keys.sorted() { sync(id) }
      guard !letters.isEmpty else { return }
      deliver(0)
    }
    preconditionFailure("it does not settle; the next is \(letters[0].2)")
  }
}

extension Command {
  /// Whether the leader sends appends for it.
  fileprivate var sends: Bool {
    switch self {
    case .replicate, .heartbeat, .rebuildReplication: true
    default: false
    }
  }

  /// The command as scripts show it.
  var text: String {
    switch self {
    case .saveVote(let vote): "saveVote \(vote)"
    case .append(let entries): "append \(entries.map(\.id.description).joined(separator: " "))"
    case .truncate(let index): "truncate from \(index)"
    case .answerVote(_, let response):
      response.granted ? "grants its vote" : "refuses its vote, holds \(response.vote)"
    case .answerAppend(_, let response):
      switch response {
      case .success(let matched): "matched \(matched)"
      case .conflict(let retryAfter): "conflict, retry after \(retryAfter)"
      case .higherVote(let vote): "refuses the leader, holds \(vote)"
      }
    case .requestPreVotes(let request, _): "asks whether it would win \(request.vote)"
    case .requestVotes(let request, _): "asks for votes for \(request.vote)"
    case .rebuildReplication(let session): "leads \(session.vote)"
    case .purge(let last): "purge up to \(last)"
    case .takeSnapshotPart: "takes a part of a snapshot"
    case .installSnapshot(let meta, _): "installs the snapshot of \(meta.lastLogID)"
    case .answerSnapshot(_, let response): "\(response)"
    case .buildSnapshot: "builds a snapshot"
    case .requestTransfer(_, let target): "hands over to \(target)"
    case .stopLeading: "stops leading"
    case .replicate: "replicate"
    case .heartbeat: "heartbeat"
    case .commit(let index): "commit \(index)"
    case .serveReads(let ids): "serves \(ids.count) reads"
    case .refuseReads(let ids): "refuses \(ids.count) reads"
    }
  }
}
