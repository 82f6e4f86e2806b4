// What one connection has asked for so far: how new its reads are, and what its transaction holds.

import Raft
import RedisProtocol

/// The state of one client's connection.
struct ConnectionState {
  /// What becomes of a word on transactions.
  enum Step {
    case answer(RESPValue)
    /// This payload is one entry.
    case execute([UInt8])
  }

  /// The commands since `MULTI`.
  private struct Transaction {
    var payloads: [[UInt8]] = []
    var size = 0
    /// One of them was not understood: none is carried out.
    var isBroken = false
  }

  /// How new the state must be that this connection reads.
  var reads = ReadConsistency.linearizable
  private var transaction: Transaction?

  /// Takes `words` where they are about a transaction, or belong to one.
  ///
  /// - Returns: nil when they are to be carried out by themselves.
  mutating func transact(_ words: [[UInt8]]) throws(CommandError) -> Step? {
    switch CommandName(words[0]) {
    case .multi:
      guard words.count == 1 else { throw .arguments("multi") }
      guard transaction == nil else { return .answer(.error("ERR MULTI calls can not be nested")) }
      transaction = Transaction()
      return .answer(.ok)
    case .discard:
      guard transaction != nil else { return .answer(.error("ERR DISCARD without MULTI")) }
      transaction = nil
      return .answer(.ok)
    case .exec:
      guard words.count == 1 else { throw .arguments("exec") }
      return try execute(in: [])
    // `RAFT.SESSION id serial EXEC`: the transaction takes effect once, however often it is sent.
    case .session where words.count >= 4 && CommandName(words[3]) == .exec:
      guard words.count == 4 else { throw .arguments("exec") }
      return try execute(in: Array(words[..<3]))
    default: return try queue(words)
    }
  }

  /// Ends the transaction: all of it is one entry, in a session if `session` are the words of one.
  private mutating func execute(in session: [[UInt8]]) throws(CommandError) -> Step {
    guard let done = transaction else { return .answer(.error("ERR EXEC without MULTI")) }
    let words = session + [Array("EXEC".utf8)] + done.payloads
    // What the log takes every node must be able to carry out.
    if !done.payloads.isEmpty { _ = try KeyValueCommand(words) }
    transaction = nil
    guard !done.isBroken else {
      return .answer(.error("EXECABORT Transaction discarded because of previous errors"))
    }
    guard !done.payloads.isEmpty else { return .answer(.array([])) }
    return .execute(CommandPayload.encode(words))
  }

  private mutating func queue(_ words: [[UInt8]]) throws(CommandError) -> Step? {
    guard transaction != nil else { return nil }
    do throws(CommandError) {
      guard try KeyValueCommand.isForTransactions(words) else {
        throw CommandError.usage("MULTI, then commands on keys, then EXEC")
      }
    } catch {
      transaction!.isBroken = true
      throw error
    }
    let payload = CommandPayload.encode(words)
    transaction!.size += payload.count + 4
    guard transaction!.size <= RedisCommands.longestCommand else {
      transaction!.isBroken = true
      transaction!.payloads = []
      return .answer(
        .error("ERR a transaction of more than \(RedisCommands.longestCommand) bytes"))
    }
    transaction!.payloads.append(payload)
    return .answer(.simple("QUEUED"))
  }
}
