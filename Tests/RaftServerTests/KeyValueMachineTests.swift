// What each command does to the keys, and what it answers.

import Raft
import RedisProtocol
import Testing

@testable import RaftServer

@Suite struct KeyValueMachineTests {
  private var machine = KeyValueMachine()
  private var index: UInt64 = 0

  private mutating func apply(_ words: String...) throws -> [UInt8] {
    index += 1
    let bytes = words.map { Array($0.utf8) }
    #expect(try KeyValueCommand(bytes) != nil)
    let entry = Entry(
      id: LogID(term: 1, index: index), payload: .command(CommandPayload.encode(bytes)))
    return machine.apply([entry])[0]
  }

  private func read(_ words: String...) throws -> [UInt8] {
    let bytes = words.map { Array($0.utf8) }
    #expect(try KeyValueQuery(bytes) != nil)
    return machine.read(CommandPayload.encode(bytes))
  }

  /// The machine that a snapshot of this one makes, taken in parts of about `bytes`.
  private func restored(about bytes: Int) throws -> KeyValueMachine {
    var view = machine.view()
    var restoration = machine.restoration()
    while let part = view.next(about: bytes) { try restoration.take(part) }
    return try restoration.finish()
  }

  @Test("SET with its conditions: it takes effect exactly when they hold")
  mutating func set() throws {
    #expect(try apply("SET", "k", "1", "XX") == RESPValue.null.bytes)
    #expect(try apply("SET", "k", "1", "NX") == RESPValue.ok.bytes)
    #expect(try apply("SET", "k", "2", "NX", "GET") == RESPValue.bulk("1").bytes)
    #expect(try apply("set", "k", "2", "ifeq", "1", "get") == RESPValue.bulk("1").bytes)
    #expect(try apply("SET", "k", "3", "IFEQ", "1", "GET") == RESPValue.bulk("2").bytes)
    #expect(try read("GET", "k") == RESPValue.bulk("2").bytes)
    #expect(try apply("SET", "absent", "1", "IFEQ", "", "GET") == RESPValue.null.bytes)
    #expect(try read("GET", "absent") == RESPValue.null.bytes)
  }

  @Test("INCR counts from nothing and refuses what is no number")
  mutating func increment() throws {
    #expect(try apply("INCR", "n") == RESPValue.integer(1).bytes)
    #expect(try apply("SET", "n", "9223372036854775807") == RESPValue.ok.bytes)
    #expect(try apply("INCR", "n").first == UInt8(ascii: "-"))
    #expect(try apply("APPEND", "n", "x") == RESPValue.integer(20).bytes)
    #expect(try apply("INCR", "n").first == UInt8(ascii: "-"))
    #expect(try apply("DEL", "n", "n", "m") == RESPValue.integer(1).bytes)
  }

