// The counterexample as characters.

import Testing

@testable import History
@testable import Linearizability
@testable import Reports

@Suite struct TerminalDrawingTests {
  @Test("bars by process in the order of events; open ones fade, key ones are double")
  func golden() {
    expect(
      TerminalDrawing(counterexample: stale, width: 80),
      """
      process 0  ├─ write 1 ─┤
      process 4      ├─ write 2 → ? ─┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄…
                                                                   ├─ write 3 → ? ─…
      process 2                  ╞═ read → 2 ═╡
      process 1                                   ╞═ read → 1 ═╡
                 ═ contradict each other
                 … may take effect later
      """)
  }

  @Test("where the labels have no room, the bars are numbered and listed below")
  func numbered() {
    expect(
      TerminalDrawing(counterexample: stale, width: 44),
      """
      p0  ├── 1 ──┤
      p4      ├─ 2 ─┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄…
                                          ├─ 5 ─…
      p2              ╞═ 3 ═╡
      p1                        ╞═ 4 ═╡
          ═ contradict each other
          … may take effect later
      1   write 1, index 0
      2   write 2 → ?, index 2
      3   read → 2, index 4
      4   read → 1, index 9
      5   write 3 → ?, index 14
      """)
  }

  @Test("below forty columns there is a list")
  func list() {
    expect(
      TerminalDrawing(counterexample: stale, width: 38),
      """
        0–3 write 1, process 0
        2–… write 2 → ?, process 4
      * 4–7 read → 2, process 2
      * 9–12 read → 1, process 1
        14–… write 3 → ?, process 4
      """)
  }

  @Test("no line is wider than was asked for, at any width and for any text", arguments: 1...130)
  func width(columns: Int) {
    for nasty in nastyStrings + ["日本語日本語日本語 🪐", "e\u{301}"] {
      var counterexample = stale
      for place in counterexample.history.indices {
        counterexample.history[place].argument = .text(nasty)
      }
      let drawing = TerminalDrawing(counterexample: counterexample, width: columns)
      for line in drawing.text.split(separator: "\n", omittingEmptySubsequences: false) {
        #expect(TerminalText.width(String(line)) <= columns, "\(line)")
        #expect(!line.unicodeScalars.contains { $0.value < 32 || $0.value == 0x202E }, "\(line)")
      }
    }
  }

  @Test("nothing to draw is nothing")
  func empty() {
    var counterexample = stale
    counterexample.history = []
    #expect(TerminalDrawing(counterexample: counterexample, width: 80).text == "")
  }

  /// Process 2 reads the open write of 2, then process 1 what was there before.
  private var stale: Counterexample {
    let history = [
      operation("write", 1, process: 0, from: 0, to: 3),
      operation("write", 2, process: 4, from: 2, to: nil),
      operation("read", 2, process: 2, from: 4, to: 7),
      operation("read", 1, process: 1, from: 9, to: 12),
      operation("write", 3, process: 4, from: 14, to: nil),
    ]
    return Counterexample(
      key: "x", operations: history.map(\.invocation), keyOperations: [4, 9], history: history,
      abridged: [], anomaly: .staleRead, explanation: "", orders: [], longestPrefix: nil,
      isMinimal: true)
  }

  private func operation(
    _ function: String, _ value: Value, process: Int, from: Int, to: Int?
  ) -> Operation {
    var event = Event(
      index: from, time: Int64(from), process: .client(process), type: .invoke, function: function,
      value: function == "read" ? .absent : value)
    event.key = "x"
    var operation = Operation(invocation: event, process: process)
    guard let to else { return operation }
    (operation.outcome, operation.completion, operation.completedAt) = (.ok, to, Int64(to))
    operation.result = value
    return operation
  }

  private func expect(
    _ drawing: TerminalDrawing, _ expected: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(
      drawing.text == expected, "\n\(drawing.text)\n", sourceLocation: sourceLocation)
  }
}
