// The key-value state as bytes, and back.
//
// A snapshot is words, each with its length before it (`CommandPayload`): a kind, a name, how many
// words follow, and these. Kinds are `t` (a text), `s` (a set), `l` (a list), `c` (a session: the
// last number, the reply, and the entry that used it last) and at the end `e` (named after the number
// of records before it): without it a snapshot that is cut off between two records would be whole.

import DequeModule
import Raft

extension KeyValueMachine {
  func view() -> KeyValueView { KeyValueView(self) }
  func restoration() -> KeyValueRestoration { KeyValueRestoration() }
}

/// The keys and values of one moment. Costs nothing to make: what is written meanwhile is copied.
struct KeyValueView: SnapshotView {
  private var values: Dictionary<[UInt8], KeyValue>.Iterator
  private var sessions: Dictionary<UInt64, SessionTable.Session>.Iterator
  private var count = 0
  private var isAtEnd = false

  init(_ machine: KeyValueMachine) {
    values = machine.values.makeIterator()
    sessions = machine.sessions.sessions.makeIterator()
  }

  mutating func next(about bytes: Int) -> [UInt8]? {
    var chunk: [UInt8] = []
    while chunk.count < bytes, !isAtEnd {
      if let record = nextRecord() {
        chunk += CommandPayload.encode(record)
        count += 1
      } else {
        chunk += CommandPayload.encode([
          Array("e".utf8), Array("\(count)".utf8), Array("1".utf8), [],
        ])
        isAtEnd = true
      }
    }
    return chunk.isEmpty ? nil : chunk
  }

  private mutating func nextRecord() -> [[UInt8]]? {
    func record(_ kind: Character, _ name: [UInt8], _ words: [[UInt8]]) -> [[UInt8]] {
      [[kind.asciiValue!], name, Array("\(words.count)".utf8)] + words
    }
    if let (key, value) = values.next() {
      switch value {
      case .text(let text): return record("t", key, [text])
      case .set(let set): return record("s", key, Array(set))
      case .list(let list): return record("l", key, Array(list))
      }
    }
    return sessions.next().map { id, session in
      record(
        "c", Array("\(id)".utf8),
        [Array("\(session.serial)".utf8), session.reply, Array("\(session.usedAt)".utf8)])
    }
  }
}

/// Keys and values on their way back.
struct KeyValueRestoration: SnapshotRestoration {
  /// The bytes are no snapshot of this state machine.
  struct Damaged: Error {}

  private var bytes: [UInt8] = []

  mutating func take(_ bytes: [UInt8]) throws { self.bytes += bytes }

  consuming func finish() throws -> KeyValueMachine {
    guard let decoded = CommandPayload.decode(bytes) else { throw Damaged() }
    var words = decoded[...]
    var values: [[UInt8]: KeyValue] = [:]
    var sessions = SessionTable()
    var records = 0
    var isWhole = false
    while !isWhole, let kind = words.popFirst() {
      guard let name = words.popFirst(), let count = words.popFirst().flatMap({ Int(text: $0) }),
        count > 0, count <= words.count
      else { throw Damaged() }
      let held = Array(words.prefix(count))
      words = words.dropFirst(count)
      switch (kind.first.map { Character(UnicodeScalar($0)) }, count) {
      case ("t", 1): values[name] = .text(held[0])
      case ("s", _): values[name] = .set(Set(held))
      case ("l", _): values[name] = .list(Deque(held))
      case ("c", 3):
        guard let id = UInt64(text: name), let serial = UInt64(text: held[0]),
          let usedAt = UInt64(text: held[2])
        else { throw Damaged() }
        sessions.restore(
          id, SessionTable.Session(serial: serial, reply: held[1], usedAt: usedAt))
      case ("e", 1):
        guard Int(text: name) == records else { throw Damaged() }
        isWhole = true
      default: throw Damaged()
      }
      records += 1
    }
    guard isWhole, words.isEmpty else { throw Damaged() }
    return KeyValueMachine(values: values, sessions: sessions)
  }
}
