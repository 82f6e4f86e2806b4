// A model that is none of ours, as a user writes one; the documentation shows it word by word.

import FoundationEssentials
import History
import Linearizability
import Testing

// documentation: begin
/// Hands out tickets: `next` returns 0, 1, 2, and so on, and `peek` what comes next.
struct TicketModel: Model {
  enum Action: Hashable {
    /// It was handed this one; nil when nobody heard the answer.
    case next(Int64?)
    case peek(Int64)
  }

  let initial: Int64 = 0

  func action(of operation: Operation) throws(CheckError) -> Action? {
    guard operation.outcome != .fail else { return nil }
    switch (operation.function, operation.result) {
    case ("next", .integer(let ticket)): return .next(ticket)
    case ("next", _): return .next(nil)
    case ("peek", .integer(let ticket)): return .peek(ticket)
    case ("peek", _): return nil
    default:
      throw CheckError(
        index: operation.invocation, function: operation.function,
        reason: .unknownFunction(model: "ticket", known: ["next", "peek"]))
    }
  }

  func step(_ state: Int64, _ action: Action) -> Int64? {
    switch action {
    case .next(let ticket): ticket == nil || ticket == state ? state + 1 : nil
    case .peek(let ticket): ticket == state ? state : nil
    }
  }

  func isPure(_ action: Action) -> Bool {
    if case .peek = action { true } else { false }
  }
}
// documentation: end

@Suite struct OwnModelTests {
  private func history(_ events: [(process: Int, type: String, f: String, value: String)])
    throws -> History
  {
    let lines = events.enumerated().map { index, event in
      "{\"index\":\(index),\"time\":\(index),\"process\":\(event.process),"
        + "\"type\":\"\(event.type)\",\"f\":\"\(event.f)\",\"value\":\(event.value)}\n"
    }
    return try History(bytes: Array(lines.joined().utf8), name: "tickets")
  }

  @Test("a model of one's own gets a witness that holds")
  func valid() async throws {
    let history = try history([
      (0, "invoke", "next", "null"), (1, "invoke", "next", "null"), (1, "ok", "next", "0"),
      (2, "invoke", "peek", "null"), (0, "info", "next", "null"), (2, "ok", "peek", "2"),
    ])
    let result = try await Check().run(history, by: TicketModel())
    #expect(result.verdict == .valid && result.model == nil)
    // The answer that nobody heard must have come before the look.
    #expect(result.keys[0].witness == [1, 0, 3])
  }

  @Test("a model of one's own gets a counterexample without what does not matter")
  func invalid() async throws {
    let history = try history([
      (3, "invoke", "peek", "null"), (3, "ok", "peek", "0"),
      (0, "invoke", "next", "null"), (0, "ok", "next", "0"),
      (1, "invoke", "next", "null"), (1, "ok", "next", "0"),
      (2, "invoke", "peek", "null"), (2, "ok", "peek", "2"),
    ])
    let result = try await Check().run(history, by: TicketModel())
    #expect(result.verdict == .invalid)
    let counterexample = try #require(result.counterexample)
    #expect(counterexample.operations == [2, 4] && counterexample.isMinimal)
  }

  @Test("what the model does not know is an error with the operation's index")
  func unknown() async throws {
    let history = try history([(0, "invoke", "leave", "null"), (0, "ok", "leave", "null")])
    await #expect(throws: CheckError.self) {
      try await Check().run(history, by: TicketModel())
    }
  }

  @Test("the documentation shows this very model")
  func documented() throws {
    let here = URL(filePath: #filePath)
    let page = here.deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(
        path: "Sources/Linearizability/Linearizability.docc/Linearizability.md")
    let source = try String(contentsOf: here, encoding: .utf8)
    let parts = source.split(separator: "// documentation: begin\n")
    let model = try #require(parts[1].split(separator: "// documentation: end\n").first)
    #expect(try String(contentsOf: page, encoding: .utf8).contains("```swift\n\(model)```"))
  }
}
