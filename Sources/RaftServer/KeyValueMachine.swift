// The key-value state machine: what the log's commands do, and what reads see.

import DequeModule
import Raft
import RedisProtocol

/// What a key holds.
enum KeyValue: Equatable, Sendable {
  case text([UInt8])
  case set(Set<[UInt8]>)
  case list(Deque<[UInt8]>)
}

/// Keys and their values. Every reply is a Redis value, ready to be sent.
struct KeyValueMachine: StateMachine {
  private(set) var values: [[UInt8]: KeyValue] = [:]
  private(set) var sessions = SessionTable()
  /// A reply of several values is no longer: each may be one that is large, named again and again.
  static let longestReply = 16 << 20
  /// No text grows beyond this.
  static let longestText = 8 << 20

  init() {}

  init(values: [[UInt8]: KeyValue], sessions: SessionTable) {
    self.values = values
    self.sessions = sessions
  }

  mutating func apply(_ entries: [Entry]) -> [[UInt8]] {
    entries.map { entry in
      switch entry.payload {
      case .blank, .membership: return []
      case .command(let payload):
        // Checked before it was proposed, so only a newer version's entry can fail here.
        guard let words = CommandPayload.decode(payload), let command = try? KeyValueCommand(words)
        else { preconditionFailure("entry \(entry.id) is no command this version knows") }
        return apply(command, at: entry.id.index)
      }
    }
  }

  private mutating func apply(_ command: KeyValueCommand, at index: UInt64) -> [UInt8] {
    switch command {
    case .openSession: return RESPValue.integer(Int64(sessions.open(at: index))).bytes
    case .once(let session, let serial, let words):
      var table = sessions
      defer { sessions = table }
      sessions = SessionTable()  // so that `table` alone holds it, and nothing is copied
      return table.once(session, serial, at: index) { carryOut(words) }
    default: return carryOut(command).bytes
    }
  }

  /// Carries out a command or query in its words, which were understood before.
  private mutating func carryOut(_ words: [[UInt8]]) -> RESPValue {
    if let query = try? KeyValueQuery(words) { return answer(query) }
    guard let command = try? KeyValueCommand(words) else { return CommandError.syntax.reply }
    return carryOut(command)
  }

  private mutating func carryOut(_ command: KeyValueCommand) -> RESPValue {
    switch command {
    case .set(let key, let value, let condition, let returnsOld):
      return set(key, value, condition, returnsOld: returnsOld)
    case .setAll(let words):
      for place in stride(from: 0, to: words.count, by: 2) {
        values[words[place]] = .text(words[place + 1])
      }
      return .ok
    case .delete(let keys):
      return .integer(Int64(keys.count { values.removeValue(forKey: $0) != nil }))
    case .increment(let key, let step): return increment(key, by: step)
    case .append(let key, let value): return append(value, to: key)
    case .addMembers(let key, let members):
      return changeSet(key) { set in members.count { set.insert($0).inserted } }
    case .removeMembers(let key, let members):
      return changeSet(key) { set in members.count { set.remove($0) != nil } }
    case .push(let key, let new):
      return changeList(key) { list in
        list.append(contentsOf: new)
        return .integer(Int64(list.count))
      }
    case .popFirst(let key):
      return changeList(key) { list in list.popFirst().map { .bulk($0) } ?? .null }
    case .transaction(let commands): return carryOut(all: commands)
    case .openSession, .once: return CommandError.syntax.reply  // never within another
    }
  }

  /// All of it happens; of the replies those are left out for which there is no more room.
  private mutating func carryOut(all commands: [[[UInt8]]]) -> RESPValue {
    var room = Self.longestReply
    var replies: [RESPValue] = []
    for words in commands {
      let reply = carryOut(words)
      room -= reply.size
      replies.append(room >= 0 ? reply : Self.tooLong)
    }
    return .array(replies)
  }

  private static let tooLong = RESPValue.error(
    "ERR done, but its reply and those before it have more than \(longestReply) bytes")

  private static let wrongType = RESPValue.error(
    "WRONGTYPE Operation against a key holding the wrong kind of value")

  /// What a key holds as text; nil for nothing, and for anything else.
  private func text(_ key: [UInt8]) -> [UInt8]? {
    guard case .text(let bytes) = values[key] else { return nil }
    return bytes
  }

  /// Whether a key holds something that is no text.
  private func isOfOtherKind(_ key: [UInt8]) -> Bool {
    switch values[key] {
    case .text, nil: false
    case .set, .list: true
    }
  }