  @Test("several keys at once: MSET, MGET, EXISTS, STRLEN")
  mutating func several() throws {
    #expect(try apply("MSET", "a", "1", "b", "22") == RESPValue.ok.bytes)
    #expect(try apply("SADD", "s", "x") == RESPValue.integer(1).bytes)
    #expect(
      try read("MGET", "a", "none", "s", "b")
        == RESPValue.array([.bulk("1"), .null, .null, .bulk("22")]).bytes)
    #expect(try read("EXISTS", "a", "a", "none", "s") == RESPValue.integer(3).bytes)
    #expect(try read("STRLEN", "b") == RESPValue.integer(2).bytes)
    #expect(try read("STRLEN", "none") == RESPValue.integer(0).bytes)
    #expect(try apply("INCRBY", "a", "-5") == RESPValue.integer(-4).bytes)
  }

  @Test("sets hold each member once, lists keep their order, and empty ones are gone")
  mutating func collections() throws {
    #expect(try apply("SADD", "s", "b", "a", "b") == RESPValue.integer(2).bytes)
    #expect(try read("SMEMBERS", "s") == RESPValue.array([.bulk("a"), .bulk("b")]).bytes)
    #expect(try apply("SREM", "s", "a", "c") == RESPValue.integer(1).bytes)
    #expect(try apply("SREM", "s", "b") == RESPValue.integer(1).bytes)
    #expect(try read("EXISTS", "s") == RESPValue.integer(0).bytes)
    #expect(try apply("RPUSH", "l", "1", "2") == RESPValue.integer(2).bytes)
    #expect(try apply("RPUSH", "l", "3") == RESPValue.integer(3).bytes)
    #expect(
      try read("LRANGE", "l", "-2", "9") == RESPValue.array([.bulk("2"), .bulk("3")]).bytes)
    #expect(
      try read("LRANGE", "l", "-9223372036854775808", "0") == RESPValue.array([.bulk("1")]).bytes)
    #expect(try apply("LPOP", "l") == RESPValue.bulk("1").bytes)
    #expect(try read("LRANGE", "none", "0", "-1") == RESPValue.array([]).bytes)
    #expect(try apply("LPOP", "none") == RESPValue.null.bytes)
  }

  @Test(
    "a key of another kind is left alone",
    arguments: ["INCR l", "APPEND l x", "SADD l x", "SET l x GET"])
  mutating func wrongKind(line: String) throws {
    _ = try apply("RPUSH", "l", "1")
    let words = line.split(separator: " ").map { Array($0.utf8) }
    let entry = Entry(
      id: LogID(term: 1, index: 9), payload: .command(CommandPayload.encode(words)))
    #expect(machine.apply([entry])[0].starts(with: Array("-WRONGTYPE".utf8)))
    #expect(try read("LRANGE", "l", "0", "-1") == RESPValue.array([.bulk("1")]).bytes)
  }

  @Test("what is nested is refused, however deep", arguments: ["RAFT.SESSION 1 1 ", "EXEC "])
  func nested(prefix: String) {
    var words = "SET k v".split(separator: " ").map { Array($0.utf8) }
    let outer = prefix.split(separator: " ").map { Array($0.utf8) }
    for _ in 0..<20_000 {
      words = prefix == "EXEC " ? [outer[0], CommandPayload.encode(words)] : outer + words
      // A payload grows by what surrounds it; as words they are only more.
      if words.count + (words.last?.count ?? 0) > 200_000 { break }
    }
    #expect(throws: CommandError.self) { try KeyValueCommand(words) }
    #expect(throws: CommandError.self) { try KeyValueCommand(outer + words) }
    #expect(throws: CommandError.self) {
      try KeyValueCommand(["RAFT.SESSION", "1", "1"].map { Array($0.utf8) } + words)
    }
  }

  @Test("in a session a command takes effect once, and its repetition gets the same answer")
  mutating func sessions() throws {
    #expect(try apply("RAFT.SESSION", "OPEN") == RESPValue.integer(1).bytes)
    for _ in 0..<3 {
      #expect(try apply("RAFT.SESSION", "1", "7", "INCR", "n") == RESPValue.integer(1).bytes)
    }
    machine = try restored(about: 1)
    #expect(try apply("RAFT.SESSION", "1", "7", "INCR", "n") == RESPValue.integer(1).bytes)
    #expect(try apply("RAFT.SESSION", "1", "8", "INCR", "n") == RESPValue.integer(2).bytes)
    #expect(try apply("RAFT.SESSION", "1", "7", "INCR", "n").first == UInt8(ascii: "-"))
    #expect(try apply("RAFT.SESSION", "5", "1", "INCR", "n").first == UInt8(ascii: "-"))
    #expect(try read("GET", "n") == RESPValue.bulk("2").bytes)
  }

  @Test(
    "a reply that is too long is given once, and of several values only as many as there is room for"
  )
  func longReplies() throws {
    var machine = KeyValueMachine()
    var index: UInt64 = 0
    func apply(_ words: [[UInt8]]) -> [UInt8] {
      index += 1
      let entry = Entry(
        id: LogID(term: 1, index: index), payload: .command(CommandPayload.encode(words)))
      return machine.apply([entry])[0]
    }
    let long = [UInt8](repeating: 7, count: 4 << 20)
    let (set, get, key) = (Array("SET".utf8), Array("GET".utf8), Array("k".utf8))
    _ = apply([set, key, long])
    let gets = (0..<1000).map { _ in CommandPayload.encode([get, key]) }
    let all = apply([Array("EXEC".utf8)] + gets)
    #expect(all.count < 17 << 20)
    #expect(all.count > 11 << 20)
    let query = CommandPayload.encode([Array("MGET".utf8)] + Array(repeating: key, count: 1000))
    #expect(machine.read(query).starts(with: Array("-ERR".utf8)))
    let session = String(
      decoding: apply([Array("RAFT.SESSION".utf8), Array("OPEN".utf8)]), as: UTF8.self
    )
    .filter(\.isNumber)
    let once = [Array("RAFT.SESSION".utf8), Array(session.utf8), Array("1".utf8)]
    let pushed = once + [Array("SET".utf8), key, [1], Array("GET".utf8)]
    #expect(apply(pushed).count > 4 << 20)
    #expect(apply(pushed).starts(with: Array("-ERR 1 is done".utf8)))
  }

  @Test("of too many sessions the one that was used longest ago goes")
  func sessionLimit() {
    var table = SessionTable()
    for index in 1...UInt64(SessionTable.most) { _ = table.open(at: index) }
    #expect(table.once(1, 1, at: 20_000) { .ok } == RESPValue.ok.bytes)
    #expect(table.open(at: 20_001) == 20_001)
    #expect(table.sessions.count == SessionTable.most)
    #expect(table.sessions[1] != nil && table.sessions[2] == nil)
  }

  @Test("a transaction is one entry, and a snapshot gives the same state again")
  mutating func transactions() throws {
    var connection = ConnectionState()
    func step(_ words: String...) throws -> [UInt8]? {
      switch try connection.transact(words.map { Array($0.utf8) }) {
      case .answer(let value): value.bytes
      case .execute(let payload):
        machine.apply([Entry(id: LogID(term: 1, index: 1), payload: .command(payload))])[0]
      case nil: nil
      }
    }
    #expect(try step("SET", "k", "0") == nil)
    #expect(try step("EXEC")?.first == UInt8(ascii: "-"))
    #expect(try step("MULTI") == RESPValue.ok.bytes)
    #expect(try step("RPUSH", "l", "a", "b") == RESPValue.simple("QUEUED").bytes)
    #expect(try step("SADD", "s", "m") == RESPValue.simple("QUEUED").bytes)
    #expect(try step("LRANGE", "l", "0", "0") == RESPValue.simple("QUEUED").bytes)
    #expect(
      try step("EXEC")
        == RESPValue.array([.integer(2), .integer(1), .array([.bulk("a")])]).bytes)
    #expect(try step("MULTI") == RESPValue.ok.bytes)
    #expect(throws: CommandError.self) { try step("SET", "k") }
    #expect(try step("EXEC")?.starts(with: Array("-EXECABORT".utf8)) == true)
    let copy = try restored(about: 3)
    #expect(copy.values == machine.values && copy.sessions == machine.sessions)
  }

  @Test(
    "a command that is not understood is refused before it is proposed",
    arguments: [
      "SET k", "SET k v NX XX", "SET k v IFEQ", "SET k v EX 3", "DEL", "INCR a b", "MSET a",
      "INCRBY a x",
      "RAFT.SESSION 1 0 INCR a", "RAFT.SESSION 1 1 GET a", "RAFT.SESSION 1 1 RAFT.SESSION OPEN",
    ])
  func refusals(line: String) {
    #expect(throws: CommandError.self) {
      try KeyValueCommand(line.split(separator: " ").map { Array($0.utf8) })
    }
  }
}
