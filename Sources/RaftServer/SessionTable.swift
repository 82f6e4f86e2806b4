// What makes retries exactly-once: of each session the last command's number and reply (thesis §6.3).

import RedisProtocol

/// The sessions of clients. Part of the replicated state: every node has the same.
struct SessionTable: Sendable, Equatable {
  struct Session: Sendable, Equatable {
    /// The number of its last command; 0 before the first.
    var serial: UInt64 = 0
    /// What that was answered.
    var reply: [UInt8] = []
    /// The entry that used it last.
    var usedAt: UInt64
  }

  /// So many are kept; the one that was used longest ago makes room for a new one.
  static let most = 10_000
  /// So long replies are kept for a repetition: ten thousand of them must fit into memory.
  static let longestKept = 64 << 10

  private(set) var sessions: [UInt64: Session] = [:]

  /// Begins a session, named after the entry that asks for it: no other ever has that name.
  mutating func open(at index: UInt64) -> UInt64 {
    if sessions.count >= Self.most {
      // By name too: of two that were used by one entry the order must be everywhere the same.
      let oldest = sessions.min { ($0.value.usedAt, $0.key) < ($1.value.usedAt, $1.key) }
      sessions[oldest!.key] = nil
    }
    sessions[index] = Session(usedAt: index)
    return index
  }

  /// Has `command` carried out if it is the session's next, and answers a repetition of the last one
  /// from memory.
  mutating func once(
    _ id: UInt64, _ serial: UInt64, at index: UInt64, _ command: () -> RESPValue
  ) -> [UInt8] {
    guard var session = sessions[id] else {
      return RESPValue.error("NOSESSION \(id) is unknown, or was not used for too long").bytes
    }
    if serial == session.serial { return session.reply }
    guard serial > session.serial else {
      return RESPValue.error("ERR session \(id) is past \(serial), at \(session.serial)").bytes
    }
    let reply = command().bytes
    let kept =
      reply.count <= Self.longestKept
      ? reply
      : RESPValue.error("ERR \(serial) is done; its reply of \(reply.count) bytes was not kept")
        .bytes
    session = Session(serial: serial, reply: kept, usedAt: index)
    sessions[id] = session
    return reply
  }

  /// Puts back a session that a snapshot held.
  mutating func restore(_ id: UInt64, _ session: Session) { sessions[id] = session }
}
