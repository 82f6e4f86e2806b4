// The commands of administrators: members, leadership, snapshots.

import Raft
import RaftStore
import RedisProtocol

/// What an administrator asks of a node.
enum AdminCommand: Equatable, Sendable {
  case addLearner(Member)
  case change(MembershipChange, retain: Bool)
  case transfer(to: NodeID?)
  case trigger(Trigger)
  /// Answered when there is one of all that was applied until then.
  case snapshot
  /// Takes whoever comes next under a number for that node; a voter only when it is forced.
  case accept(NodeID, isForced: Bool)

  /// The command that `words` spell.
  ///
  /// - Returns: nil when the first word names none.
  /// - Throws: `CommandError` when the rest does not fit it.
  init?(_ words: [[UInt8]]) throws(CommandError) {
    let texts = words.map { String(decoding: $0, as: UTF8.self) }
    switch texts.first?.uppercased() {
    case "RAFT.ADDLEARNER":
      guard texts.count == 4, let id = Self.node(texts[1]),
        let address = NodeAddress("\(texts[2]),\(texts[3])")
      else { throw .usage("RAFT.ADDLEARNER id clients-host:port peers-host:port") }
      self = .addLearner(Member(id: id, address: address.description))
    case "RAFT.CHANGE": self = try Self.change(Array(texts.dropFirst()))
    case "RAFT.TRANSFER":
      guard texts.count <= 2 else { throw .usage("RAFT.TRANSFER [id]") }
      guard texts.count == 2 else {
        self = .transfer(to: nil)
        return
      }
      guard let id = Self.node(texts[1]) else { throw .usage("RAFT.TRANSFER [id]") }
      self = .transfer(to: id)
    case "RAFT.SNAPSHOT":
      guard texts.count == 1 else { throw .usage("RAFT.SNAPSHOT") }
      self = .snapshot
    case "RAFT.PURGE":
      guard texts.count == 2, let index = UInt64(texts[1]) else {
        throw .usage("RAFT.PURGE index")
      }
      self = .trigger(.purge(upTo: index))
    case "RAFT.ELECT":
      guard texts.count == 1 else { throw .usage("RAFT.ELECT") }
      self = .trigger(.election)
    case "RAFT.ACCEPT":
      let isForced = texts.last?.uppercased() == "FORCE"
      guard texts.count == (isForced ? 3 : 2), let id = Self.node(texts[1]) else {
        throw .usage("RAFT.ACCEPT id [FORCE]")
      }
      self = .accept(id, isForced: isForced)
    default: return nil
    }
  }

  private static func change(_ words: [String]) throws(CommandError) -> AdminCommand {
    let usage = CommandError.usage(
      "RAFT.CHANGE ADD|REMOVE|REPLACE|DROP id… [RETAIN]; DROP is for learners")
    var rest = words[...]
    let retain = rest.last?.uppercased() == "RETAIN"
    if retain { rest.removeLast() }
    guard let verb = rest.popFirst()?.uppercased(), !rest.isEmpty else { throw usage }
    var ids: [NodeID] = []
    for word in rest {
      guard let id = node(word) else { throw usage }
      ids.append(id)
    }
    switch verb {
    case "ADD": return .change(.addVoters(ids), retain: retain)
    case "REMOVE": return .change(.removeVoters(ids), retain: retain)
    case "REPLACE": return .change(.replaceVoters(ids), retain: retain)
    case "DROP" where !retain: return .change(.removeLearners(ids), retain: false)
    default: throw usage
    }
  }

  private static func node(_ text: String) -> NodeID? {
    // As people type it, and as messages name it.
    UInt64(text.hasPrefix("n") ? text.dropFirst() : text[...]).flatMap { $0 > 0 ? NodeID($0) : nil }
  }

  /// So long an administrator waits for a learner or a snapshot.
  private static let patience = Duration.seconds(60)

