// A run's report as the template wants it: words and figures ready to print.
// Every property is a name in `Resources/report.mustache`, found by reflection.

import Mustache

/// What `report.mustache` renders.
struct Page {
  let title: String
  let badge: Badge
  let verdictLine: String
  let figures: [Cell]
  let counterexample: Explanation?
  let checks: [Check]
  let hasOperations: Bool
  let functions: [Function]
  let faults: [Fault]
  let phases: [Cell]
  let facts: [Cell]
  let style: String
  let script: String
  let data: String
  /// What lets a stricter policy than the page's own run its script; nil in a file.
  let nonce: String?

  // Sections of the template that show a heading only if there is something below it.
  let hasChecks: Bool
  let hasFunctions: Bool
  let hasFaults: Bool
  let hasPhases: Bool
  let hasFacts: Bool

  struct Cell {
    let name: String
    let value: String
  }

  struct Explanation {
    let key: String?
    let paragraphs: [String]
    let size: String
  }

  struct Check {
    let name: String
    let badge: Badge
    let detail: String
  }

  struct Function {
    let name, ok, fail, info, p50, p95, p99, max: String
  }

  struct Fault {
    let number, name, detail, start, lasted, verified: String
  }

  func html() throws(ReportError) -> String {
    HTMLText.registration
    let source = String(decoding: PackageResources.report_mustache, as: UTF8.self)
    do {
      return try MustacheTemplate(string: source).render(self)
    } catch {
      throw .template(reason: "\(error)")
    }
  }
}

extension Page {
  init(of report: RunReport, nonce: String?) throws(ReportError) {
    self.nonce = nonce
    title = report.title
    badge = .outcome(report.outcome)
    verdictLine = report.verdictLine
    figures = Self.figures(of: report)
    counterexample = report.counterexample.map { Explanation(of: $0) }
    checks = report.checks.map {
      Check(name: $0.name, badge: .verdict($0.verdict), detail: $0.detail)
    }
    hasOperations = !report.operations.isEmpty
    functions = report.functions.map { Function(of: $0) }
    faults = report.faults.sorted { $0.start < $1.start }.enumerated().map {
      Fault(of: $0.element, number: $0.offset + 1)
    }
    phases = Self.phases(of: report)
    facts = report.facts.map { Cell(name: $0.name, value: $0.value) }
    hasChecks = !checks.isEmpty
    hasFunctions = !functions.isEmpty
    hasFaults = !faults.isEmpty
    hasPhases = !phases.isEmpty
    hasFacts = !facts.isEmpty
    style = String(decoding: PackageResources.report_css, as: UTF8.self)
    script = [
      PackageResources.common_js, PackageResources.camera_js, PackageResources.report_js,
      PackageResources.overview_js, PackageResources.axis_js,
      PackageResources.counterexample_js, PackageResources.view_js,
      PackageResources.timeline_js, PackageResources.controls_js, PackageResources.start_js,
    ].map { String(decoding: $0, as: UTF8.self) }.joined(separator: "\n")
    data = try DrawingData.json(of: report)
  }

  private static func figures(of report: RunReport) -> [Cell] {
    let counts = Counts(of: report)
    let ends =
      report.operations.map { $0.end ?? $0.start } + report.faults.map { $0.end ?? $0.start }
    let seconds = Double(ends.max() ?? 0) / 1e9
    let rate = seconds > 0 ? Figures.fixed(Double(counts.ok) / seconds, digits: 0) : "–"
    return [
      Cell(name: "operations", value: Figures.count(counts.ok + counts.fail + counts.info)),
      Cell(name: "ok", value: Figures.count(counts.ok)),
      Cell(name: "fail", value: Figures.count(counts.fail)),
      Cell(name: "info", value: Figures.count(counts.info)),
      Cell(name: "ok per second", value: rate),
      Cell(name: "faults", value: Figures.count(report.faults.count)),
      Cell(name: "duration", value: Figures.seconds(seconds)),
    ]
  }

  private static func phases(of report: RunReport) -> [Cell] {
    let cells = report.phases.map { Cell(name: $0.name, value: Figures.seconds($0.seconds)) }
    guard cells.count > 1 else { return cells }
    let total = report.phases.reduce(0) { $0 + $1.seconds }
    return cells + [Cell(name: "all", value: Figures.seconds(total))]
  }
}

/// Operations by completion: the sums of the functions' rows, or counted where there are none.
private struct Counts {
  var ok = 0
  var fail = 0
  var info = 0

  /// All three fit into one number, whatever a file says.
  private static func sum(_ count: Int, _ more: Int) -> Int {
    min(count + min(max(more, 0), .max / 8), .max / 8)
  }

  init(of report: RunReport) {
    for row in report.functions {
      ok = Self.sum(ok, row.ok)
      fail = Self.sum(fail, row.fail)
      info = Self.sum(info, row.info)
    }
    guard report.functions.isEmpty else { return }
    for operation in report.operations {
      switch operation.outcome {
      case .ok: ok += 1
      case .fail: fail += 1
      case .info: info += 1
      }
    }
  }
}

extension Page.Explanation {
  fileprivate init(of counterexample: RunReport.Counterexample) {
    key = counterexample.key
    paragraphs = counterexample.explanation.split(separator: "\n\n").map(String.init)
    let count = counterexample.operations.count
    size = count == 1 ? "1 operation" : "\(Figures.count(count)) operations"
  }
}

extension Page.Function {
  fileprivate init(of row: RunReport.FunctionRow) {
    name = row.name
    ok = Figures.count(row.ok)
    fail = Figures.count(row.fail)
    info = Figures.count(row.info)
    p50 = Figures.milliseconds(row.p50)
    p95 = Figures.milliseconds(row.p95)
    p99 = Figures.milliseconds(row.p99)
    max = Figures.milliseconds(row.max)
  }
}

extension Page.Fault {
  fileprivate init(of fault: RunReport.FaultWindow, number: Int) {
    self.number = String(number)
    name = fault.name
    detail = fault.detail
    start = Figures.fixed(Double(fault.start) / 1e9, digits: 2) + " s"
    lasted =
      fault.end.map { Figures.seconds((Double($0) - Double(fault.start)) / 1e9) } ?? "not healed"
    verified = fault.verified
  }
}