  private mutating func set(
    _ key: [UInt8], _ value: [UInt8], _ condition: KeyValueCommand.Condition, returnsOld: Bool
  ) -> RESPValue {
    let holds: Bool
    switch condition {
    case .always: holds = true
    case .ifAbsent: holds = values[key] == nil
    case .ifPresent: holds = values[key] != nil
    case .ifEqual(let expected): holds = values[key] == .text(expected)
    }
    var reply = holds ? RESPValue.ok : .null
    if returnsOld {
      guard !isOfOtherKind(key) else { return Self.wrongType }
      reply = text(key).map { .bulk($0) } ?? .null
    }
    if holds { values[key] = .text(value) }
    return reply
  }

  private mutating func increment(_ key: [UInt8], by step: Int64) -> RESPValue {
    guard !isOfOtherKind(key) else { return Self.wrongType }
    guard let number = Int64(text: text(key) ?? Array("0".utf8)) else {
      return CommandError.notInteger.reply
    }
    let (sum, isTooFar) = number.addingReportingOverflow(step)
    guard !isTooFar else { return CommandError.notInteger.reply }
    values[key] = .text(Array("\(sum)".utf8))
    return .integer(sum)
  }

  private mutating func append(_ value: [UInt8], to key: [UInt8]) -> RESPValue {
    guard !isOfOtherKind(key) else { return Self.wrongType }
    var text = text(key) ?? []
    guard text.count + value.count <= Self.longestText else {
      return .error("ERR a text of more than \(Self.longestText) bytes")
    }
    values[key] = nil  // so that the text is not copied
    text += value
    values[key] = .text(text)
    return .integer(Int64(text.count))
  }

  private mutating func changeSet(
    _ key: [UInt8], _ change: (inout Set<[UInt8]>) -> Int
  ) -> RESPValue {
    guard var set = self.set(at: key) else { return Self.wrongType }
    values[key] = nil  // so that the set is not copied
    let count = change(&set)
    if !set.isEmpty { values[key] = .set(set) }
    return .integer(Int64(count))
  }

  private mutating func changeList(
    _ key: [UInt8], _ change: (inout Deque<[UInt8]>) -> RESPValue
  ) -> RESPValue {
    guard var list = self.list(at: key) else { return Self.wrongType }
    values[key] = nil  // so that the list is not copied
    let reply = change(&list)
    if !list.isEmpty { values[key] = .list(list) }
    return reply
  }

  /// The set at `key`, empty where there is nothing; nil where there is something else.
  private func set(at key: [UInt8]) -> Set<[UInt8]>? {
    switch values[key] {
    case .set(let set): set
    case nil: []
    case .text, .list: nil
    }
  }

  private func list(at key: [UInt8]) -> Deque<[UInt8]>? {
    switch values[key] {
    case .list(let list): list
    case nil: []
    case .text, .set: nil
    }
  }
}

// What is read.
extension KeyValueMachine {
  func read(_ query: [UInt8]) -> [UInt8] {
    // Checked before it was asked.
    guard let words = CommandPayload.decode(query), let query = try? KeyValueQuery(words) else {
      preconditionFailure("a query of \(query.count) bytes that is none")
    }
    return answer(query).bytes
  }

  private func answer(_ query: KeyValueQuery) -> RESPValue {
    switch query {
    case .get(let key):
      guard !isOfOtherKind(key) else { return Self.wrongType }
      return text(key).map { .bulk($0) } ?? .null
    case .getAll(let keys):
      let reply = RESPValue.array(keys.map { key in text(key).map { .bulk($0) } ?? .null })
      return reply.size <= Self.longestReply ? reply : Self.tooLong
    case .exists(let keys): return .integer(Int64(keys.count { values[$0] != nil }))
    case .length(let key):
      guard !isOfOtherKind(key) else { return Self.wrongType }
      return .integer(Int64(text(key)?.count ?? 0))
    case .members(let key):
      guard let set = set(at: key) else { return Self.wrongType }
      return .array(set.sorted { $0.lexicographicallyPrecedes($1) }.map { .bulk($0) })
    case .range(let key, let first, let last):
      guard let list = list(at: key) else { return Self.wrongType }
      let start = max(first < 0 ? list.count &+ first : first, 0)
      let end = min(last < 0 ? list.count &+ last : last, list.count - 1)
      return .array(start > end ? [] : list[start...end].map { .bulk($0) })
    }
  }
}
