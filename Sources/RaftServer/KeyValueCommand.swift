// The commands that change the key-value state, and how they stand in the log.

import RedisProtocol

/// A command that goes through the log.
enum KeyValueCommand: Equatable {
  /// When a `SET` takes effect.
  enum Condition: Equatable {
    case always
    /// The key holds nothing.
    case ifAbsent
    /// The key holds something.
    case ifPresent
    /// The key holds exactly this.
    case ifEqual([UInt8])
  }

  case set(key: [UInt8], value: [UInt8], condition: Condition, returnsOld: Bool)
  /// Keys and values in turn.
  case setAll([[UInt8]])
  case delete([[UInt8]])
  case increment(key: [UInt8], by: Int64)
  case append(key: [UInt8], value: [UInt8])
  case addMembers(key: [UInt8], [[UInt8]])
  case removeMembers(key: [UInt8], [[UInt8]])
  case push(key: [UInt8], [[UInt8]])
  case popFirst(key: [UInt8])
  /// All of these at once, each in its own words; queries may be among them.
  case transaction([[[UInt8]]])
  /// Begins a session, in which a command takes effect once however often it is sent.
  case openSession
  /// The command in these words, as number `serial` of a session.
  case once(session: UInt64, serial: UInt64, [[UInt8]])

  /// The command that `words` spell.
  ///
  /// - Returns: nil when the first word names no command that changes anything.
  /// - Throws: `CommandError` when the rest does not fit it.
  init?(_ words: [[UInt8]]) throws(CommandError) {
    guard let name = words.first else { return nil }
    switch CommandName(name) {
    case .set: self = try Self.set(words)
    case .mset:
      guard words.count >= 3, !words.count.isMultiple(of: 2) else { throw .arguments("mset") }
      self = .setAll(Array(words.dropFirst()))
    case .delete:
      guard words.count >= 2 else { throw .arguments("del") }
      self = .delete(Array(words.dropFirst()))
    case .incr:
      guard words.count == 2 else { throw .arguments("incr") }
      self = .increment(key: words[1], by: 1)
    case .incrby:
      guard words.count == 3 else { throw .arguments("incrby") }
      guard let step = Int64(text: words[2]) else { throw .notInteger }
      self = .increment(key: words[1], by: step)
    case .append:
      guard words.count == 3 else { throw .arguments("append") }
      self = .append(key: words[1], value: words[2])
    case .sadd:
      guard words.count >= 3 else { throw .arguments("sadd") }
      self = .addMembers(key: words[1], Array(words.dropFirst(2)))
    case .srem:
      guard words.count >= 3 else { throw .arguments("srem") }
      self = .removeMembers(key: words[1], Array(words.dropFirst(2)))
    case .rpush:
      guard words.count >= 3 else { throw .arguments("rpush") }
      self = .push(key: words[1], Array(words.dropFirst(2)))
    case .lpop:
      guard words.count == 2 else { throw .arguments("lpop") }
      self = .popFirst(key: words[1])
    case .exec where words.count > 1: self = try Self.transaction(words.dropFirst())
    case .session: self = try Self.session(words)
    default: return nil
    }
  }

  private static func set(_ words: [[UInt8]]) throws(CommandError) -> KeyValueCommand {
    guard words.count >= 3 else { throw .arguments("set") }
    var condition = Condition.always
    var returnsOld = false
    var options = words.dropFirst(3)
    while let option = options.popFirst() {
      switch String(decoding: option, as: UTF8.self).uppercased() {
      case "NX" where condition == .always: condition = .ifAbsent
      case "XX" where condition == .always: condition = .ifPresent
      case "IFEQ" where condition == .always:
        guard let old = options.popFirst() else { throw .syntax }
        condition = .ifEqual(old)
      case "GET" where !returnsOld: returnsOld = true
      default: throw .syntax
      }
    }
    return .set(key: words[1], value: words[2], condition: condition, returnsOld: returnsOld)
  }

  /// As an entry has it: `EXEC` and each command as a payload of its own.
  private static func transaction(
    _ payloads: ArraySlice<[UInt8]>
  ) throws(CommandError) -> KeyValueCommand {
    var commands: [[[UInt8]]] = []
    for payload in payloads {
      guard let words = CommandPayload.decode(payload), try isForTransactions(words) else {
        throw .syntax
      }
      commands.append(words)
    }
    return .transaction(commands)
  }

  /// Whether `words` are a command or a query that a transaction may hold.
  static func isForTransactions(_ words: [[UInt8]]) throws(CommandError) -> Bool {
    // By their names first: what is nested is not read, however deep a client nests it.
    if let name = words.first.map({ CommandName($0) }), name == .exec || name == .session {
      return false
    }
    return switch try KeyValueCommand(words) {
    case .transaction, .openSession, .once: false
    case .some: true
    case nil: try KeyValueQuery(words) != nil
    }
  }

  private static func session(_ words: [[UInt8]]) throws(CommandError) -> KeyValueCommand {
    let usage = CommandError.usage(
      "RAFT.SESSION OPEN, or RAFT.SESSION id number command…, with a number from 1 and a command "
        + "that changes something")
    if words.count == 2, String(decoding: words[1], as: UTF8.self).uppercased() == "OPEN" {
      return .openSession
    }
    guard words.count >= 4, let session = UInt64(text: words[1]),
      let serial = UInt64(text: words[2]),
      serial > 0
    else { throw usage }
    guard CommandName(words[3]) != .session else { throw usage }
    let command = Array(words.dropFirst(3))
    switch try KeyValueCommand(command) {
    case .openSession, .once, nil: throw usage
    default: return .once(session: session, serial: serial, command)
    }
  }
}

extension FixedWidthInteger {
  /// The number that `text` spells.
  init?(text: [UInt8]) { self.init(String(decoding: text, as: UTF8.self)) }
}

/// Why a command was not understood; as a reply it proves that nothing was proposed.
enum CommandError: Error, Equatable {
  case arguments(String)
  case syntax
  case notInteger
  /// The command is used so.
  case usage(String)

  var reply: RESPValue {
    switch self {
    case .arguments(let command):
      .error("ERR wrong number of arguments for '\(command)' command")
    case .syntax: .error("ERR syntax error")
    case .notInteger: .error("ERR value is not an integer or out of range")
    case .usage(let line): .error("ERR usage: \(line)")
    }
  }
}

/// The words of a command as one payload: each with its length before it.
enum CommandPayload {
  static func encode(_ words: [[UInt8]]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(words.reduce(0) { $0 + $1.count + 4 })
    for word in words {
      for byte in 0..<4 {
        bytes.append(UInt8(truncatingIfNeeded: UInt32(word.count) >> (8 * UInt32(byte))))
      }
      bytes.append(contentsOf: word)
    }
    return bytes
  }

  /// The words again; nil when `bytes` are none of ours.
  static func decode(_ bytes: [UInt8]) -> [[UInt8]]? {
    var words: [[UInt8]] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      guard rest.count >= 4 else { return nil }
      let length = rest.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
      rest = rest.dropFirst(4)
      guard length <= rest.count else { return nil }
      words.append(Array(rest.prefix(length)))
      rest = rest.dropFirst(length)
    }
    return words
  }
}
