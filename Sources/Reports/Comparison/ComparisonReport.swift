// A comparison as a page and as Markdown; the dashboard shows the same.

import Bench
import Campaigns
import Mustache

/// What is shown of a comparison.
public struct ComparisonReport: Sendable {
  private let comparison: Comparison

  /// The report of `comparison`.
  public init(_ comparison: Comparison) { self.comparison = comparison }

  /// One file that loads nothing, and runs nothing.
  ///
  /// - Throws: `ReportError` when the template is broken.
  public func html() throws(ReportError) -> String {
    let content = Frame(
      title: "\(comparison.second) over \(comparison.first)", body: try part(isLinked: false),
      style: String(decoding: PageStyle.report + PageStyle.campaign, as: UTF8.self))
    return try CampaignReport.render(PackageResources.comparison_frame_mustache, content)
  }

  private struct Frame {
    let title, body, style: String
  }

  /// What stands between a page's head and its end.
  ///
  /// - Parameter isLinked: whether runs are links of the dashboard.
  package func part(isLinked: Bool) throws(ReportError) -> String {
    HTMLText.registration
    return try CampaignReport.render(
      PackageResources.comparison_mustache, ComparisonPage(comparison, isLinked: isLinked))
  }

  /// Markdown for a pull request: the conclusion, the findings, the figures that differ, all of them below.
  public var markdown: String {
    let page = ComparisonPage(comparison, isLinked: false)
    let plain = MarkdownText.plain
    var lines = [
      "## Gauntlet: \(plain(comparison.second)) over \(plain(comparison.first))", "",
      "\(plain(comparison.conclusion)) (\(comparison.pairs) pairs of runs).", "",
    ]
    for finding in page.findings {
      lines.append(
        "- **\(plain(finding.verdict))**: \(plain(finding.outcome)) `\(plain(finding.fingerprint))` in "
          + "\(finding.now) runs, \(finding.before) before: \(plain(finding.summary)) "
          + "(\(plain(finding.run)))")
      if let least = finding.least {
        lines.append("  - \(plain(least.sentence)): \(MarkdownText.code(least.again))")
      }
    }
    lines += page.unmatched.map { "- not compared: \(plain($0))" }
    if lines.last != "" { lines.append("") }
    func table(_ rows: [ComparisonPage.Row]) -> [String] {
      ["| of | figure | before | now | effect | certainty | |", "|---|---|---|---|---|---|---|"]
        + rows.map { row in
          let cells = [
            row.group, row.measure, row.before, row.now, row.effect, row.certainty, row.mark,
          ]
          return "| \(cells.map(plain).joined(separator: " | ")) |"
        }
    }
    let worth = page.rows.filter { $0.tone == "bad" || $0.tone == "good" }
    if !worth.isEmpty { lines += table(worth) + [""] }
    lines +=
      ["<details><summary>All figures</summary>", ""] + table(page.rows) + ["", "</details>"]
    return lines.joined(separator: "\n") + "\n"
  }
}

/// What `comparison.mustache` renders.
struct ComparisonPage {
  let conclusion, tone, pairs: String
  let findings: [Finding]
  let rows: [Row]
  let unmatched: [String]
  let hasFindings, hasUnmatched: Bool

  struct Finding {
    let verdict, outcome, fingerprint, summary, before, now, run: String
    /// The run's address in the dashboard; nil in a file.
    let address: String?
    let least: Least?
  }

  /// What a finding was shrunk to.
  struct Least {
    let sentence, again: String
  }

  struct Row {
    let group, measure, before, now, effect, certainty, mark, tone: String
  }

  init(_ comparison: Comparison, isLinked: Bool) {
    conclusion = comparison.conclusion
    let isWorse = comparison.isRegression || comparison.hasNewViolation
    tone = isWorse ? "bad" : comparison.isUndecided ? "quiet" : "good"
    pairs = comparison.pairs == 1 ? "1 pair of runs" : "\(comparison.pairs) pairs of runs"
    findings = comparison.findings.map { finding in
      Finding(
        verdict: finding.verdict, outcome: finding.outcome, fingerprint: finding.fingerprint,
        summary: String(finding.summary.prefix(300)),
        before: "\(finding.first[0]) of \(finding.first[1])",
        now: "\(finding.second[0]) of \(finding.second[1])", run: finding.run,
        address: isLinked ? "/runs/\(finding.run)" : nil,
        least: finding.reproduction.map { Least(sentence: $0.sentence, again: $0.again) })
    }
    hasFindings = !findings.isEmpty
    unmatched = comparison.unmatched.map(\.text)
    hasUnmatched = !unmatched.isEmpty
    let tones = ["regression": "bad", "improvement": "good"]
    rows = comparison.differences.map { difference in
      Row(
        group: difference.group, measure: difference.measure, before: difference.firstText,
        now: difference.secondText, effect: difference.effectText,
        certainty: difference.certainty(confidence: 1 - comparison.significance),
        mark: difference.verdict == "none" ? "" : difference.verdict,
        tone: tones[difference.verdict] ?? "")
    }
  }
}
