// The names of commands on keys and transactions, found without a text being made of each request.

/// A command that is carried out often.
enum CommandName: String, CaseIterable {
  case append = "APPEND"
  case delete = "DEL"
  case discard = "DISCARD"
  case exec = "EXEC"
  case exists = "EXISTS"
  case get = "GET"
  case incr = "INCR"
  case incrby = "INCRBY"
  case lpop = "LPOP"
  case lrange = "LRANGE"
  case mget = "MGET"
  case mset = "MSET"
  case multi = "MULTI"
  case rpush = "RPUSH"
  case sadd = "SADD"
  case session = "RAFT.SESSION"
  case set = "SET"
  case smembers = "SMEMBERS"
  case srem = "SREM"
  case strlen = "STRLEN"

  /// By the name's bytes as one number.
  private static let short = Dictionary(
    uniqueKeysWithValues: allCases.compactMap { name in
      packed(Array(name.rawValue.utf8)).map { ($0, name) }
    })

  /// The command that `word` names, in letters of either case.
  init?(_ word: [UInt8]) {
    if let packed = Self.packed(word) {
      // Zeros before a name pack to the same number.
      guard let name = Self.short[packed], name.rawValue.utf8.count == word.count else {
        return nil
      }
      self = name
    } else {
      guard word.count == Self.session.rawValue.utf8.count else { return nil }
      self.init(rawValue: String(decoding: word, as: UTF8.self).uppercased())
    }
  }

  /// Up to eight bytes, letters in capitals, as one number; nil for more.
  private static func packed(_ word: [UInt8]) -> UInt64? {
    guard word.count <= 8 else { return nil }
    var number: UInt64 = 0
    for byte in word {
      let isSmall = (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
      number = number << 8 | UInt64(isSmall ? byte & 0xDF : byte)
    }
    return number
  }
}
