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
  case delete([[UInt8]])
  case increment(key: [UInt8])
  case append(key: [UInt8], value: [UInt8])

  /// The command that `words` spell.
  ///
  /// - Returns: nil when the first word names no command that changes anything.
  /// - Throws: `CommandError` when the rest does not fit it.
  init?(_ words: [[UInt8]]) throws(CommandError) {
    guard let name = words.first else { return nil }
    switch String(decoding: name, as: UTF8.self).uppercased() {
    case "SET": self = try Self.set(words)
    case "DEL":
      guard words.count >= 2 else { throw .arguments("del") }
      self = .delete(Array(words.dropFirst()))
    case "INCR":
      guard words.count == 2 else { throw .arguments("incr") }
      self = .increment(key: words[1])
    case "APPEND":
      guard words.count == 3 else { throw .arguments("append") }
      self = .append(key: words[1], value: words[2])
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
}

/// Why a command was not understood; as a reply it proves that nothing was proposed.
enum CommandError: Error, Equatable {
  case arguments(String)
  case syntax
  /// The command is used so.
  case usage(String)

  var reply: RESPValue {
    switch self {
    case .arguments(let command):
      .error("ERR wrong number of arguments for '\(command)' command")
    case .syntax: .error("ERR syntax error")
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
