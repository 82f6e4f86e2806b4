// The page of a checked history in words: what the template prints.
// Every property is a name in `Resources/history.mustache`, found by reflection.

import History
import Linearizability
import Mustache

/// What `history.mustache` renders.
struct HistoryDocument {
  private static var keysShown: Int { 1000 }

  let title: String
  let badge: Badge
  let verdictLine: String
  let figures: [Page.Cell]
  let notes: [String]
  let counterexamples: [Counterexample]
  let keys: [Key]
  let keysShown: String
  let style: String
  let hasOperations: Bool
  let hasPoints: Bool

  // Sections that show a heading only if there is something below it.
  let hasNotes: Bool
  let hasCounterexamples: Bool
  let hasKeys: Bool

  struct Key {
    let number: Int
    let name: String
    let badge: Badge
    let operations, seconds, detail: String
  }

  struct Counterexample {
    let number: Int
    let key, anomaly: String?
    let size: String
    let paragraphs: [String]
    let orders: [Order]
    let hasOrders: Bool
  }

  struct Order {
    let number: Int
    let title: String
    /// An attribute's value: the first one is on the drawing.
    let pressed: String
    let start: String
    let steps: [Step]
    let due: String
    let candidates: [Candidate]
  }

  struct Step {
    let number, place: Int
    let label, state: String
  }

  struct Candidate {
    let place: Int
    let tone, sign, label, reason: String
  }

  func html() throws(ReportError) -> String {
    HTMLText.registration
    let source = String(decoding: PackageResources.history_mustache, as: UTF8.self)
    do {
      return try MustacheTemplate(string: source).render(self)
    } catch {
      throw .template(reason: "\(error)")
    }
  }
}

extension HistoryDocument {
  init(of page: HistoryPage, columns: HistoryColumns) throws(ReportError) {
    title = page.file
    badge = .verdict(page.result.verdict.rawValue)
    verdictLine = Self.verdictLine(of: page.result)
    figures = Self.figures(of: page, columns)
    notes = page.notes
    var counterexamples: [Counterexample] = []
    for (number, key) in columns.keys.enumerated() {
      guard let found = key.counterexample else { continue }
      counterexamples.append(
        try Counterexample(found, orders: page.orders?(found) ?? [], number: number, page, columns))
    }
    self.counterexamples = counterexamples
    let isKeyed = columns.keys.contains { $0.key != nil }
    keys =
      isKeyed
      ? columns.keys.prefix(Self.keysShown).enumerated().map { Key($0.element, number: $0.offset) }
      : []
    keysShown =
      keys.count < columns.keys.count
      ? "\(Figures.count(keys.count)) of \(Figures.count(columns.keys.count)), the worst first"
      : ""
    style = [PackageResources.report_css, PackageResources.history_css]
      .map { String(decoding: $0, as: UTF8.self) }.joined(separator: "\n")
    hasOperations = !columns.operations.isEmpty
    hasPoints = columns.pointCount > 0
    hasNotes = !notes.isEmpty
    hasCounterexamples = !counterexamples.isEmpty
    hasKeys = !keys.isEmpty
  }

  private static func verdictLine(of result: CheckResult) -> String {
    let keys = result.keys.filter { $0.verdict == result.verdict }
    let isOne = result.keys.count == 1
    switch result.verdict {
    case .valid:
      return isOne
        ? "The history is linearizable: a witness was found and verified."
        : "The histories of all \(Figures.count(keys.count)) keys are linearizable: a witness of "
          + "each was found and verified."
    case .invalid:
      let anomalies = Set(keys.compactMap(\.counterexample?.anomaly?.rawValue)).sorted()
      let kinds = anomalies.isEmpty ? "" : ": \(anomalies.joined(separator: ", "))"
      if isOne { return "The history is not linearizable\(kinds)." }
      return keys.count == 1
        ? "Key \(keys[0].key ?? "") is not linearizable\(kinds)."
        : "\(Figures.count(keys.count)) of \(Figures.count(result.keys.count)) keys are not "
          + "linearizable\(kinds)."
    case .unknown:
      let limit = keys.lazy.compactMap(\.limit).first
      return "Undecided: \(limit.map { "\($0)" } ?? "no limit is known")."
    }
  }

