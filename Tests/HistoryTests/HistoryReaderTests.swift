// Reading histories: what is accepted, and the one line that says why something is not.

import Foundation
import Support
import Testing

@testable import History

@Suite struct HistoryReaderTests {
  private func read(_ lines: String...) throws -> History {
    try History(bytes: (lines.joined(separator: "\n") + "\n").utf8, name: "h.jsonl")
  }

  private func refusal(_ lines: String...) -> String {
    do {
      _ = try History(bytes: (lines.joined(separator: "\n") + "\n").utf8, name: "h.jsonl")
      return "accepted"
    } catch {
      return "\(error)"
    }
  }

  private let invoke =
    #"{"index":0,"time":10,"process":3,"type":"invoke","f":"write","key":"7","value":12}"#
  private let ok =
    #"{"index":1,"time":20,"process":3,"type":"ok","f":"write","key":"7","value":12}"#

  @Test("an operation is its two events")
  func pairs() throws {
    let history = try read(#"{"gauntlet":1,"model":"register","initial":0}"#, invoke, ok)
    #expect(history.header == Header(model: "register", initial: 0))
    let operation = try #require(history.operations.first)
    #expect(operation.outcome == .ok && operation.key == "7" && operation.argument == 12)
    #expect(operation.invokedAt == 10 && operation.completedAt == 20)
  }

  @Test("an invocation that is never completed is of unknown outcome")
  func open() throws {
    #expect(try read(invoke).operations.map(\.outcome) == [.info])
  }

  @Test("members in any order, unknown ones skipped, a number as key becomes its text")
  func lenient() throws {
    let line =
      #"{ "f":"read", "later":{"a":[1.5e3,null]}, "value":null,"key":7,"type":"invoke","process":0,"time":0,"index":0 }"#
    #expect(try read(line).operations.map(\.key) == ["7"])
  }

  @Test("a torn last line is skipped and noted")
  func torn() throws {
    let bytes = invoke + "\n" + ok + "\n" + #"{"index":2,"time":30,"proc"#
    let history = try History(bytes: bytes.utf8, name: "h.jsonl")
    #expect(history.operations.count == 1)
    #expect(history.notes == ["h.jsonl:3: the last line is torn and was skipped"])
  }

  @Test("what cannot be accepted is refused with its place")
  func refusals() {
    #expect(refusal(ok).hasPrefix("h.jsonl:1: process 3 completes what it never invoked"))
    let second =
      #"{"index":1,"time":20,"process":3,"type":"invoke","f":"read","key":"7","value":null}"#
    #expect(refusal(invoke, second).hasPrefix("h.jsonl:2: process 3 invokes while"))
    #expect(
      refusal(invoke, ok.replacing("\"index\":1", with: "\"index\":5")).hasPrefix(
        "h.jsonl:2: index 5"))
    #expect(refusal(invoke, ok.replacing("20", with: "9")).hasPrefix("h.jsonl:2: time goes back"))
    #expect(
      refusal(invoke, ok.replacing("write", with: "read")).hasPrefix("h.jsonl:2: process 3 invoked")
    )
    let info = ok.replacing("\"ok\"", with: "\"info\"")
    #expect(
      refusal(invoke, info, second.replacing("\"index\":1", with: "\"index\":2"))
        .hasPrefix("h.jsonl:3: process 3 goes on"))
    #expect(refusal("{\"index\":0,").hasPrefix("h.jsonl:1:"))
    #expect(refusal(invoke.replacing("12", with: "1.5")).contains("fraction"))
    #expect(refusal(invoke.replacing("invoke", with: "begin")).contains("none of invoke"))
    #expect(refusal("").contains("no event"))
    #expect(refusal("\u{0}\u{1}rubbish").contains("not a text file"))
    #expect(refusal(#"{"gauntlet":9}"#, invoke).contains("version 9"))
    #expect(refusal(invoke, ok, #"{"gauntlet":1}"#).contains("must be first"))
  }

  @Test("what is written is read again", arguments: Seed.some(200))
  func roundTrip(seed: Seed) throws {
    var random = SplitMix64(seed)
    var event = Event(
      index: 0, time: Int64.random(in: 0...Int64.max, using: &random),
      process: .client(Int.random(in: 0...99, using: &random)), type: .invoke,
      function: text(&random), key: text(&random), value: value(&random, depth: 0),
      node: text(&random), error: text(&random))
    event.observed = Bool.random(using: &random) ? value(&random, depth: 0) : nil
    event.differs = Bool.random(using: &random)
    #expect(try line(of: event) == .event(event))
    var fault = Event(
      index: 1, time: 5, process: .nemesis, type: .info, function: "partition")
    fault.fault = 3
    fault.phase = .end
    fault.details = [Event.Detail(text(&random), value(&random, depth: 0))]
    #expect(try line(of: fault) == .event(fault))
  }

  private func line(of event: Event) throws -> JSONLines.Line {
    var bytes: [UInt8] = []
    JSONLines.append(event, to: &bytes)
    return try bytes.withUnsafeBufferPointer { buffer in
      try JSONLines.line(buffer, file: "h", number: 1)
    }
  }

  private func text(_ random: inout SplitMix64) -> String {
    let pieces = ["a", "\"", "\\", "\n", "\t", "é", "𝄞", "</script>", "\u{1}", " "]
    return (0..<Int.random(in: 0...6, using: &random))
      .map { _ in pieces.randomElement(using: &random)! }.joined()
  }

  private func value(_ random: inout SplitMix64, depth: Int) -> Value {
    switch Int.random(in: 0...(depth > 3 ? 3 : 4), using: &random) {
    case 0: .absent
    case 1: .integer(Int64(bitPattern: random.next()))
    case 2: .boolean(Bool.random(using: &random))
    case 3: .text(text(&random))
    default:
      .list(
        (0..<Int.random(in: 0...3, using: &random)).map { _ in value(&random, depth: depth + 1) })
    }
  }

  @Test("any bytes are read without a trap", arguments: Seed.some(2000))
  func rubbish(seed: Seed) {
    var random = SplitMix64(seed)
    var bytes = Array((invoke + "\n" + ok + "\n").utf8)
    for _ in 0..<Int.random(in: 1...6, using: &random) {
      let place = Int.random(in: 0..<bytes.count, using: &random)
      switch Int.random(in: 0...2, using: &random) {
      case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
      case 1: bytes.remove(at: place)
      default: bytes.insert(contentsOf: "[{\"\\u".utf8, at: place)
      }
    }
    _ = try? History(bytes: bytes, name: "h")
    _ = try? History(bytes: [UInt8](repeating: UInt8(ascii: "["), count: 100_000), name: "h")
  }
}

@Suite(.timeLimit(.minutes(1))) struct RecorderTests {
  @Test("what many workers record at once is a history, in the order of real time")
  func concurrent() async throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).jsonl").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let recorder = try Recorder(path: path, header: Header(model: "register"))
    await withTaskGroup(of: Void.self) { group in
      for process in 0..<8 {
        group.addTask {
          for number in 0..<500 {
            recorder.invoke(
              process: process, function: "write", key: "0", argument: .integer(Int64(number)),
              node: "n1")
            recorder.complete(
              process: process, function: "write", key: "0", type: .ok,
              value: .integer(Int64(number)), node: "n1")
          }
        }
      }
    }
    try await recorder.flush()
    let history = try History(file: path)
    #expect(history.operations.count == 4000 && history.endIndex == 8000)
    #expect(recorder.counts.byFunction["write"]?.ok == 4000)
    #expect(throws: HistoryError.self) { try Recorder(path: path, header: Header()) }
  }
}
