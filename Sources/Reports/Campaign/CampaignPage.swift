// A campaign's report as its templates want it. Every property is a name in `Resources/campaign.mustache`
// or `Resources/junit.mustache`, found by reflection.

import Bench
import Campaigns
import FoundationEssentials

/// What `campaign.mustache` renders.
package struct CampaignPage {
  let title: String
  let badge: Badge
  let sentence: String
  let figures: [Cell]
  let hasFindings: Bool
  let findings: [Finding]
  let columns: [String]
  let rows: [Row]
  let hasTroubles: Bool
  let troubles: [Trouble]
  let style: String

  struct Cell {
    let name: String
    let value: String
  }

  package struct Finding {
    let badge: Badge
    let summary, rate, fingerprint, cells: String
    let runs: [Run]
  }

  /// A run that is named, by its folder's path in the store.
  struct Run {
    let folder: String
    /// Where its page is, from this one; nil when nobody knows where this one will be.
    let link: String?
  }

  struct Trouble {
    let run, outcome, summary: String
    let link: String?
  }

  package struct Row {
    let name: String
    let cells: [Place]
  }

  struct Place {
    // Not `badge`: where it is nil the template would find the page's own.
    let state: Badge?
    let count: String
  }

  /// - Parameter folder: in which the page will lie; nil where that is not known.
  init(of report: CampaignReport, in folder: String?) {
    let summary = report.summary
    let link = { (run: String) in
      folder.map { Self.link(to: "\(report.store)/\(run)/report.html", from: $0) }
    }
    title = report.title
    badge = Self.badge(summary)
    sentence = Self.sentence(summary)
    figures = [
      Cell(name: "Began (UTC)", value: summary.began.map(Address.date) ?? "not yet"),
      Cell(name: "Runs done", value: "\(summary.done) of \(summary.planned)"),
      Cell(name: "Findings", value: "\(summary.findings.count)"),
      Cell(name: "Tried again", value: "\(summary.retried)"),
      Cell(name: "Under load", value: Bench.Figures.seconds(summary.loadSeconds)),
    ]
    findings = Self.findings(of: summary, link: link)
    hasFindings = !findings.isEmpty
    let grid = CampaignGrid(report.rows)
    columns = grid.columns
    rows = Self.rows(of: grid)
    troubles = summary.troubles.map {
      Trouble(run: $0.run, outcome: $0.outcome, summary: $0.summary, link: link($0.folder))
    }
    hasTroubles = !troubles.isEmpty
    style =
      String(decoding: PackageResources.report_css, as: UTF8.self)
      + String(decoding: PackageResources.campaign_css, as: UTF8.self)
  }

  /// The address of the file at `path` in a page that lies in `folder`.
  static func link(to path: String, from folder: String) -> String {
    func parts(_ path: String) -> [String] {
      URL(filePath: path).standardizedFileURL.path.split(separator: "/").map(String.init)
    }
    let (target, start) = (parts(path), parts(folder))
    let shared = zip(target, start).prefix { $0 == $1 }.count
    let steps = start.dropFirst(shared).map { _ in ".." } + target.dropFirst(shared)
    return steps.map(Address.encoded).joined(separator: "/")
  }

  /// What was found, each with the first runs that show it, and so much of its summary.
  package static func findings(
    of summary: CampaignSummary, longest: Int = .max, link: (String) -> String? = { _ in nil }
  ) -> [Finding] {
    summary.findings.map { finding in
      Finding(
        badge: .outcome(finding.outcome), summary: String(finding.summary.prefix(longest)),
        rate: "\(finding.runs.count) of \(summary.done) runs", fingerprint: finding.fingerprint,
        cells: finding.cells.joined(separator: "; "),
        runs: finding.runs.prefix(5).map { Run(folder: $0, link: link($0)) })
    }
  }

  /// The rows of the table of cells.
  package static func rows(of grid: CampaignGrid) -> [Row] {
    grid.rows.map { row in
      Row(
        name: row.name,
        cells: row.cells.map { Place(state: $0.outcome.map { .outcome($0) }, count: $0.count) })
    }
  }

  /// What is done may all be valid while the campaign is not over, and says little then.
  package static func badge(_ summary: CampaignSummary) -> Badge {
    guard summary.outcome == "valid", !summary.isOver else { return .outcome(summary.outcome) }
    return .outcome(summary.isAtWork ? "at work" : "inconclusive")
  }

  /// What came of it, in one sentence.
  package static func sentence(_ summary: CampaignSummary) -> String {
    let counts = RunOutcome.byPrecedence.compactMap { outcome in
      summary.outcomes[outcome.rawValue].map { "\($0) \(outcome.rawValue)" }
    }
    let rest =
      summary.left == 0 || summary.isOver
      ? "" : ", \(summary.left) left, \(summary.isAtWork ? "at work" : "nobody at work on it")"
    return "\(summary.done) of \(summary.planned) runs done\(rest): "
      + (counts.isEmpty ? "none yet" : counts.joined(separator: ", ")) + "."
  }
}

