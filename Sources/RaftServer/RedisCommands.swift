// What each Redis command does on this node.

import FoundationEssentials
import Raft
import RedisProtocol

/// Answers the commands of clients.
struct RedisCommands: Sendable {
  let raft: Raft
  let identities: PeerIdentities
  let admin: AdminQueue
  let connections: Limit
  let lastVote: LastVote

  /// A request that was understood.
  enum Errand: Sendable {
    case write([UInt8])
    case read([UInt8], ReadConsistency)
    case administer(AdminCommand)
    /// How the node stands, by this name of a command.
    case inspect(String)
    /// This is the answer.
    case answer([UInt8])

    /// Whether it may be on its way beside `other`, which the same connection sent before it, and
    /// still take effect after it: writes are applied in their order, and reads of one kind served
    /// in theirs.
    func mayJoin(_ other: Errand) -> Bool {
      switch (self, other) {
      case (.write, .write), (.answer, _): true
      case (.read(_, let consistency), .read(_, let before)): consistency == before
      default: false
      }
    }
  }

  /// What `request` asks for, as `connection` stands; which may stand otherwise afterwards.
  func understand(_ request: RESPValue, on connection: inout ConnectionState) -> Errand {
    guard let words = Self.words(of: request), let name = words.first else {
      return .answer(Self.malformed)
    }
    do throws(CommandError) {
      if let transaction = try connection.transact(words) {
        switch transaction {
        case .answer(let value): return .answer(value.bytes)
        case .execute(let payload): return .write(payload)
        }
      }
      if try KeyValueCommand(words) != nil { return .write(CommandPayload.encode(words)) }
      if try KeyValueQuery(words) != nil {
        return .read(CommandPayload.encode(words), connection.reads)
      }
      if let command = try AdminCommand(words) { return .administer(command) }
      let word = String(decoding: name, as: UTF8.self).uppercased()
      if try Self.inspects(word, words) { return .inspect(word) }
      return .answer(try answer(word, words, on: &connection).bytes)
    } catch {
      return .answer(error.reply.bytes)
    }
  }

  /// Carries `errand` out, and answers with bytes, once, from anywhere.
  func carryOut(_ errand: Errand, reply: @escaping @Sendable ([UInt8]) -> Void) {
    switch errand {
    case .write(let payload): write(payload, reply)
    case .read(let query, let consistency):
      raft.read(query, consistency: consistency) { reply(answer(to: $0)) }
    case .administer(let command): perform(command, reply: reply)
    case .inspect(let word): reply(standing(word).bytes)
    case .answer(let bytes): reply(bytes)
    }
  }

  private func write(_ payload: [UInt8], _ reply: @escaping @Sendable ([UInt8]) -> Void) {
    guard payload.count <= Self.longestCommand else {
      return reply(
        RESPValue.error("ERR a command of more than \(Self.longestCommand) bytes").bytes)
    }
    raft.write(payload) { reply(answer(to: $0)) }
  }

  /// Answers what needs nobody else.
  private func answer(
    _ word: String, _ words: [[UInt8]], on connection: inout ConnectionState
  ) throws(CommandError) -> RESPValue {
    switch word {
    case "READONLY", "READWRITE":
      guard words.count == 1 else { throw .arguments(word.lowercased()) }
      connection.reads = word == "READONLY" ? .stale : .linearizable
      return .ok
    case "RAFT.READS":
      guard words.count == 2, let consistency = Self.consistency(words[1]) else {
        throw .usage("RAFT.READS LINEARIZABLE|LEASE|STALE")
      }
      connection.reads = consistency
      return .ok
    case "PING":
      guard words.count <= 2 else { throw .arguments("ping") }
      return words.count == 2 ? .bulk(words[1]) : .simple("PONG")
    default:
      let text = String(decoding: words[0].prefix(64), as: UTF8.self).filter { !$0.isNewline }
      return .error("ERR unknown command '\(text)'")
    }
  }

  private static func inspects(
    _ word: String, _ words: [[UInt8]]
  ) throws(CommandError) -> Bool {
    switch word {
    case "INFO": return true
    case "RAFT.STATUS", "RAFT.METRICS", "RAFT.TASKS":
      guard words.count == 1 else { throw .usage(word) }
      return true
    default: return false
    }
  }

  private func standing(_ word: String) -> RESPValue {
    switch word {
    case "INFO": .bulk(info())
    case "RAFT.STATUS": .bulk(statusJSON())
    case "RAFT.METRICS":
      .bulk(MetricsPage(metrics: raft.metrics, connections: connections.open).text)
    default: .array(raft.tasks.map { .bulk($0) })
    }
  }

  private static func consistency(_ word: [UInt8]) -> ReadConsistency? {
    switch String(decoding: word, as: UTF8.self).uppercased() {
    case "LINEARIZABLE": .linearizable
    case "LEASE": .lease
    case "STALE": .stale
    default: nil
    }
  }