  private static func figures(of page: HistoryPage, _ columns: HistoryColumns) -> [Page.Cell] {
    var counts = [0, 0, 0]
    var processes: Set<Int> = []
    for operation in columns.operations {
      counts[operation.outcome.number] += 1
      processes.insert(operation.process)
    }
    let times = columns.operations.lazy.map { Double($0.invokedAt) }
    let ends = columns.operations.lazy.map { Double($0.completedAt ?? $0.invokedAt) }
    let seconds = ((ends.max() ?? 0) - (times.min() ?? 0)) / 1e9
    var cells = [
      Page.Cell(name: "model", value: page.result.model?.rawValue ?? "your own"),
      Page.Cell(name: "operations", value: Figures.count(columns.operations.count)),
      Page.Cell(name: "ok", value: Figures.count(counts[0])),
      Page.Cell(name: "fail", value: Figures.count(counts[1])),
      Page.Cell(name: "info", value: Figures.count(counts[2])),
      Page.Cell(name: "keys", value: Figures.count(columns.keys.count)),
      Page.Cell(name: "processes", value: Figures.count(processes.count)),
    ]
    if seconds >= 0.001 {
      cells.append(Page.Cell(name: "history lasts", value: Figures.seconds(seconds)))
    }
    if !page.history.faults.isEmpty {
      cells.append(Page.Cell(name: "faults", value: Figures.count(page.history.faults.count)))
    }
    return cells + [
      Page.Cell(name: "checked in", value: Figures.seconds(page.result.seconds)),
      Page.Cell(
        name: "peak memory",
        value: Figures.fixed(Double(page.result.peakMemoryBytes) / 1e6, digits: 0) + " MB"),
    ]
  }
}

extension HistoryDocument.Key {
  init(_ result: KeyResult, number: Int) {
    self.number = number
    name = result.key ?? "none"
    badge = .verdict(result.verdict.rawValue)
    operations = Figures.count(result.operations)
    seconds = Figures.seconds(result.seconds)
    if let found = result.counterexample {
      let anomaly = found.anomaly?.rawValue ?? "no order"
      detail = "\(anomaly), \(Figures.count(found.history.count)) operations tell it"
    } else {
      detail = result.limit.map { "\($0)" } ?? ""
    }
  }
}

extension HistoryDocument.Counterexample {
  init(
    _ counterexample: Linearizability.Counterexample, orders: [HistoryPage.Order], number: Int,
    _ page: HistoryPage, _ columns: HistoryColumns
  ) throws(ReportError) {
    self.number = number
    key = counterexample.key
    anomaly = counterexample.anomaly?.rawValue
    let count = counterexample.history.count
    size =
      (count == 1 ? "1 operation" : "\(Figures.count(count)) operations")
      + (counterexample.isMinimal ? ", none can be left out" : ", not shrunk to the end")
    paragraphs = counterexample.explanation.split(separator: "\n").map(String.init)
    let relaxed = Dictionary(
      counterexample.history.map { ($0.invocation, $0.drawnText) }, uniquingKeysWith: { a, _ in a })
    var shown: [HistoryDocument.Order] = []
    for order in orders {
      shown.append(
        try HistoryDocument.Order(
          order, number: shown.count, of: orders.count, initial: page.initial, relaxed, columns))
    }
    self.orders = shown
    hasOrders = !orders.isEmpty
  }
}

extension HistoryDocument.Order {
  fileprivate init(
    _ order: HistoryPage.Order, number: Int, of count: Int, initial: String,
    _ relaxed: [Int: String], _ columns: HistoryColumns
  ) throws(ReportError) {
    func label(_ index: Int) throws(ReportError) -> (place: Int, text: String) {
      let place = try columns.place(index)
      let text = relaxed[index] ?? columns.operations[place].drawnText
      return (place, PageTexts.cut(text, to: 120))
    }
    self.number = number
    title = count == 1 ? "The order" : "Order \(number + 1)"
    pressed = number == 0 ? "true" : "false"
    start = "state \(PageTexts.cut(initial, to: 120))"
    var steps: [HistoryDocument.Step] = []
    for (operation, state) in zip(order.operations, order.states) {
      let one = try label(operation)
      steps.append(
        HistoryDocument.Step(
          number: steps.count + 1, place: one.place, label: one.text,
          state: "state \(PageTexts.cut(state, to: 120))"))
    }
    self.steps = steps
    let last = PageTexts.cut(order.states.last ?? initial, to: 120)
    due =
      "Here the state is \(last), and \(try label(order.due).text) must come before its "
      + "completion. What could come next:"
    var candidates: [HistoryDocument.Candidate] = []
    for candidate in order.candidates {
      let one = try label(candidate.operation)
      candidates.append(
        HistoryDocument.Candidate(
          place: one.place, tone: candidate.isPossible ? "quiet" : "bad",
          sign: candidate.isPossible ? "→" : "✕", label: one.text, reason: candidate.reason))
    }
    self.candidates = candidates
  }
}
