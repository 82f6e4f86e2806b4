// What the page of a run promises, as text: nothing breaks out, nothing is loaded, nothing is lost.

import Testing

@testable import Reports

/// Strings that a page must show and not obey.
let nastyStrings = [
  "</script><script>window.pwned=1</script>", "<!--<script>", "]]>", "<img src=x onerror=pwned=1>",
  "\" onmouseover=\"pwned=1", "\"\u{301} onmouseover=pwned=1 x=\u{301}\"",
  "'\u{20E3}&amp;&lt;b&gt;",
  "{{title}} {{{data}}}", "\\u003c \\ \u{0} \u{1B}[31m \u{2028} \u{2029} \u{202E}abc", "日本語 🪐 é",
  "</style><style>*{display:none}", "<\u{338}b>",
]

/// The same, four to a page: a browser takes its time to start.
let nastyMixtures = stride(from: 0, to: nastyStrings.count, by: 4).map {
  nastyStrings[$0..<min($0 + 4, nastyStrings.count)].joined(separator: " ")
}

func nastyReport(_ nasty: String) -> RunReport {
  var report = RunReport(title: nasty, outcome: nasty, verdictLine: nasty)
  report.facts = [(nasty, nasty)]
  report.checks = [.init(name: nasty, verdict: nasty, detail: nasty)]
  report.functions = [.init(name: nasty, ok: 1, fail: 0, info: 0, p50: .nan, p95: .infinity)]
  report.phases = [(nasty, -.infinity)]
  report.operations = [
    .init(
      process: 1, worker: 1, function: nasty, key: nasty, label: nasty, outcome: .info, start: 5,
      end: nil, node: nasty, error: nasty, index: 7)
  ]
  report.faults = [.init(name: nasty, detail: nasty, start: 0, end: nil, verified: nasty)]
  report.leaders = [.init(time: 1, node: nasty, term: 1)]
  report.counterexample = .init(key: nasty, explanation: nasty, operations: [7])
  return report
}

@Suite struct RunReportTests {
  @Test("no string of a run adds a tag or an attribute to its page", arguments: nastyStrings)
  func nothingBreaksOut(nasty: String) throws {
    let plain = try nastyReport("x").html()
    let page = try nastyReport(nasty).html()
    #expect(scalars("<", in: page) == scalars("<", in: plain))
    #expect(scalars("\"", in: withoutData(page)) == scalars("\"", in: withoutData(plain)))
    #expect(scalars("'", in: withoutData(page)) == scalars("'", in: withoutData(plain)))
  }

  @Test("a template's tags in a string are shown, not rendered")
  func tagsAreText() throws {
    let page = try RunReport(title: "{{badge.word}}", outcome: "valid", verdictLine: "").html()
    #expect(page.contains("<h1>{{badge.word}}</h1>"))
  }

  @Test("a run without operations has a page, and it says so")
  func emptyRun() throws {
    let page = try RunReport(title: "t", outcome: "inconclusive", verdictLine: "Nothing ran.")
      .html()
    #expect(page.contains("No operations"))
    #expect(!page.contains("<canvas"))
    #expect(!page.contains("<h2 id=\"checks-heading\""))
  }

  @Test(
    "every outcome has a word of its own in the headline",
    arguments: [
      ("valid", "Valid"), ("violation", "Violation"), ("crash", "Crash"),
      ("objective", "Objective missed"), ("inconclusive", "Inconclusive"),
      ("bench-failure", "Bench failure"), ("interrupted", "Interrupted"),
    ])
  func outcomes(outcome: String, word: String) throws {
    let page = try RunReport(title: "t", outcome: outcome, verdictLine: "s").html()
    #expect(page.contains("<strong>\(word)</strong>"))
  }

  @Test("the counterexample comes before the checks")
  func counterexampleFirst() throws {
    var run = SyntheticRun(seed: 1, operations: 50, seconds: 2)
    let page = try run.violation().html()
    let explanation = try #require(page.range(of: "id=\"counterexample-heading\""))
    let checks = try #require(page.range(of: "id=\"checks-heading\""))
    #expect(explanation.lowerBound < checks.lowerBound)
  }

  @Test("the page loads nothing: no address but the SVG name space")
  func selfContained() throws {
    var run = SyntheticRun(seed: 2, operations: 50, seconds: 2)
    let page = try run.violation().html()
    #expect(page.split(separator: "http://").dropFirst().allSatisfy { $0.hasPrefix("www.w3.org/") })
    for word in ["https://", "src=", "@import", "url(h", "<link", "fetch(", "<iframe"] {
      #expect(!page.contains(word), "\(word)")
    }
  }

  @Test("an operation that ends before it starts is refused with its index")
  func endsBeforeStart() {
    var report = RunReport(title: "", outcome: "valid", verdictLine: "")
    report.operations = [
      .init(
        process: 0, worker: 0, function: "read", label: "read", outcome: .ok, start: 2, end: 1,
        index: 12)
    ]
    #expect(throws: ReportError.endsBeforeStart(index: 12)) { try report.html() }
  }

  @Test("200,000 operations stay below 25 MB")
  func size() throws {
    var run = SyntheticRun(seed: 3, operations: 200_000, seconds: 600, workers: 50)
    let report = run.valid()
    let clock = ContinuousClock()
    var page = ""
    let time = try clock.measure { page = try report.html() }
    print("200,000 operations: \(page.utf8.count) bytes, rendered in \(time)")
    #expect(page.utf8.count < 25_000_000)
  }

  @Test(
    "figures read as people write them",
    arguments: [
      (Figures.count(1_234_567), "1,234,567"), (Figures.count(-999), "-999"),
      (Figures.fixed(3.14159, digits: 2), "3.14"), (Figures.fixed(0.995, digits: 2), "1.00"),
      (Figures.fixed(.nan, digits: 2), "–"), (Figures.fixed(1.005e9, digits: 0), "1,005,000,000"),
      (Figures.milliseconds(nil), "–"), (Figures.milliseconds(0.456), "0.46"),
      (Figures.milliseconds(1000.7), "1,001"), (Figures.seconds(61.42), "61.42 s"),
      (Figures.seconds(3720), "1 h 2 min"), (Figures.seconds(0.0123), "0.012 s"),
    ])
  func figures(written: String, expected: String) {
    #expect(written == expected)
  }

  private func scalars(_ scalar: Unicode.Scalar, in text: String) -> Int {
    text.unicodeScalars.count { $0 == scalar }
  }

  /// The page without the JSON, in which quotation marks are no HTML.
  private func withoutData(_ page: String) -> String {
    let parts = page.split(separator: "<script type=\"application/json\"", maxSplits: 1)
    return String(parts[0]) + parts[1].drop { $0 != "<" }
  }
}