  private func perform(_ command: AdminCommand, reply: @escaping @Sendable ([UInt8]) -> Void) {
    let isTaken = admin.add {
      do throws(RaftError) {
        reply(try await command.perform(on: raft, identities).bytes)
      } catch {
        reply(refusal(error).bytes)
      }
    }
    if !isTaken { reply(refusal(.overloaded).bytes) }
  }

  private static func words(of request: RESPValue) -> [[UInt8]]? {
    guard case .array(let members) = request else { return nil }
    var words: [[UInt8]] = []
    words.reserveCapacity(members.count)
    for member in members {
      guard case .bulk(let word) = member else { return nil }
      words.append(word)
    }
    return words
  }

  private func answer(to result: Result<[UInt8], RaftError>) -> [UInt8] {
    switch result {
    case .success(let bytes): bytes
    case .failure(let error): refusal(error).bytes
    }
  }

  /// An entry must be sent and synced well within an election timeout, or its leader is deposed.
  static let longestCommand = 4 << 20

  private static let malformed = RESPValue.error("ERR a command is an array of bulks").bytes

  /// `MOVED`, `CLUSTERDOWN` and `TRYAGAIN` prove that nothing was proposed; `INDOUBT` that it was.
  private func refusal(_ error: RaftError) -> RESPValue {
    switch error {
    case .notLeader(let leader?) where leader != raft.metrics.id:
      guard let address = raft.metrics.membership.membership.clientAddress(of: leader) else {
        return .error("CLUSTERDOWN no leader")
      }
      return .error("MOVED 0 \(address)")
    case .notLeader:
      let status = raft.metrics
      let membership = status.membership.membership
      guard membership.voters.isEmpty || membership.contains(status.id) else {
        return .error("CLUSTERDOWN \(status.id) is no member of the cluster; ask another")
      }
      return .error("CLUSTERDOWN no leader is known; try again")
    case .indoubt: return .error("INDOUBT leadership was lost; the outcome is unknown")
    case .overloaded: return .error("TRYAGAIN too many requests wait")
    case .handingOver: return .error("TRYAGAIN leadership is being handed over")
    case .stopped: return .error("CLUSTERDOWN the node is stopping")
    case .failed(let reason): return .error("CLUSTERDOWN the node failed: \(reason)")
    case .membership(let error): return .error("ERR \(error)")
    case .transfer(.notVoter(let id)): return .error("ERR \(id) has no vote")
    case .transfer(.lagging(let id, let behind)):
      return .error("ERR \(id) is \(behind) entries behind; try again when it caught up")
    case .transfer(.failed(let id)): return .error("TRYAGAIN \(id) did not take over in time")
    case .timedOut: return .error("ERR not in time")
    }
  }

  private func info() -> String {
    let status = raft.metrics
    return """
      # Server\r
      redis_mode:standalone\r
      raft_node:\(status.id)\r
      # Replication\r
      role:\(status.role == "leader" ? "master" : "slave")\r
      # Raft\r
      raft_role:\(status.role)\r
      raft_term:\(status.term)\r
      raft_leader:\(status.leader?.description ?? "")\r
      raft_last_log_index:\(status.lastLogIndex)\r
      raft_committed:\(status.committed)\r
      raft_applied:\(status.applied)\r

      """
  }

  private struct StatusJSON: Encodable {
    var id: UInt64
    var role: String
    var term: UInt64
    var leader: UInt64?
    var leaderAddress: String?
    var lastLogIndex: UInt64
    var committed: UInt64
    var applied: UInt64
    var voters: [UInt64]
    /// Of whom a quorum is needed as well, while a change is under way.
    var votersBefore: [UInt64]?
    var addresses: [String: String]
    var reverted: [UInt64]
    var learners: [UInt64]
    var snapshot: UInt64
    var purged: UInt64
    /// Since it gave its vote to another, if it has since it was started.
    var secondsSinceVote: Double?
  }

  private func statusJSON() -> String {
    let status = raft.metrics
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let json = StatusJSON(
      id: status.id.number, role: status.role, term: status.term, leader: status.leader?.number,
      leaderAddress: status.leader.flatMap {
        status.membership.membership.clientAddress(of: $0)?.description
      },
      lastLogIndex: status.lastLogIndex, committed: status.committed, applied: status.applied,
      voters: status.membership.membership.voterSets.last?.map(\.number) ?? [],
      votersBefore: status.membership.membership.isJoint
        ? status.membership.membership.voterSets.first?.map(\.number) : nil,
      addresses: Dictionary(
        uniqueKeysWithValues: status.membership.membership.members.map {
          ("\($0.id.number)", $0.address)
        }),
      reverted: status.reverted.map(\.number),
      learners: status.membership.membership.learners.map(\.number),
      snapshot: status.snapshot?.index ?? 0, purged: status.purged?.index ?? 0,
      secondsSinceVote: lastVote.age.map { $0 / .seconds(1) })
    do {
      return String(decoding: try encoder.encode(json), as: UTF8.self)
    } catch {
      preconditionFailure("a status is always JSON: \(error)")
    }
  }
}
