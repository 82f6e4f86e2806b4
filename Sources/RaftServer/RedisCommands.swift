// What each Redis command does on this node.

import FoundationEssentials
import Raft
import RedisProtocol

/// Answers the commands of clients.
struct RedisCommands: Sendable {
  let raft: Raft
  /// Where clients reach each node.
  let clientAddresses: [NodeID: Address]

  /// The reply to `request`, as bytes.
  func reply(to request: RESPValue) async -> [UInt8] {
    guard case .array(let members) = request else { return Self.malformed }
    var words: [[UInt8]] = []
    for member in members {
      guard case .bulk(let word) = member else { return Self.malformed }
      words.append(word)
    }
    guard let name = words.first else { return Self.malformed }
    do {
      if try KeyValueCommand(words) != nil {
        let payload = CommandPayload.encode(words)
        guard payload.count <= Self.longestCommand else {
          return RESPValue.error("ERR a command of more than \(Self.longestCommand) bytes").bytes
        }
        return try await raft.write(payload)
      }
      switch String(decoding: name, as: UTF8.self).uppercased() {
      case "GET":
        guard words.count == 2 else { throw CommandError.arguments("get") }
        return try await raft.read(words[1])
      case "PING":
        return (words.count > 1 ? RESPValue.bulk(words[1]) : .simple("PONG")).bytes
      case "INFO": return RESPValue.bulk(info()).bytes
      case "RAFT.STATUS": return RESPValue.bulk(statusJSON()).bytes
      default:
        let text = String(decoding: name.prefix(64), as: UTF8.self).filter { !$0.isNewline }
        return RESPValue.error("ERR unknown command '\(text)'").bytes
      }
    } catch let error as CommandError {
      return error.reply.bytes
    } catch let error as RaftError {
      return refusal(error).bytes
    } catch {
      return RESPValue.error("ERR \(error)").bytes
    }
  }

  /// An entry must fit into a peer's frame with room to spare, or no follower could ever take it.
  private static let longestCommand = 32 << 20

  private static let malformed = RESPValue.error("ERR a command is an array of bulks").bytes

  /// `MOVED`, `CLUSTERDOWN` and `TRYAGAIN` prove that nothing was proposed; `INDOUBT` that it was.
  private func refusal(_ error: RaftError) -> RESPValue {
    switch error {
    case .notLeader(let leader?) where leader != raft.status.id:
      guard let address = clientAddresses[leader] else { return .error("CLUSTERDOWN no leader") }
      return .error("MOVED 0 \(address)")
    case .notLeader: return .error("CLUSTERDOWN no leader is known; try again")
    case .indoubt: return .error("INDOUBT leadership was lost; the outcome is unknown")
    case .overloaded: return .error("TRYAGAIN too many requests wait")
    case .stopped: return .error("CLUSTERDOWN the node is stopping")
    }
  }

  private func info() -> String {
    let status = raft.status
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
  }

  private func statusJSON() -> String {
    let status = raft.status
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let json = StatusJSON(
      id: status.id.number, role: status.role, term: status.term, leader: status.leader?.number,
      leaderAddress: status.leader.flatMap { clientAddresses[$0]?.description },
      lastLogIndex: status.lastLogIndex, committed: status.committed, applied: status.applied,
      voters: status.voters.map(\.number))
    do {
      return String(decoding: try encoder.encode(json), as: UTF8.self)
    } catch {
      preconditionFailure("a status is always JSON: \(error)")
    }
  }
}
