// The page of a checked history in a real browser: it draws, and obeys its reader and no string.

import Testing

@testable import History
@testable import Linearizability
@testable import Reports

@Suite(.timeLimit(.minutes(4)), .serialized) struct HistoryPageIntegrationTests {
  @Test("a valid history draws its points, in the order of the witness and within their bars")
  func valid() async throws {
    var synthetic = SyntheticHistory(seed: 42)
    synthetic.faults = 4
    let history = synthetic.history()
    let page = try await opened(.checked(history), as: "history-valid", then: Self.points)
    expect(page, has: "data-operations=\"\(history.operations.count)\"")
    expect(page, has: "data-passed=\"6\"")
  }

  private static let passing = """
    let passed = 0;
    const claim = (is, what) => { if (!is) throw new Error(what); passed += 1; };
    const press = (key) => timeline.canvas.dispatchEvent(new KeyboardEvent("keydown", { key }));
    const set = (id, value) => {
      byId(id).value = value;
      byId(id).dispatchEvent(new Event("input", { bubbles: true }));
    };
    const span = () => view.to - view.from;

    """

  private static let points =
    passing + """
      const inside = () => points.at.every((at, k) => {
        const i = points.place[k];
        return (k === 0 || points.at[k - 1] <= at) && run.start[i] <= at
          && (run.outcome[i] === INFO || at <= run.end[i]);
      });
      claim(points.at.length === page.keys[0].points && points.at.length > 1500, "points are there");
      claim(inside(), "points are in order, each within its bar");
      set("axis", "order");
      claim(inside(), "and so they are along the events");
      claim(run.end[5] === run.took[5] + run.index[5], "bars span their events");
      select(points.place[7]);
      claim(byId("selected").textContent.includes("state after " + stateText(7)), "states shown");
      press("]");
      claim(view.selected === points.place[8], "] follows the witness");
      document.documentElement.dataset.passed = passed;
      """

  @Test("an invalid history draws its counterexample in front, with the orders that end")
  func invalid() async throws {
    var synthetic = SyntheticHistory(seed: 7)
    (synthetic.keys, synthetic.values) = (4, nil)
    let history = synthetic.history(stale: 2)
    let page = try await HistoryPage.checked(history, notes: ["3 lines were skipped"])
    #expect(page.result.verdict == .invalid)
    let document = try opened(page, as: "history-invalid", then: Self.front)
    expect(document, has: "data-passed=\"8\"")
    expect(document, has: "<li>3 lines were skipped</li>")
    expect(document, has: "2 of 4 keys are not linearizable")
  }

  private static let front =
    passing + """
      const first = page.keys[0].counterexample;
      const drawing = () => byId("counterexample-drawing");
      claim(view.key === 0 && page.keys[0].verdict === "invalid", "an invalid key comes first");
      claim(drawing().querySelectorAll("g[style]").length === first.members.length, "bars drawn");
      claim(view.matches.length === first.members.length, "all else is dimmed");
      const circles = () => drawing().querySelectorAll("circle").length;
      claim(circles() === first.orders[0].operations.length + 1, "the first order is on it");
      const explanation = () => document.querySelector(".explanation:not([hidden])").textContent;
      const before = explanation();
      set("filter-key", "1");
      claim(explanation() !== before && view.key === 1, "another key has its own explanation");
      byId("only-counterexample").click();
      claim(view.matches.length > 100 && view.matches.length < run.count, "its whole history is lit");
      set("filter-key", "3");
      claim(byId("counterexample-section").hidden, "a valid key has no counterexample");
      set("filter-key", "");
      claim(view.matches.length === run.count, "all keys are lit");
      document.documentElement.dataset.passed = passed;
      """

  @Test("keys, wheel, search, colours and hovering do what the page says")
  func controls() async throws {
    var synthetic = SyntheticHistory(seed: 3)
    synthetic.keys = 3
    var history = synthetic.history()
    let read = try #require(history.operations.firstIndex { $0.function == "read" })
    history.operations[read].result = 77  // which nobody wrote
    let page = try await opened(.checked(history), as: "history-controls", then: Self.controls)
    expect(page, has: "data-passed=\"17\"")
  }

  private static let controls =
    passing + """
      press("0");
      claim(span() > run.span, "0 shows everything");
      press("+");
      claim(span() < run.span, "+ zooms in");
      const from = view.from;
      press("ArrowRight");
      claim(view.from > from, "the right arrow moves to the right");
      timeline.canvas.focus();
      const wide = span();
      timeline.canvas.dispatchEvent(new WheelEvent("wheel", { deltaY: -100, cancelable: true }));
      claim(span() < wide, "the wheel zooms a selected timeline");
      const all = (test) => [...view.matches].every(test);
      const found = (query) => { set("search", query); return view.matches.length; };
      set("filter-key", "");
      const process = run.process[1000], by = "process:" + process;
      claim(found(by) > 9 && all((i) => run.process[i] === process), "a process");
      claim(found(by + " f:write") > 2 && all((i) => text("function", i) === "write"), "both");
      claim(found("key:k1") > 50 && all((i) => text("key", i) === "k1"), "a key");
      claim(found("index:" + (page.firstIndex + run.index[9])) === 1 && view.matches[0] === 9, "index");
      claim(found("value:3") > 20 && all((i) => /(^|[^0-9])3/.test(text("label", i))), "a value");
      claim(found('"[1, 3]"') > 5 && all((i) => text("label", i).includes("[1, 3]")), "a list");
      claim(found("nowhere to be found") === 0 && byId("next-match").disabled, "nothing");
      claim(found("timed") === run.outcome.filter((o) => o === INFO).length, "an error");
      press("n");
      claim(run.outcome[view.selected] === INFO, "n goes to a match");
      set("search", "");
      set("colouring", "function");
      claim(view.colours.length === run.functions.length, "colours by function");
      set("filter-outcome", "2");
      claim(all((i) => run.outcome[i] === INFO), "only info is lit");
      set("filter-outcome", "");
      const i = page.keys[0].counterexample.members[0].place;
      goTo(i);
      const x = timeToX((run.start[i] + run.end[i]) / 2);
      const y = lanesTop() + (lanes.laneOf[i] + 0.5) * timeline.lane;
      claim(operationAt(x, y) === i, "an operation is found under the pointer");
      const box = timeline.canvas.getBoundingClientRect();
      timeline.canvas.dispatchEvent(
        new PointerEvent("pointermove", { clientX: box.left + x, clientY: box.top + y }));
      claim(!tooltip.hidden && tooltip.textContent.includes(text("label", i)), "hovering tells it");
      document.documentElement.dataset.passed = passed;
      """

  @Test("lanes: one for each client, whatever it is numbered after an operation of unknown outcome")
  func lanes() async throws {
    var synthetic = SyntheticHistory(seed: 9)
    synthetic.lost = 100
    let script =
      Self.passing + """
        claim(new Set(run.process).size > 30, "clients went on under new numbers");
        claim(lanes.count === 6, lanes.count + " lanes");
        claim(run.process.every((p, i) => lanes.laneOf[i] === p % 6), "each in its own");
        document.documentElement.dataset.passed = passed;
        """
    let page = try await opened(.checked(synthetic.history()), as: "history-lanes", then: script)
    expect(page, has: "data-passed=\"3\"")
  }

  @Test("strings that try to break out are shown and not obeyed")
  func nasty() throws {
    for (number, string) in nastyMixtures.enumerated() {
      let page = try opened(nastyPage(string), as: "history-nasty-\(number)")
      let obeys = page.contains("<img") || page.contains("<script>window.pwned")
      #expect(!obeys, "\(string)")
    }
  }

  @Test("a history of nothing, and of times that only a file can hold, open without an error")
  func extremes() async throws {
    var history = History()
    _ = try await opened(.checked(history), as: "history-empty")
    var event = Event(
      index: .max - 1, time: .min, process: .client(.min), type: .invoke, function: "write",
      value: 1)
    var operation = Operation(invocation: event, process: .min)
    (operation.outcome, operation.completion, operation.completedAt) = (.ok, .max, .max)
    history.operations = [operation]
    history.faults = [
      FaultRecord(
        number: 0, kind: "kill", startIndex: 0, endIndex: nil, start: .min, end: .max, details: [],
        endDetails: [])
    ]
    _ = try await opened(.checked(history), as: "history-extreme")
    (event.index, event.time) = (0, 0)
    history.operations = [Operation(invocation: event, process: 0)]
    _ = try await opened(.checked(history), as: "history-open")
  }

  @Test("a million operations take at most 40 MB, open in seconds and pan in a frame or two")
  func million() async throws {
    var synthetic = SyntheticHistory(seed: 5)
    (synthetic.operations, synthetic.workers, synthetic.faults) = (1_000_000, 10, 20)
    let page = try await HistoryPage.checked(synthetic.history())
    let clock = ContinuousClock()
    var bytes: [UInt8] = []
    let time = try clock.measure { try page.write { bytes.append(contentsOf: $0) } }
    #expect(bytes.count < 40_000_000)
    let document = try Browser.opened(bytes, as: "history-million", then: Self.panning)
    expect(document, has: "data-operations=\"1000000\"")
    let root = document.range(of: "<html").map { document[$0.lowerBound...].prefix { $0 != ">" } }
    print("1,000,000 operations: \(bytes.count) bytes in \(time); \(root ?? "")")
    let panned = document.firstMatch(of: /data-pan="([0-9]+)"/)?.1
    let slowest = try #require(panned.flatMap { Int($0) })
    #expect(slowest < 100, "a frame took \(slowest) ms")
  }

  /// The slowest frame at any zoom; all are drawn as if each were due. Of five at a zoom the quickest
  /// counts: what another process on the machine holds up is no matter of the page's.
  private static let panning = """
    const root = document.documentElement.dataset, times = [];
    showAll();
    while (view.to - view.from > run.narrowest * 4) {
      let quickest = Infinity;
      for (let k = 0; k < 5; k++) {
        pan(k < 3 ? 0.1 : -0.1);
        drawTimeline();
        quickest = Math.min(quickest, timeline.milliseconds);
      }
      times.push(quickest);
      zoom(0.5, view.from + (view.to - view.from) * 0.3);
    }
    root.pan = Math.ceil(Math.max(...times));
    const began = performance.now();
    byId("search").value = "value:3";
    applyFilters();
    root.search = Math.ceil(performance.now() - began);
    byId("search").value = "";
    applyFilters();
    """

  private func opened(
    _ page: HistoryPage, as name: String, then script: String = ""
  ) throws -> String {
    try Browser.opened(Array(page.html().utf8), as: name, then: script)
  }

  /// Unlike `#expect(page.contains(…))` this does not print the page.
  private func expect(
    _ page: String, has part: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let isThere = page.contains(part)
    #expect(isThere, "\(part) is missing", sourceLocation: sourceLocation)
  }
}