  /// Carries it out.
  func perform(
    on raft: Raft, _ identities: PeerIdentities
  ) async throws(RaftError) -> RESPValue {
    switch self {
    case .addLearner(let member): return try await Self.add(member, to: raft)
    case .change(let change, let retain):
      let membership = raft.metrics.membership.membership
      if let stranger = Self.stranger(in: change, membership) {
        return .error("ERR \(stranger) is no member")
      }
      if case .removeVoters(let ids) = change,
        let learner = ids.first(where: { !membership.isVoter($0) })
      {
        return .error("ERR \(learner) is a learner; RAFT.CHANGE DROP \(learner.number) removes it")
      }
      try await raft.change(change, retain: retain)
    case .transfer(let target):
      return .integer(Int64(try await raft.transferLeadership(to: target).number))
    case .trigger(.election):
      let status = raft.metrics
      guard status.role != "leader" else { return .error("ERR \(status.id) leads already") }
      guard status.membership.membership.isVoter(status.id) else {
        return .error("ERR \(status.id) has no vote")
      }
      raft.trigger(.election)
    case .trigger(let trigger): raft.trigger(trigger)
    case .snapshot: return try await Self.buildSnapshot(raft)
    case .accept(raft.metrics.id, _): return .error("ERR \(raft.metrics.id) is this node")
    case .accept(let id, let isForced):
      guard isForced || !raft.metrics.membership.membership.isVoter(id) else {
        return .error(
          "ERR \(id) is a voter: a wiped disk would vote without what it acknowledged. Remove it "
            + "first (RAFT.CHANGE REMOVE \(id.number)), or say FORCE")
      }
      do throws(StoreError) {
        try await identities.forget(id)
      } catch {
        return .error("ERR \(error)")
      }
    }
    return .ok
  }
}

extension AdminCommand {
  private static func buildSnapshot(_ raft: Raft) async throws(RaftError) -> RESPValue {
    let applied = raft.metrics.applied
    let end = ContinuousClock.now + patience
    while raft.metrics.snapshot?.index ?? 0 < applied {
      guard ContinuousClock.now < end else {
        return .error("ERR the snapshot is not done after a minute; RAFT.STATUS says when it is")
      }
      // Again: while one is built, which may lack the newest, none is begun.
      raft.trigger(.snapshot)
      let before = raft.metrics.snapshot?.index ?? 0
      do throws(RaftError) {
        try await raft.wait(for: .seconds(1)) { $0.snapshot?.index ?? 0 > before }
      } catch .timedOut {}
    }
    return .ok
  }

  private static func add(_ member: Member, to raft: Raft) async throws(RaftError) -> RESPValue {
    let membership = raft.metrics.membership.membership
    if let known = membership.members.first(where: { $0.id == member.id }),
      known.address != member.address
    {
      return .error(
        "ERR \(member.id) is a member already, at \(known.address); to move it, remove it first "
          + "(RAFT.CHANGE \(membership.isVoter(member.id) ? "REMOVE" : "DROP") \(member.id.number))"
      )
    }
    guard member.id != raft.metrics.id else { return .ok }
    if let other = membership.members.first(where: { sharesAddress($0, member) }) {
      return .error("ERR \(other.id) is a member already, at \(other.address)")
    }
    do throws(RaftError) {
      try await raft.addLearner(member, isBlocking: true, timeout: Self.patience)
    } catch .membership(.notMember(member.id)) {
      return .error("ERR \(member.id) was removed before it had caught up")
    } catch .timedOut {
      return .error(
        "ERR \(member.id) has not caught up after a minute; does it run at \(member.address), and "
          + "was it started with --join? It stays a learner; RAFT.CHANGE DROP \(member.id.number) "
          + "removes it")
    }
    return .ok
  }

  /// Whether another node is reached where `member` would be.
  private static func sharesAddress(_ other: Member, _ member: Member) -> Bool {
    guard other.id != member.id, let one = NodeAddress(other.address),
      let two = NodeAddress(member.address)
    else { return false }
    return one.client == two.client || one.peer == two.peer
  }

  /// A node that is to go and was never there.
  private static func stranger(in change: MembershipChange, _ membership: Membership) -> NodeID? {
    switch change {
    case .removeVoters(let ids), .removeLearners(let ids):
      ids.first { id in !membership.members.contains { $0.id == id } }
    case .addVoters, .addNewVoters, .replaceVoters, .addLearners, .setAddresses, .replaceMembers:
      nil
    }
  }
}

/// Runs what takes longer than an answer should keep a connection's event loop: bounded, and all of
/// it ends with the server.
struct AdminQueue: Sendable {
  private typealias Job = @Sendable () async -> Void
  private static let mostWaiting = 64

  private let jobs = AsyncStream.makeStream(of: Job.self)
  /// How many have not come to their end.
  private let limit = Limit(most: mostWaiting)

  /// Adds a job; false when too many go on.
  func add(_ job: @escaping @Sendable () async -> Void) -> Bool {
    guard limit.enter() else { return false }
    jobs.continuation.yield {
      await job()
      limit.leave()
    }
    return true
  }

  /// Runs jobs, each in a task of its own, until cancelled.
  func run() async {
    await withDiscardingTaskGroup { group in
      for await job in jobs.stream { group.addTask { await job() } }
    }
  }
}
