// Where a campaign stands: its plan and its journal folded together. Pure, so that resuming is the same
// computation as going on.

import Bench

/// Where a campaign stands.
public struct CampaignState: Sendable {
  /// How one planned run stands.
  public enum Standing: Sendable, Equatable {
    /// It is still to be run; so often it was tried.
    case waiting(attempts: Int)
    /// It was begun and has not ended, as far as the journal knows.
    case running(attempt: Int, folder: String)
    /// It ended, and counts.
    case done(RunRecord)
    /// It is not run, for this reason.
    case left(reason: String)
  }

  /// The campaign.
  public let campaign: Campaign
  /// What is to be run, in order.
  public let planned: [CellRun]
  /// How each of `planned` stands.
  public private(set) var standings: [Standing]
  /// Runs in which the bench failed and that were tried again.
  public private(set) var retried: [RunRecord] = []
  /// When the first controller took it up, as `20261128T020000`, in UTC; nil when none has.
  public private(set) var began: String?
  /// How long controllers were at it before this session, in seconds.
  public private(set) var secondsBefore = 0.0
  private var secondsOfSession = 0.0
  private let places: [CellRun: Int]
  private var cells: [Cell: CellTally] = [:]
  private var begun = 0

  private struct CellTally {
    var begun = 0
    var findings = 0
    var failures = 0  // of the bench, in a row
    var left: String?  // why its other runs are not run
  }

  /// Where `campaign` stands after `events`, of which this is the part with that number of so many.
  public init(
    _ campaign: Campaign, after events: [CampaignEvent] = [], shard: Shard = .whole
  ) {
    self.campaign = campaign
    planned = campaign.planned.enumerated().filter { shard.contains($0.offset) }.map(\.element)
    standings = planned.map { _ in .waiting(attempts: 0) }
    places = Dictionary(uniqueKeysWithValues: planned.enumerated().map { ($1, $0) })
    for event in events { apply(event) }
  }

  /// Takes what happened into account.
  public mutating func apply(_ event: CampaignEvent) {
    switch event {
    case .session(let time):
      // A part that is collected late may have begun first.
      began = min(began ?? time, time)
      secondsBefore += secondsOfSession
      secondsOfSession = 0
    case .elapsed(let seconds): secondsOfSession = max(secondsOfSession, seconds)
    case .collected: break
    case .begin(let run, let attempt, let folder, _):
      guard let place = places[run] else { return }
      standings[place] = .running(attempt: attempt, folder: folder)
      begun += 1
      cells[run.cell, default: CellTally()].begun += 1
    case .end(let run, let attempt, let record):
      guard let place = places[run] else { return }
      end(run, at: place, attempt, record)
    }
  }

  private mutating func end(
    _ run: CellRun, at place: Int, _ attempt: Int, _ record: RunRecord
  ) {
    switch record.outcome {
    case .interrupted:
      // Nobody's fault: as if it had not been begun.
      wait(run.cell, at: place, attempts: attempt - 1)
      begun -= 1
      cells[run.cell, default: CellTally()].begun -= 1
      return
    case .benchFailure where attempt <= campaign.retries:
      wait(run.cell, at: place, attempts: attempt)
      retried.append(record)
      return
    default: standings[place] = .done(record)
    }
    var tally = cells[run.cell, default: CellTally()]
    tally.failures = record.outcome == .benchFailure ? tally.failures + 1 : 0
    if record.outcome.isFinding { tally.findings += 1 }
    cells[run.cell] = tally
    if tally.findings >= campaign.findings {
      let findings = tally.findings == 1 ? "a finding" : "\(tally.findings) findings"
      leave(run.cell, "its cell has \(findings)")
    } else if tally.failures >= campaign.quarantine {
      leave(run.cell, "quarantined: the bench failed \(tally.failures) times in a row")
    }
  }

  /// It is still to be run, unless its cell has been left meanwhile.
  private mutating func wait(_ cell: Cell, at place: Int, attempts: Int) {
    standings[place] = cells[cell]?.left.map { .left(reason: $0) } ?? .waiting(attempts: attempts)
  }

