// What the page of a checked history promises, as text: nothing breaks out, nothing is loaded.

import Testing

@testable import History
@testable import Linearizability
@testable import Reports

/// A page every string of which is `nasty`, invalid on one key and valid on another.
func nastyPage(_ nasty: String) -> HistoryPage {
  let key = nasty + "2"
  var history = History()
  for (index, name) in [(0, nasty), (2, key)] {
    var event = Event(
      index: index, time: 5, process: .client(index), type: .invoke, function: nasty, key: name,
      value: .text(nasty), node: nasty)
    event.error = nasty
    var operation = Operation(invocation: event, process: index)
    operation.outcome = index == 0 ? .fail : .ok
    (operation.error, operation.observed) = (nasty, .list([.text(nasty)]))
    (operation.result, operation.completion) = (.text(nasty + "!"), index + 1)
    operation.completedAt = 6
    history.operations.append(operation)
  }
  history.faults = [
    FaultRecord(
      number: 1, kind: nasty, startIndex: 0, endIndex: nil, start: 5, end: nil, details: [],
      endDetails: [])
  ]
  let counterexample = Counterexample(
    key: nasty, operations: [0], keyOperations: [0], history: [history.operations[0]],
    abridged: [], anomaly: .staleRead, explanation: nasty + "\n" + nasty, orders: [],
    longestPrefix: nil, isMinimal: false)
  var invalid = KeyResult(
    key: nasty, verdict: .invalid, engine: .sweep, operations: 1, steps: 1, seconds: .nan,
    shrinkingSeconds: 0)
  invalid.counterexample = counterexample
  var valid = KeyResult(
    key: key, verdict: .valid, engine: .sweep, operations: 1, steps: 1, seconds: .infinity,
    shrinkingSeconds: 0)
  valid.witness = [2]
  let result = CheckResult(
    verdict: .invalid, model: .register, keys: [invalid, valid], operations: 2, seconds: 1,
    peakMemoryBytes: 1)
  return HistoryPage(
    history: history, result: result, file: nasty, notes: [nasty], initial: nasty,
    states: { _ in [nasty] },
    orders: { _ in
      [
        HistoryPage.Order(
          operations: [0], states: [nasty], due: 0,
          candidates: [.init(operation: 0, isPossible: false, reason: nasty)])
      ]
    })
}

@Suite struct HistoryPageTests {
  @Test("no string of a history adds a tag or an attribute to its page", arguments: nastyStrings)
  func nothingBreaksOut(nasty: String) throws {
    let plain = try nastyPage("x").html()
    let page = try nastyPage(nasty).html()
    #expect(scalars("<", in: page) == scalars("<", in: plain))
    #expect(scalars("\"", in: withoutData(page)) == scalars("\"", in: withoutData(plain)))
    #expect(scalars("'", in: withoutData(page)) == scalars("'", in: withoutData(plain)))
    #expect(scalars("\u{2028}", in: data(of: page)) == 0)
  }

  @Test("the page loads nothing: no address but the SVG name space")
  func selfContained() throws {
    let page = try nastyPage("x").html()
    #expect(page.split(separator: "http://").dropFirst().allSatisfy { $0.hasPrefix("www.w3.org/") })
    for word in ["https://", "src=", "@import", "url(h", "<link", "fetch(", "<iframe"] {
      #expect(!page.contains(word), "\(word)")
    }
    #expect(page.contains("default-src 'none'"))
  }

  @Test("a result about another history is refused with the index that is not there")
  func otherHistory() throws {
    var page = nastyPage("x")
    page.history.operations.removeLast()
    #expect(throws: ReportError.unknownOperation(index: 2)) { try page.html() }
  }

  @Test("an operation that ends before it starts is refused with its index")
  func endsBeforeStart() {
    var page = nastyPage("x")
    page.history.operations[1].completedAt = 4
    #expect(throws: ReportError.endsBeforeStart(index: 2)) { try page.html() }
  }

  @Test("the pieces are the page, and nothing is written of one that cannot be drawn")
  func pieces() throws {
    var page = nastyPage("x")
    var bytes: [UInt8] = []
    try page.write { bytes.append(contentsOf: $0) }
    #expect(String(decoding: bytes, as: UTF8.self) == (try page.html()))
    page.history.operations.removeLast()
    var pieces = 0
    #expect(throws: ReportError.self) { try page.write { _ in pieces += 1 } }
    #expect(pieces == 0)
  }

  @Test("long texts are cut in the middle, and a million of them stay below 40 MB in all")
  func longTexts() throws {
    let cut = PageTexts.cut(String(repeating: "x", count: 1000) + "end", to: 24)
    #expect(cut == "xxxxxxxxxxxxxxxx … (979 more) … xxxxxend")
    var texts = PageTexts()
    for number in 0..<100_000 {
      _ = texts.code(
        of: .list([.integer(Int64(number)), .text(String(repeating: "y", count: 500))]))
    }
    #expect(texts.byteCount < 13_000_000)
  }

  @Test(
    "values are coded as the script reads them",
    arguments: [
      (Value.absent, UInt64(0)), (7, 15), (.integer(-7), 2), (.text("7"), 2), (.boolean(true), 2),
      (.integer(.max), 2),
    ])
  func coded(value: Value, code: UInt64) {
    var texts = PageTexts()
    #expect(texts.code(of: value) == code)
    #expect(texts.code(of: value) == code)
  }

  @Test("a state that reads as an integer is coded as one, and no other")
  func codedTexts() {
    var texts = PageTexts()
    #expect(texts.code(of: "7") == 15)
    #expect(texts.code(of: "nil") == 0)
    #expect(texts.code(of: "07") == 2)
    #expect(texts.code(of: "٧") == 4)
  }

  private func scalars(_ scalar: Unicode.Scalar, in text: String) -> Int {
    text.unicodeScalars.count { $0 == scalar }
  }

  private func data(of page: String) -> String {
    page.split(separator: "id=\"page-data\">").last.map { String($0.prefix { $0 != "<" }) } ?? ""
  }

  /// The page without the JSON, in which quotation marks are no HTML, and the columns.
  private func withoutData(_ page: String) -> String {
    let parts = page.split(separator: "<script type=\"application/json\"", maxSplits: 1)
    return String(parts[0]) + parts[1].drop { $0 != "<" }
  }
}
