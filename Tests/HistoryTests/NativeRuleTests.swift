// Rules of the native format that concern more than one line's syntax.

import Support
import Testing

@testable import History

@Suite struct NativeRuleTests {
  private func outcome(_ function: String, _ invoked: String, _ completed: String) -> String {
    let lines = [
      #"{"index":0,"time":0,"process":0,"type":"invoke","f":"\#(function)","value":\#(invoked)}"#,
      #"{"index":1,"time":0,"process":0,"type":"ok","f":"\#(function)","value":\#(completed)}"#,
    ]
    do {
      _ = try History(bytes: lines.joined(separator: "\n").utf8, name: "h")
      return "accepted"
    } catch {
      return "\(error)"
    }
  }

  @Test("an ok that must repeat its argument does, or says null")
  func repeats() {
    for function in ["write", "enqueue", "push", "insert", "put", "append", "add", "remove"] {
      #expect(outcome(function, "1", "1") == "accepted")
      #expect(outcome(function, "1", "null") == "accepted")
      #expect(
        outcome(function, "1", "2")
          == "h:2: process 0 invoked \(function) of 1 and completes it with 2; "
          + "an ok \(function) repeats its argument or carries null")
    }
    #expect(outcome("cas", "[1,2]", "[1,3]").hasPrefix("h:2: process 0 invoked cas"))
    #expect(outcome("add", "1", "[1,true]") == "accepted")
    #expect(outcome("remove", "1", "[1,false]") == "accepted")
    #expect(outcome("remove", "1", "[2,false]").hasPrefix("h:2:"))
    #expect(outcome("put", "1", "[1,true]").hasPrefix("h:2:"))
    #expect(outcome("read", "null", "7") == "accepted")
    #expect(outcome("acquire", "null", "7") == "accepted")
  }

  @Test("the header's capacity is a whole number above zero")
  func capacity() throws {
    func read(_ capacity: String) throws -> Header {
      let text =
        #"{"gauntlet":1,"model":"semaphore","capacity":\#(capacity)}"# + "\n"
        + #"{"index":0,"time":0,"process":0,"type":"invoke","f":"acquire","value":null}"#
      return try History(bytes: text.utf8, name: "h").header
    }
    #expect(try read("3") == Header(model: "semaphore", capacity: 3))
    #expect(throws: HistoryError.self) { try read("0") }
    #expect(throws: HistoryError.self) { try read("\"3\"") }
  }

  @Test("an index near the end of numbers is refused, not trapped on")
  func hugeIndex() {
    let line =
      #"{"index":9223372036854775807,"time":0,"process":0,"type":"invoke","f":"read","value":null}"#
    #expect(throws: HistoryError.self) { try History(bytes: line.utf8, name: "h") }
  }

  @Test("huge and scattered process numbers cost no memory of their size")
  func processes() throws {
    var table = ProcessTable()
    var random = SplitMix64(Seed(1))
    var twin: [Int: Int32] = [:]
    for step in 0..<20_000 {
      let process = Int.random(
        in: 0...(1 << Int.random(in: 3...62, using: &random)), using: &random)
      let value = [ProcessTable.idle, ProcessTable.ended, Int32(step)].randomElement(using: &random)
      table[process] = value ?? 0
      twin[process] = value ?? 0
      let other = Int.random(in: 0...3000, using: &random)
      #expect(table[other] == twin[other] ?? ProcessTable.idle)
    }
    #expect(twin.allSatisfy { table[$0.key] == $0.value })
  }

  @Test("a line without an end is refused before it fills the memory")
  func endless() {
    let bytes = [UInt8](repeating: UInt8(ascii: "["), count: InputWindow.longest + (1 << 20))
    let refusal = HistoryError(file: "h", line: 1, reason: .tooLong(limit: InputWindow.longest))
    #expect(throws: refusal) {
      try History(bytes: bytes, name: "h", options: ReadingOptions(format: .jsonl))
    }
    #expect(throws: refusal) {
      try History(bytes: packed(bytes), name: "h", options: ReadingOptions(format: .jsonl))
    }
  }

  @Test("what grows without end when it is unpacked is refused before it fills the memory")
  func bomb() {
    let blank = packed([UInt8](repeating: UInt8(ascii: "\n"), count: 16 << 20), level: 9)
    let bytes = Array(repeatElement(blank, count: 7).joined())
    let refusal = HistoryError(
      file: "h", reason: .compression("it grows to more than 200 times its size"))
    #expect(throws: refusal) {
      try History(bytes: bytes, name: "h", options: ReadingOptions(format: .jsonl))
    }
  }
}
