// Two runs or two campaigns side by side.

import Bench
import Campaigns

/// What `versus.mustache` renders.
struct VersusPage {
  let first, second: String
  var problem: String?
  private(set) var isFilled = false
  private(set) var conclusion = ""
  private(set) var tone = "quiet"
  private(set) var findings: [Finding] = []
  private(set) var rows: [Row] = []
  private(set) var hasFindings = false

  struct Finding {
    let verdict, outcome, fingerprint, summary, before, now, run: String
  }

  struct Row {
    let group, measure, before, now, effect, certainty, mark: String
  }

  init(first: String, second: String) {
    self.first = first
    self.second = second
  }

  mutating func fill(_ comparison: Comparison) {
    isFilled = true
    conclusion = comparison.conclusion
    tone =
      comparison.isRegression || comparison.hasNewViolation
      ? "bad" : comparison.isBlind || comparison.pairs == 0 ? "quiet" : "good"
    findings = comparison.findings.map { finding in
      Finding(
        verdict: finding.verdict, outcome: finding.outcome, fingerprint: finding.fingerprint,
        summary: String(finding.summary.prefix(300)),
        before: "\(finding.first[0]) of \(finding.first[1])",
        now: "\(finding.second[0]) of \(finding.second[1])", run: finding.run)
    }
    hasFindings = !findings.isEmpty
    rows = comparison.differences.map { difference in
      Row(
        group: difference.group, measure: difference.measure, before: difference.firstText,
        now: difference.secondText, effect: difference.effectText,
        certainty: difference.certainty(confidence: 1 - comparison.significance),
        mark: difference.verdict == "none" ? "" : difference.verdict)
    }
  }
}
