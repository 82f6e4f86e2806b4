// The page in a real browser: its script runs to the end, draws, and obeys no string of the run.

import Testing

@testable import Reports

@Suite(.timeLimit(.minutes(3)), .serialized) struct BrowserIntegrationTests {
  @Test("a valid run of a minute draws without an error")
  func valid() throws {
    var run = SyntheticRun(seed: 42)
    let report = run.valid()
    let page = try opened(report, as: "valid")
    let count = report.operations.count
    expect(page, has: "data-operations=\"\(count)\"")
    expect(page, has: ">\(Figures.count(count)) operations</output>")
  }

  @Test("a violation draws its counterexample, with each label on a bar")
  func violation() throws {
    var run = SyntheticRun(seed: 42)
    let report = run.violation()
    let page = try opened(report, as: "violation")
    let labels = ["write 90011 → ok", "write 90012 → unknown", "read → 90012", "read → 90011"]
    for label in labels { expect(page, has: ">\(label)</text>") }
    expect(page, has: ">5 of \(Figures.count(report.operations.count))</output>")
  }

  @Test("a run without operations opens without an error")
  func empty() throws {
    _ = try opened(RunReport(title: "t", outcome: "interrupted", verdictLine: ""), as: "empty")
  }

  @Test("a counterexample whose operations are missing opens without an error")
  func missingOperations() throws {
    var report = RunReport(title: "t", outcome: "violation", verdictLine: "")
    report.counterexample = .init(key: nil, explanation: "Why.", operations: [1])
    _ = try opened(report, as: "missing")
  }

  @Test("one operation, at time 0 and without length, opens without an error")
  func instant() throws {
    var report = RunReport(title: "t", outcome: "valid", verdictLine: "")
    report.operations = [
      .init(
        process: 0, worker: 0, function: "read", label: "read", outcome: .ok, start: 0, end: 0,
        index: 0)
    ]
    _ = try opened(report, as: "instant")
  }

  @Test("strings that try to break out are shown and not obeyed")
  func nasty() throws {
    for (number, string) in nastyMixtures.enumerated() {
      let page = try opened(nastyReport(string), as: "nasty-\(number)")
      let obeys = page.contains("<img") || page.contains("<script>window.pwned")
      #expect(!obeys, "\(string)")
    }
  }

  @Test("keys, wheel, search, filters and hovering do what the page says")
  func controls() throws {
    var run = SyntheticRun(seed: 42)
    let page = try opened(run.violation(), as: "controls", then: Self.controls)
    expect(page, has: "data-passed=\"12\"")
  }

  /// Uses the page as a reader would. Any claim that fails becomes the page's error.
  private static let controls = """
    let passed = 0;
    const claim = (is, what) => { if (!is) throw new Error(what); passed += 1; };
    const press = (key) => timeline.canvas.dispatchEvent(new KeyboardEvent("keydown", { key }));
    const set = (id, value) => {
      byId(id).value = value;
      byId(id).dispatchEvent(new Event("input", { bubbles: true }));
    };
    const span = () => view.to - view.from;
    claim(span() < 1e8, "the first view is around the counterexample");
    press("0");
    claim(span() > run.span, "0 shows the whole run");
    press("+");
    claim(span() < run.span, "+ zooms in");
    const from = view.from;
    press("ArrowRight");
    claim(view.from > from, "the right arrow moves to the right");
    timeline.canvas.focus();
    const before = span();
    timeline.canvas.dispatchEvent(new WheelEvent("wheel", { deltaY: -100, cancelable: true }));
    claim(span() < before, "the wheel zooms a selected timeline");
    byId("only-counterexample").click();
    claim(view.matches.length === run.count, "without filters all are lit");
    set("search", "90012");
    claim(view.matches.length === 3, "three operations name 90012");
    press("n");
    claim(byId("selected").textContent.includes("90012"), "n selects a match");
    set("search", "");
    set("filter-outcome", "2");
    claim(view.matches.every((i) => run.outcome[i] === INFO), "only info is lit");
    set("filter-outcome", "");
    const i = run.counterexample[0];
    goTo(i);
    const x = timeToX((run.start[i] + run.end[i]) / 2);
    const y = HEAD + (view.laneOf.get(run.worker[i]) + 0.5) * timeline.lane;
    claim(operationAt(x, y) === i, "an operation is found under the pointer");
    const box = timeline.canvas.getBoundingClientRect();
    const at = { clientX: box.left + x, clientY: box.top + y };
    timeline.canvas.dispatchEvent(new PointerEvent("pointermove", at));
    claim(!tooltip.hidden && tooltip.textContent.includes("90011"), "hovering shows its values");
    const plot = overview.canvas.getBoundingClientRect();
    const over = { clientX: plot.left + plot.width / 2, clientY: plot.top + 30 };
    overview.canvas.dispatchEvent(new PointerEvent("pointermove", over));
    claim(tooltip.textContent.includes(" ok/s"), "hovering the charts shows the rates");
    document.documentElement.dataset.passed = passed;
    """

  @Test("200,000 operations open without an error")
  func large() throws {
    var run = SyntheticRun(seed: 7, operations: 200_000, seconds: 420, workers: 50)
    let report = run.valid()
    let page = try opened(report, as: "large")
    expect(page, has: "data-operations=\"\(report.operations.count)\"")
  }

  /// Unlike `#expect(page.contains(…))` this does not print the page.
  private func expect(
    _ page: String, has part: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let isThere = page.contains(part)
    #expect(isThere, "\(part) is missing", sourceLocation: sourceLocation)
  }

  private func opened(
    _ report: RunReport, as name: String, then script: String = ""
  ) throws -> String {
    try Browser.opened(Array(report.html().utf8), as: name, then: script)
  }
}