/// What `junit.mustache` renders.
struct JUnit {
  let title: String
  let tests, failures, errors, skipped: Int
  let seconds: String
  /// As `2026-11-28T02:00:00`, in UTC; nil when nobody has begun.
  let began: String?
  private(set) var suites: [Suite]

  struct Suite {
    let name: String
    let tests, failures, errors, skipped: Int
    let seconds: String
    /// When its first run began.
    let began: String?
    let cases: [Case]
  }

  struct Case {
    let suite, name, seconds: String
    let failure, error: Trouble?
    let undecided: String?
  }

  struct Trouble {
    let type, message, detail: String
  }

  init(of report: CampaignReport) {
    title = report.title
    suites = Dictionary(grouping: report.rows, by: \.workload).sorted { $0.key < $1.key }
      .map { Suite($0.key, $0.value) }
    if !report.summary.isOver { suites.append(.unfinished(left: report.summary.left)) }
    tests = suites.reduce(0) { $0 + $1.tests }
    failures = suites.reduce(0) { $0 + $1.failures }
    errors = suites.reduce(0) { $0 + $1.errors }
    skipped = suites.reduce(0) { $0 + $1.skipped }
    seconds = Self.seconds(report.rows)
    began = report.summary.began.flatMap(Self.date)
  }

  /// Parsed and written again: a journal may have come from anywhere.
  fileprivate static func date(_ stamp: String) -> String? {
    RunFolder.date(stamp).map { String($0.formatted(.iso8601).dropLast()) }
  }

  fileprivate static func seconds(_ rows: [CampaignReport.Row]) -> String {
    "\((rows.reduce(0) { $0 + $1.seconds } * 1000).rounded() / 1000)"
  }
}

extension JUnit.Suite {
  /// That there is more to be done: a report of a part must not pass for one of the whole.
  fileprivate static func unfinished(left: Int) -> JUnit.Suite {
    let rest = JUnit.Case(
      suite: "campaign", name: "the rest of its runs", seconds: "0", failure: nil, error: nil,
      undecided: "\(left) runs are still to be done")
    return JUnit.Suite(
      name: "campaign", tests: 1, failures: 0, errors: 0, skipped: 1, seconds: "0", began: nil,
      cases: [rest])
  }

  fileprivate init(_ name: String, _ rows: [CampaignReport.Row]) {
    self.name = name
    cases = rows.map { JUnit.Case($0) }
    tests = rows.count
    failures = cases.count { $0.failure != nil }
    errors = cases.count { $0.error != nil }
    skipped = cases.count { $0.undecided != nil }
    seconds = JUnit.seconds(rows)
    began = rows.map { RunEntry.started($0.folder) }.min().flatMap(JUnit.date)
  }
}

extension JUnit.Case {
  fileprivate init(_ row: CampaignReport.Row) {
    suite = row.workload
    name = "\(row.faults) · \(row.variant) · seed \(row.seed)"
    seconds = JUnit.seconds([row])
    let trouble = JUnit.Trouble(
      type: row.outcome, message: row.summary, detail: "\(row.summary)\n\(row.folder)")
    let outcome = RunOutcome(rawValue: row.outcome)
    failure = outcome?.isFinding == true ? trouble : nil
    error = outcome == .benchFailure ? trouble : nil
    undecided = outcome == .inconclusive || outcome == .interrupted ? row.summary : nil
  }
}
