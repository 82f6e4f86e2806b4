// The oracle sees all nodes at once, after every step of each, and knows what may never be.

import Raft

/// Something that may never be, and was.
public struct Violation: Error, Equatable, CustomStringConvertible {
  /// Which promise was broken.
  public var promise: String
  /// By whom, and how.
  public var evidence: String
  /// When, since the world began.
  public var time: Duration

  /// The promise and its breach in one line.
  public var description: String { "\(promise): \(evidence), at \(time)" }
}

/// Checks Raft's promises (thesis figure 3.2) over all nodes of a world.
final class Oracle {
  private let world: World
  private(set) var violation: Violation?
  /// The leader of each term.
  private var leaders: [UInt64: NodeID] = [:]
  /// The names of all that any node ever held to be committed, from index 1 on.
  private var committed: [LogID] = []
  /// The term in which each of these was committed: who held it so first is the leader that did it.
  private var commitTerms: [UInt64] = []
  /// What was applied at each index, from 1 on, and the sum over the state after it.
  private var applied: [(payload: Entry.Payload, sum: UInt64)] = []
  private var before: [NodeID: StepReport] = [:]
  /// What each node's disk holds at least, also while the node is down.
  private var disks: [NodeID: (log: LogIDList, last: LogID?)] = [:]
  /// Until when each leader would answer reads by its lease.
  private var leases: [NodeID: Duration] = [:]
  /// To whom each node gave its vote in each term, as far as it said so.
  private var promises: [NodeID: [UInt64: NodeID]] = [:]
  /// The latest term in which each node gave its vote.
  private var promised: [NodeID: UInt64] = [:]
  /// The leader that each node followed last, and until when that leader counts on its vote.
  private var followed: [NodeID: (leader: Vote, end: Duration)] = [:]
  /// The terms whose leaders have given up their lease.
  private var withoutLease: Set<UInt64> = []
  private let lease: Duration
  private(set) var stepCount = 0

  /// Voters promise a leader their vote for `lease`.
  init(_ world: World, lease: Duration) {
    self.world = world
    self.lease = lease
  }

  func broken(_ promise: String, _ evidence: String) {
    if violation == nil {
      violation = Violation(promise: promise, evidence: evidence, time: world.now)
    }
  }

  /// How every node stands, in one line.
  var standing: String {
    before.values.sorted { $0.id < $1.id }.map { node in
      let sets = node.membership.voterSets.map { "\($0.map(\.number))" }.joined(separator: "+")
      return "\(node.id) \(node.isLeader ? "leads" : "follows") \(node.vote), "
        + "log \(node.log.purgedIndex)...\(node.log.last?.description ?? "none"), "
        + "committed \(node.committed), voters \(sets)"
    }.joined(separator: "; ")
  }

  /// A node took a step.
  func saw(_ report: StepReport) {
    stepCount += 1
    world.note(report.id.number << 32 ^ report.vote.term << 16 ^ report.log.lastIndex)
    let last = before[report.id]
    before[report.id] = report
    disks[report.id] = (report.log, report.durable)
    leases[report.id] = report.lease.map { world.now + $0 }
    if let last { checkProgress(from: last, to: report) }
    if let term = promised[report.id], report.vote.term < term {
      broken("votes are kept", "\(report.id) is in \(report.vote), and voted in term \(term)")
    }
    if last?.log != report.log { checkLog(report) }
    if report.isLeader, !(last?.isLeader ?? false) || last?.vote.term != report.vote.term {
      checkNewLeader(report)
    }
    checkCommitted(report, from: last?.committed ?? 0)
    if let last, last.isLeader, report.isLeader, report.committed > last.committed,
      let name = report.log.id(at: report.committed), name.term != last.vote.term
    {
      broken(
        "only the own term is committed by counting",
        "\(report.id) commits \(name) in \(last.vote)")
    }
    if report.isLeader, report.committed > last?.committed ?? 0 {
      checkOnDisks(report, last)
      checkLeases(report)
    }
  }

  /// What a leader commits is on the disks of a quorum: its own disk too, if it counts that.
  private func checkOnDisks(_ report: StepReport, _ last: StepReport?) {
    let index = report.committed
    guard let name = report.log.id(at: index) else { return }
    let holders = Set(
      disks.filter { _, disk in
        disk.log.purgedIndex >= index
          || disk.last?.index ?? 0 >= index && disk.log.id(at: index) == name
      }.keys)
    // In one step it may have been committed under one membership, and another begun.
    guard !report.membership.isQuorum(holders),
      !(last?.membership.isQuorum(holders) ?? false)
    else { return }
    broken(
      "what is committed is on a quorum's disks",
      "\(report.id) commits \(name), on disk at \(holders.sorted())")
  }

  /// While a leader would answer by its lease, no other one commits anything (thesis §6.4).
  private func checkLeases(_ report: StepReport) {
    for (id, end) in leases where id != report.id {
      // Their clocks gain and lose a little.
      guard let other = before[id], other.vote.term < report.vote.term,
        end > world.now + .milliseconds(1)
      else { continue }
      broken(
        "a lease keeps others from committing",
        "\(report.id) commits in term \(report.vote.term), and \(id) has a lease in term "
          + "\(other.vote.term) for \(end - world.now)")
    }
  }

