// The key-value state machine: what the log's commands do, and what reads see.

import Raft
import RedisProtocol

/// Keys and their values. Every reply is a Redis value, ready to be sent.
struct KeyValueMachine: StateMachine {
  private var values: [[UInt8]: [UInt8]] = [:]

  mutating func apply(_ entries: [Entry]) -> [[UInt8]] {
    entries.map { entry in
      switch entry.payload {
      case .blank, .membership: return []
      case .command(let payload):
        // Checked before it was proposed, so only a newer version's entry can fail here.
        guard let words = CommandPayload.decode(payload),
          let command = try? KeyValueCommand(words)
        else { preconditionFailure("entry \(entry.id) is no command this version knows") }
        return apply(command).bytes
      }
    }
  }

  func read(_ query: [UInt8]) -> [UInt8] {
    let value: RESPValue = values[query].map { .bulk($0) } ?? .null
    return value.bytes
  }

  func view() -> KeyValueView { KeyValueView(values: values) }
  func restoration() -> KeyValueRestoration { KeyValueRestoration() }

  fileprivate init(values: [[UInt8]: [UInt8]]) { self.values = values }
  init() {}

  private mutating func apply(_ command: KeyValueCommand) -> RESPValue {
    switch command {
    case .set(let key, let value, let condition, let returnsOld):
      let old = values[key]
      let holds = Self.holds(condition, of: old)
      if holds { values[key] = value }
      if returnsOld { return old.map { .bulk($0) } ?? .null }
      return holds ? .ok : .null
    case .delete(let keys):
      return .integer(Int64(keys.count { values.removeValue(forKey: $0) != nil }))
    case .increment(let key):
      let text = values[key].map { String(decoding: $0, as: UTF8.self) } ?? "0"
      guard let number = Int64(text), number < Int64.max else {
        return .error("ERR value is not an integer or out of range")
      }
      values[key] = Array("\(number + 1)".utf8)
      return .integer(number + 1)
    case .append(let key, let value):
      values[key, default: []] += value
      return .integer(Int64(values[key]!.count))
    }
  }

  private static func holds(_ condition: KeyValueCommand.Condition, of old: [UInt8]?) -> Bool {
    switch condition {
    case .always: true
    case .ifAbsent: old == nil
    case .ifPresent: old != nil
    case .ifEqual(let expected): old == expected
    }
  }
}

/// The keys and values of one moment, by key.
struct KeyValueView: SnapshotView {
  private let values: [[UInt8]: [UInt8]]
  private var keys: ArraySlice<[UInt8]>

  fileprivate init(values: [[UInt8]: [UInt8]]) {
    self.values = values
    keys = values.keys.sorted { $0.lexicographicallyPrecedes($1) }[...]
  }

  mutating func next(about bytes: Int) -> [UInt8]? {
    guard !keys.isEmpty else { return nil }
    var words: [UInt8] = []
    while words.count < bytes, let key = keys.popFirst() {
      words += CommandPayload.encode([key, values[key]!])
    }
    return words
  }
}

/// Keys and values on their way back.
struct KeyValueRestoration: SnapshotRestoration {
  /// The bytes are no snapshot of this state machine.
  struct Damaged: Error {}

  private var bytes: [UInt8] = []

  mutating func take(_ bytes: [UInt8]) throws { self.bytes += bytes }

  consuming func finish() throws -> KeyValueMachine {
    guard let words = CommandPayload.decode(bytes), words.count.isMultiple(of: 2) else {
      throw Damaged()
    }
    var values: [[UInt8]: [UInt8]] = [:]
    for place in stride(from: 0, to: words.count, by: 2) { values[words[place]] = words[place + 1] }
    return KeyValueMachine(values: values)
  }
}
