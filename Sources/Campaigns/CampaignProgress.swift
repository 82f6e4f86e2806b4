// What a person sees while a campaign goes on: a line for each run that ended, and on a terminal a last
// line with what goes on.

import Bench
import Synchronization

/// How much longer a campaign takes.
public struct Estimate: Sendable, Equatable {
  /// The least and the most seconds that are likely.
  public var seconds: ClosedRange<Double>

  /// Of `left` runs, `labs` at once, after runs that took so long; nil before two have ended, when it would
  /// be a guess. Twice the standard error of the sum each way.
  public init?(left: Int, labs: Int, after taken: [Double]) {
    guard taken.count >= 2, taken.allSatisfy({ (0...1e9).contains($0) }) else { return nil }
    let count = Double(taken.count)
    let mean = taken.reduce(0, +) / count
    let variance = taken.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1)
    // Of the runs to come, and of what is not known of their mean.
    let error = (variance * Double(left) * (1 + Double(left) / count)).squareRoot()
    let middle = mean * Double(left)
    let share = Double(labs)
    let longest = 1e9  // thirty years: what a journal says of its runs may be anything
    seconds =
      min(longest, max(0, middle - 2 * error) / share)...min(longest, (middle + 2 * error) / share)
  }

  /// So many seconds, as `58 min`.
  static func about(_ seconds: Double) -> String {
    seconds < 120 ? "\(Int(seconds)) s" : "\(Int(seconds / 60)) min"
  }

  /// `12 to 15 min`.
  public var text: String {
    let (least, most) = (seconds.lowerBound, seconds.upperBound)
    if most < 120 { return "\(Int(least)) to \(Int(most.rounded(.up))) s" }
    if most < 7200 { return "\(Int(least / 60)) to \(Int((most / 60).rounded(.up))) min" }
    return "\(Figures.seconds(least / 3600).dropLast(2)) to "
      + "\(Figures.seconds(most / 3600).dropLast(2)) h"
  }
}

/// Tells a person how a campaign goes.
public final class CampaignProgress: Sendable {
  private let output: FileHandleOutput
  private let state = Mutex(State())

  private struct State {
    var labs = 1
    var current: [CellRun] = []
  }

  /// Writes to `output`.
  public init(output: FileHandleOutput = .standardError) { self.output = output }

  func begin(_ campaign: CampaignState, labs: Int) {
    state.withLock { $0.labs = labs }
    let done = campaign.records.count
    let resumed = done > 0 ? ", \(done) of them done before" : ""
    output.write(
      "campaign \(campaign.campaign.name): \(campaign.planned.count) runs\(resumed), \(labs) at once\n"
    )
  }

  func began(_ run: CellRun, _ reason: String) {
    state.withLock { $0.current.append(run) }
    if output.isTerminal {
      output.write("\r\u{1b}[K\("now: \(run.name) (\(reason))".prefix(width))")
    }
  }

  func ended(_ run: CellRun, _ record: RunRecord, _ campaign: CampaignState) {
    let (labs, current) = state.withLock { state in
      state.current.removeAll { $0 == run }
      return (state.labs, state.current)
    }
    let clear = output.isTerminal ? "\r\u{1b}[K" : ""
    output.write("\(clear)\(Self.line(run, record, campaign, labs: labs))\n")
    if record.outcome != .valid {
      output.write("    \(CampaignSummary.firstLine(record.summary))\n    \(record.folder)\n")
    }
    if output.isTerminal, !current.isEmpty {
      output.write("\("now: \(current.map(\.name).joined(separator: "; "))".prefix(width))")
    }
  }

  func warn(_ text: String) { output.write("gauntlet: \(text)\n") }

  private var width: Int { max((output.columns ?? 80) - 1, 1) }

  /// A run that ended, and how far the campaign is.
  static func line(
    _ run: CellRun, _ record: RunRecord, _ campaign: CampaignState, labs: Int
  ) -> String {
    let records = campaign.records
    let left = campaign.waiting.count
    let findings = records.count { $0.record.outcome.isFinding }
    let total = "\(campaign.planned.count)"
    let done = "\(records.count)"
    let count = String(repeating: " ", count: max(0, total.count - done.count)) + done
    let rest = left == 0 ? "" : " · \(left) left\(ending(campaign, left, labs))"
    let found = findings == 0 ? "" : " · \(findings) with findings so far"
    return "[\(count)/\(total)] \(record.outcome.rawValue)  \(run.name)  "
      + "\(Figures.seconds(record.seconds))\(rest)\(found)"
  }

  /// How much longer it takes: what runs like those before would, or what the budget has left.
  private static func ending(_ campaign: CampaignState, _ left: Int, _ labs: Int) -> String {
    let estimate = Estimate(
      left: min(left, campaign.runsLeft), labs: labs,
      after: campaign.records.map(\.record.seconds))
    let budget = campaign.campaign.seconds.map { max(0, $0 - campaign.secondsSpent) }
    if let budget, budget < estimate?.seconds.upperBound ?? 0 {
      return ", of which the budget has time for \(Estimate.about(budget))"
    }
    return estimate.map { ", \($0.text)" } ?? ""
  }
}