  /// A node said that it gave its vote.
  func granted(_ id: NodeID, _ request: VoteRequest) {
    let vote = request.vote
    guard let candidate = vote.node else { return }
    // Its clock gains and loses a little.
    if let (leader, end) = followed[id], leader.term < vote.term, leader.node != candidate,
      world.now + .milliseconds(1) < end, !withoutLease.contains(leader.term),
      !hasSuccessor(leader.term, before: vote.term)
    {
      broken(
        "a leader's followers vote for no other",
        "\(id) votes for \(candidate) in term \(vote.term), and promised \(leader) not to for "
          + "\(end - world.now)")
    }
    promise(of: id, to: candidate, term: vote.term)
  }

  /// Whether somebody was elected between the two terms. A quorum was free to elect it then, and
  /// nobody counts on promises to the leader before any more: it may hand over to whom it likes.
  private func hasSuccessor(_ term: UInt64, before later: UInt64) -> Bool {
    leaders.keys.contains { $0 > term && $0 < later }
  }

  /// A candidate asked for votes: its own it has given to itself by then, and may not forget it.
  func stood(_ id: NodeID, _ request: VoteRequest) {
    promise(of: id, to: id, term: request.vote.term)
  }

  private func promise(of id: NodeID, to candidate: NodeID, term: UInt64) {
    if let other = promises[id, default: [:]].updateValue(candidate, forKey: term),
      other != candidate
    {
      broken("one vote a term", "\(id) voted for \(other) and \(candidate) in term \(term)")
    }
    promised[id] = max(promised[id] ?? 0, term)
  }

  /// The leader behind `vote` told a node to take over. It counts on nobody's promise any more, and
  /// that node may forget its own.
  func handedOver(_ vote: Vote) { withoutLease.insert(vote.term) }

  /// A node said that it follows the leader behind `vote`, whose request came at `time`.
  func followed(_ id: NodeID, _ vote: Vote, at time: Duration) {
    followed[id] = (vote, max(followed[id]?.end ?? .zero, time + lease))
  }

  /// Where two logs hold an entry of one name, all before it is the same (thesis §3.5).
  private func checkLog(_ report: StepReport) {
    for other in before.values where other.id != report.id {
      if let place = report.log.mismatch(with: other.log) {
        broken("logs match", "\(report.id) and \(other.id) differ before \(place)")
      }
    }
  }

  /// A node lost its power; what it said before does not bind what its disk still holds.
  func crashed(_ id: NodeID) {
    before[id] = nil
    leases[id] = nil
  }

  private func checkProgress(from last: StepReport, to report: StepReport) {
    if report.vote.term < last.vote.term {
      broken("terms grow", "\(report.id) went from \(last.vote) to \(report.vote)")
    }
    if report.committed < last.committed {
      broken(
        "committed stays", "\(report.id) went from \(last.committed) to \(report.committed)")
    }
    if last.isLeader, report.isLeader, last.vote == report.vote,
      report.log.lastIndex < last.log.lastIndex
    {
      broken("leaders append only", "\(report.id) cut its log to \(report.log.lastIndex)")
    }
  }

  private func checkNewLeader(_ report: StepReport) {
    let term = report.vote.term
    if let other = leaders[term], other != report.id {
      broken("one leader a term", "\(other) and \(report.id) both lead term \(term)")
    }
    leaders[term] = report.id
    // Votes may come so late that a later leader has committed since: what was committed before this
    // term counts (Raft §5.4.3). Of its names it is enough to look at the last: below it logs agree
    // where names do.
    guard let place = commitTerms.lastIndex(where: { $0 < term }) else { return }
    let last = committed[place]
    let isThere = last.index < report.log.purgedIndex || report.log.contains(last)
    if report.log.lastIndex < last.index || !isThere {
      broken("leaders hold what is committed", "\(report.id) lacks \(last) in term \(term)")
    }
  }

  private func checkCommitted(_ report: StepReport, from start: UInt64) {
    guard report.committed > start else { return }
    for index in max(start + 1, report.log.purgedIndex, 1)...max(report.committed, 1)
    where index <= report.committed {
      guard let name = report.log.id(at: index) else { continue }
      if index <= committed.count {
        if committed[Int(index - 1)] != name {
          broken(
            "what is committed stays",
            "\(report.id) commits \(name), where \(committed[Int(index - 1)]) was committed")
        }
      } else if index == committed.count + 1 {
        committed.append(name)
        commitTerms.append(report.vote.term)
      }
    }
  }

  /// A node's state machine applied `entry`, which took it from a state with the sum `before` to one
  /// with the sum `after`. The state before may be one that a snapshot brought.
  func applied(_ entry: Entry, by id: NodeID, from before: UInt64, to after: UInt64) {
    let index = entry.id.index
    world.note(index)
    let last = index > 1 && index <= applied.count + 1 ? applied[Int(index - 2)].sum : 0
    if index <= applied.count + 1, before != last {
      broken("state machines agree", "\(id) has another state before \(index)")
    }
    if index <= applied.count {
      if applied[Int(index - 1)].payload != entry.payload {
        broken("state machines agree", "\(id) applied another entry at \(index)")
      }
      if applied[Int(index - 1)].sum != after {
        broken("state machines agree", "\(id) has another state after \(index)")
      }
    } else if index == applied.count + 1 {
      applied.append((entry.payload, after))
    } else {
      broken("nothing is left out", "\(id) applied \(index) after \(applied.count)")
    }
  }
}
