// The commands that only read.

import RedisProtocol

/// A command that changes nothing, and so needs no entry of the log.
enum KeyValueQuery: Equatable {
  case get([UInt8])
  case getAll([[UInt8]])
  case exists([[UInt8]])
  case length([UInt8])
  case members([UInt8])
  /// From the first index to the last; negative ones count from the end.
  case range([UInt8], Int, Int)

  /// The query that `words` spell.
  ///
  /// - Returns: nil when the first word names none.
  /// - Throws: `CommandError` when the rest does not fit it.
  init?(_ words: [[UInt8]]) throws(CommandError) {
    guard let name = words.first else { return nil }
    switch CommandName(name) {
    case .get:
      guard words.count == 2 else { throw .arguments("get") }
      self = .get(words[1])
    case .mget:
      guard words.count >= 2 else { throw .arguments("mget") }
      self = .getAll(Array(words.dropFirst()))
    case .exists:
      guard words.count >= 2 else { throw .arguments("exists") }
      self = .exists(Array(words.dropFirst()))
    case .strlen:
      guard words.count == 2 else { throw .arguments("strlen") }
      self = .length(words[1])
    case .smembers:
      guard words.count == 2 else { throw .arguments("smembers") }
      self = .members(words[1])
    case .lrange:
      guard words.count == 4 else { throw .arguments("lrange") }
      guard let first = Int(text: words[2]), let last = Int(text: words[3]) else {
        throw .notInteger
      }
      self = .range(words[1], first, last)
    default: return nil
    }
  }
}
