// A comparison as people read it: what holds first, figures after.

import Bench
import Foundation

extension Comparison {
  /// The conclusion, in one sentence.
  public var conclusion: String {
    let slower = differences.filter { $0.verdict == "regression" }
    let worse = findings.filter(\.holds)
    var parts = slower.map { "\($0.measure) \($0.effectText) in \($0.group)" }
    parts += worse.map { "\($0.outcome) \($0.fingerprint) \($0.verdict)" }
    if !parts.isEmpty { return "a regression that holds: \(parts.joined(separator: "; "))" }
    if hasNewViolation {
      return
        "\(second) has a violation or crash that \(first) has not shown; how often is not sure yet"
    }
    if failed > 0 {
      return "undecided: in \(failed) of \(second)'s runs the bench failed"
    }
    if pairs == 0 { return "nothing to compare: no runs of the same plan" }
    if isBlind { return "undecided: \(pairs) pairs are too few to see any difference" }
    if !undecided.isEmpty {
      return "undecided: all runs of \(undecided.joined(separator: ", ")) are inconclusive"
    }
    return "no regression"
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
      if let reproduction = finding.reproduction {
        lines += [
          "           \(reproduction.sentence)", "           \(reproduction.again)",
        ]
      }
    }
    var group = ""
    for difference in differences {
      if difference.group != group {
        group = difference.group
        let pairs = "\(difference.pairs) \(difference.pairs == 1 ? "pair" : "pairs")"
        lines.append("figures    \(group), \(pairs)")
      }
      lines.append(Self.line(difference, confidence: 1 - significance))
    }
    for row in unmatched {
      lines.append("unpaired   \(row.text)")
    }
    return lines.joined(separator: "\n")
  }

  private static func line(_ difference: Difference, confidence: Double) -> String {
    let marks = ["regression": "✘", "improvement": "✔", "unseen": "?"]
    let mark = marks[difference.verdict] ?? " "
    return "         \(mark) \(padded(difference.measure, 36)) "
      + "\(difference.firstText) → \(difference.secondText)  "
      + "\(difference.effectText) (\(difference.certainty(confidence: confidence)))"
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

extension Comparison.Unmatched {
  /// `register · kill: 14 before, 0 now, 1 more in which the bench failed`.
  public var text: String {
    "\(group): \(first) before, \(second) now"
      + (failed > 0 ? ", \(failed) more in which the bench failed" : "")
  }
}

extension Comparison.Difference {
  /// The first side's mean, with its unit.
  public var firstText: String { text(of: first) }
  /// The second side's mean, with its unit.
  public var secondText: String { text(of: second) }
  /// By how much the second is more, as `+3.2 %`.
  public var effectText: String { text(ofEffect: effect) }

  /// Between what the effect lies, and which would have been seen.
  public func certainty(confidence: Double) -> String {
    guard verdict != "unseen" else { return "too few pairs to see a difference" }
    let bounds = interval.map { text(ofEffect: $0) }.joined(separator: " to ")
    let seen = detectable.map { ", would have seen \(text(ofEffect: $0).drop { $0 == "+" })" }
    return "\(bounds) with \(Figures.percent(confidence))\(seen ?? "")"
  }

  private func text(of value: Double) -> String {
    unit.isEmpty
      ? "\(Comparison.rounded(value * 100, 3)) %" : "\(Comparison.rounded(value, 3)) \(unit)"
  }

  /// Of a difference of shares, in points.
  private func text(ofEffect amount: Double) -> String {
    let sign = amount >= 0 ? "+" : ""
    return "\(sign)\(Comparison.rounded(amount * 100, 2)) \(scale == .ratio ? "%" : "points")"
  }
}
