// What a campaign came to: the lines for people, the object for scripts.

import Bench

/// Where a campaign stands, as it is shown.
public struct CampaignSummary: Sendable, Encodable {
  /// A finding, with the runs that show it.
  public struct Finding: Sendable, Encodable {
    /// What it has in every run that shows it.
    public var fingerprint: String
    /// `violation`, `crash` or `objective`.
    public var outcome: String
    /// In one sentence, of the first run.
    public var summary: String
    /// The cells in which it was seen.
    public var cells: [String]
    /// The folders of the runs, as paths in the store.
    public var runs: [String]
  }

  /// A run that did not say anything of the system.
  public struct Trouble: Sendable, Encodable {
    /// The run.
    public var run: String
    /// `inconclusive` or `bench-failure`.
    public var outcome: String
    /// In one sentence.
    public var summary: String
    /// Its folder's path in the store.
    public var folder: String
  }

  /// Of its JSON: `gauntlet report --schema campaign` has what it is.
  public let version = 1
  /// The campaign's name.
  public var campaign: String
  /// Its folder.
  public var folder: String
  /// When it began, as `20261128T020000`, in UTC; nil when nobody has begun.
  public var began: String?
  /// The outcome that hides all others.
  public var outcome: String
  /// Runs that are planned.
  public var planned: Int
  /// Runs that ended, and count.
  public var done: Int
  /// Runs that are still to be done.
  public var left: Int
  /// Whether nothing more will be done: where it is not, `outcome` is of what was done so far.
  public var isOver: Bool
  /// Whether a controller is at work on it.
  public var isAtWork: Bool
  /// Runs that go on.
  public var running: [String]
  /// Runs that were left out, by reason.
  public var leftOut: [String: Int]
  /// How many ended so.
  public var outcomes: [String: Int]
  /// Runs in which the bench failed and that were tried again.
  public var retried: Int
  /// What was found, each thing once.
  public var findings: [Finding]
  /// Runs that said nothing.
  public var troubles: [Trouble]
  /// Seconds under load, of all runs together.
  public var loadSeconds: Double
  /// Seconds from the beginning to the end of each run, together.
  public var runSeconds: Double

  /// What `state` has come to, in `folder`.
  public init(_ state: CampaignState, folder: CampaignFolder) {
    campaign = state.campaign.name
    self.folder = folder.path
    began = state.began
    outcome = state.worst.rawValue
    planned = state.planned.count
    let records = state.records
    done = records.count
    left = state.waiting.count + state.unfinished.count
    isAtWork = folder.isHeld
    isOver = state.isOver && !isAtWork
    running =
      isAtWork
      ? state.unfinished.map { "\($0.run.name), \(folder.store)/\($0.folder)" } : []
    leftOut = state.standings.reduce(into: [:]) { counts, standing in
      if case .left(let reason) = standing { counts[reason, default: 0] += 1 }
    }
    outcomes = Dictionary(
      uniqueKeysWithValues: state.outcomes.map { ($0.key.rawValue, $0.value) })
    retried = state.retried.count
    let found = records.filter { $0.record.outcome.isFinding }
    findings = Dictionary(grouping: found) { $0.record.fingerprint ?? "" }
      .sorted { ($1.value.count, $0.key) < ($0.value.count, $1.key) }
      .map { fingerprint, runs in
        Finding(
          fingerprint: fingerprint, outcome: runs[0].record.outcome.rawValue,
          summary: runs[0].record.summary, cells: Set(runs.map(\.run.cell.name)).sorted(),
          runs: runs.map(\.record.folder))
      }
    troubles = records.compactMap { run, record in
      guard record.outcome == .inconclusive || record.outcome == .benchFailure else { return nil }
      return Trouble(
        run: run.name, outcome: record.outcome.rawValue, summary: record.summary,
        folder: record.folder)
    }
    loadSeconds = records.reduce(0) { $0 + $1.record.loadSeconds }
    runSeconds = records.reduce(0) { $0 + $1.record.seconds }
  }

  /// A counterexample's explanation has several lines.
  static func oneLine(_ text: String) -> String {
    text.split(separator: "\n").joined(separator: " ")
  }

  /// What stands beside many others: the first line.
  static func firstLine(_ text: String) -> String {
    text.split(separator: "\n").first.map(String.init) ?? ""
  }

  /// For people.
  public var text: String {
    let counts = RunOutcome.byPrecedence.compactMap { outcome in
      outcomes[outcome.rawValue].map { "\($0) \(outcome.rawValue)" }
    }
    var lines = [
      "campaign   \(campaign): \(done) of \(planned) runs done"
        + (left > 0 ? ", \(left) left" : ""),
      "outcomes   \(counts.isEmpty ? "none yet" : counts.joined(separator: ", "))",
    ]
    if isAtWork {
      lines += running.map { "now        \($0)" }
    } else if !isOver {
      lines.append(
        "stopped    nobody is at work on it; `gauntlet campaign resume \(folder)` goes on")
    }
    if loadSeconds > 0 {
      let over = Figures.percent(max(0, runSeconds / loadSeconds - 1))
      lines.append(
        "time       \(Figures.seconds(runSeconds)) of runs, \(Figures.seconds(loadSeconds)) of them "
          + "under load: \(over) over it")
    }
    if retried > 0 { lines.append("retried    \(retried), in which the bench failed") }
    for (reason, count) in leftOut.sorted(by: { $0.key < $1.key }) {
      lines.append("left out   \(count): \(reason)")
    }
    for finding in findings {
      lines.append(
        "finding    \(finding.fingerprint) \(finding.outcome), \(finding.runs.count) of \(done) runs: "
          + Self.oneLine(finding.summary))
      lines += finding.cells.map { "           in \($0)" }
      lines += finding.runs.prefix(3).map { "           \($0)" }
      if finding.runs.count > 3 {
        lines.append(
          "           and \(finding.runs.count - 3) more: gauntlet runs --finding \(finding.fingerprint)"
        )
      }
    }
    for trouble in troubles {
      lines.append(
        "trouble    \(trouble.outcome) in \(trouble.run): \(Self.oneLine(trouble.summary))")
      lines.append("           \(trouble.folder)")
    }
    lines.append("folder     \(folder)")
    return lines.joined(separator: "\n")
  }
}