  private mutating func leave(_ cell: Cell, _ reason: String) {
    cells[cell, default: CellTally()].left = reason
    for (place, run) in planned.enumerated() where run.cell == cell {
      if case .waiting = standings[place] { standings[place] = .left(reason: reason) }
    }
  }

  /// Runs that were begun and have not ended, of which whoever resumes must find out what became.
  public var unfinished: [(run: CellRun, attempt: Int, folder: String)] {
    zip(planned, standings).compactMap { run, standing in
      if case .running(let attempt, let folder) = standing { return (run, attempt, folder) }
      return nil
    }
  }

  /// Those that wait, with the attempt that is next.
  var waiting: [(run: CellRun, attempt: Int)] {
    zip(planned, standings).compactMap { run, standing in
      if case .waiting(let attempts) = standing { return (run, attempts + 1) }
      return nil
    }
  }

  /// How `run` ended, if it has and counts.
  func record(of run: CellRun) -> RunRecord? {
    guard let place = places[run], case .done(let record) = standings[place] else { return nil }
    return record
  }

  /// How often runs of `cell` were begun in this campaign.
  func begun(in cell: Cell) -> Int { cells[cell]?.begun ?? 0 }

  /// How many more runs the budget allows.
  var runsLeft: Int { campaign.runs.map { max(0, $0 - begun) } ?? .max }

  /// How long controllers were at it, in seconds.
  var secondsSpent: Double { secondsBefore + secondsOfSession }

  /// Whether nothing more will be done: all runs are over or left out, or the budget has no time for another
  /// that takes as long as they do.
  public var isOver: Bool {
    guard unfinished.isEmpty else { return false }
    return waiting.isEmpty || runsLeft == 0 || !hasTime(after: secondsSpent)
  }

  /// Whether another run is likely to end within the budget, so many seconds of which are gone.
  func hasTime(after spent: Double) -> Bool {
    guard let budget = campaign.seconds else { return true }
    let records = records
    let all = records.reduce(0) { $0 + $1.record.seconds }
    return spent + (records.isEmpty ? 0 : all / Double(records.count)) <= budget
  }

  /// What ended and counts.
  public var records: [(run: CellRun, record: RunRecord)] {
    zip(planned, standings).compactMap { run, standing in
      if case .done(let record) = standing { return (run, record) }
      return nil
    }
  }

  /// How many ended so.
  public var outcomes: [RunOutcome: Int] {
    Dictionary(grouping: records, by: \.record.outcome).mapValues(\.count)
  }

  /// Every outcome that the campaign has: those of its runs; that the bench failed where a run that it
  /// failed in still waits; and that nothing was found out where no run counts.
  public var verdicts: Set<RunOutcome> {
    var verdicts = Set(outcomes.keys)
    if waiting.contains(where: { $0.attempt > 1 }) { verdicts.insert(.benchFailure) }
    if records.isEmpty { verdicts.insert(.inconclusive) }
    return verdicts
  }

  /// The outcome that hides all others.
  public var worst: RunOutcome { RunOutcome.worst(of: verdicts) ?? .inconclusive }
}

extension RunOutcome {
  /// Whether it says something of the system that its developers want to hear.
  public var isFinding: Bool { self == .violation || self == .crash || self == .objective }
}

/// One of so many parts of a campaign, which together are the whole.
public struct Shard: Sendable, Codable, Equatable {
  /// Which, from 1.
  public var number: Int
  /// Of how many.
  public var count: Int

  /// The most parts.
  static let most = 1_000_000

  /// All of it.
  public static let whole = Shard(number: 1, count: 1)

  /// Part `number` of `count`, from 1.
  public init(number: Int, count: Int) {
    precondition((1...count).contains(number), "shard \(number) of \(count)")
    self.number = number
    self.count = count
  }

  /// The shard that `text` spells, as `2/8`; nil when it spells none.
  public init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
    guard parts.count == 2, let number = parts[0], let count = parts[1], count >= 1,
      count <= Self.most, (1...count).contains(number)
    else { return nil }
    self.init(number: number, count: count)
  }

  func contains(_ place: Int) -> Bool { place % count == number - 1 }
}
