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

  @Test("SET with its conditions: it takes effect exactly when they hold")
  mutating func set() throws {
    #expect(try apply("SET", "k", "1", "XX") == RESPValue.null.bytes)
    #expect(try apply("SET", "k", "1", "NX") == RESPValue.ok.bytes)
    #expect(try apply("SET", "k", "2", "NX", "GET") == RESPValue.bulk("1").bytes)
    #expect(try apply("set", "k", "2", "ifeq", "1", "get") == RESPValue.bulk("1").bytes)
    #expect(try apply("SET", "k", "3", "IFEQ", "1", "GET") == RESPValue.bulk("2").bytes)
    #expect(machine.read(Array("k".utf8)) == RESPValue.bulk("2").bytes)
    #expect(try apply("SET", "absent", "1", "IFEQ", "", "GET") == RESPValue.null.bytes)
    #expect(machine.read(Array("absent".utf8)) == RESPValue.null.bytes)
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

  @Test(
    "a command that is not understood is refused before it is proposed",
    arguments: ["SET k", "SET k v NX XX", "SET k v IFEQ", "SET k v EX 3", "DEL", "INCR a b"])
  func refusals(line: String) {
    #expect(throws: CommandError.self) {
      try KeyValueCommand(line.split(separator: " ").map { Array($0.utf8) })
    }
  }
}
