// A comparison as people read it: what holds first, figures after.

import Bench
import Foundation

extension Comparison {
  /// The conclusion, in one sentence.
  public var conclusion: String {
    let slower = differences.filter { $0.verdict == "regression" }
    let worse = findings.filter(\.holds)
    var parts = slower.map { "\($0.measure) \(Self.effect($0)) in \($0.group)" }
    parts += worse.map { "\($0.outcome) \($0.fingerprint) \($0.verdict)" }
    if !parts.isEmpty { return "a regression that holds: \(parts.joined(separator: "; "))" }
    if hasNewViolation {
      return
        "\(second) has a violation or crash that \(first) has not shown; how often is not sure yet"
    }
    if pairs == 0 { return "nothing to compare: no runs of the same plan" }
    return isBlind ? "undecided: \(pairs) pairs are too few to see any difference" : "no regression"
  }

  /// For people.
  public var text: String {
    var lines = [
      "compare    \(second) over \(first), \(pairs) \(pairs == 1 ? "pair" : "pairs") of runs",
      "verdict    \(conclusion)",
    ]
    for finding in findings {
      let chance = Self.rounded(finding.likelihood, 2)
      lines.append(
        "finding    \(finding.verdict): \(finding.outcome) \(finding.fingerprint) in "
          + "\(finding.second[0]) of \(finding.second[1]) runs, \(finding.first[0]) of "
          + "\(finding.first[1]) before (by chance alone: \(chance))")
      lines.append("           \(CampaignSummary.oneLine(finding.summary))")
      lines.append("           \(finding.run)")
    }
    var group = ""
    for difference in differences {
      if difference.group != group {
        group = difference.group
        lines.append("figures    \(group), \(difference.pairs) pairs")
      }
      lines.append(Self.line(difference, confidence: 1 - significance))
    }
    return lines.joined(separator: "\n")
  }

  private static func line(_ difference: Difference, confidence: Double) -> String {
    let marks = ["regression": "✘", "improvement": "✔", "unseen": "?"]
    let mark = marks[difference.verdict] ?? " "
    var certainty = "too few pairs to see a difference"
    if difference.verdict != "unseen" {
      let interval = difference.interval.map { amount($0, difference.scale) }
        .joined(separator: " to ")
      certainty = "\(interval) with \(Figures.percent(confidence))"
      if let detectable = difference.detectable {
        certainty += ", would have seen \(amount(detectable, difference.scale).drop { $0 == "+" })"
      }
    }
    return "         \(mark) \(padded(difference.measure, 36)) "
      + "\(value(difference.first, difference)) → \(value(difference.second, difference))  "
      + "\(effect(difference)) (\(certainty))"
  }

  private static func value(_ value: Double, _ difference: Difference) -> String {
    difference.unit.isEmpty
      ? "\(rounded(value * 100, 3)) %" : "\(rounded(value, 3)) \(difference.unit)"
  }

  static func effect(_ difference: Difference) -> String {
    amount(difference.effect, difference.scale)
  }

  /// `+3.2 %`; of a difference of shares, in points.
  private static func amount(_ amount: Double, _ scale: Measure.Scale) -> String {
    "\(amount >= 0 ? "+" : "")\(rounded(amount * 100, 2)) \(scale == .ratio ? "%" : "points")"
  }

  /// With so many digits that say something.
  static func rounded(_ number: Double, _ digits: Int) -> String {
    guard number != 0, number.isFinite else { return number == 0 ? "0" : "\(number)" }
    let places = digits - 1 - Int(log10(abs(number)).rounded(.down))
    return String(format: "%.*f", max(0, places), number)
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }
}
