// Which run comes next: what is likeliest to tell something new, with the reason.

/// What earlier campaigns know of a cell.
public struct CellPast: Sendable, Equatable {
  /// How often it was run.
  public var runs = 0
  /// How many of its last ten runs found something.
  public var findings = 0
  /// The checksum of the build of its last run.
  public var build: String?

  /// Nothing is known.
  public init() {}
}

/// Chooses what comes next. All choices follow from the state, and from what was known of the cells as
/// the session began.
struct Order {
  /// A run that is next, and why.
  struct Choice: Equatable {
    var run: CellRun
    var attempt: Int
    var reason: String
  }

  private let pasts: [Cell: CellPast]
  private let sums: [String: String]

  init(_ campaign: Campaign, pasts: [Cell: CellPast]) {
    self.pasts = pasts
    sums = Dictionary(campaign.builds.map { ($0.name, $0.sum) }) { first, _ in first }
  }

  /// What comes next; nil when nothing waits. Every cell comes once before any comes twice, but one that
  /// found something lately, or whose build is new, comes once more before that.
  func next(in state: CampaignState) -> Choice? {
    if state.campaign.isInOrder {
      return state.waiting.first.map {
        Choice(run: $0.run, attempt: $0.attempt, reason: "it is next in the plan")
      }
    }
    return state.waiting
      .map { (run: $0.run, attempt: $0.attempt, rank: rank(of: $0.run.cell, in: state)) }
      .min { $0.rank < $1.rank }  // the first of equals: the plan's order
      .map {
        Choice(
          run: $0.run, attempt: $0.attempt,
          reason: $0.attempt > 1 ? "the bench failed before" : $0.rank.reason)
      }
  }

  private struct Rank: Comparable {
    var round: Int
    var findings: Int
    var isNew: Bool
    var covered: Int

    static func < (left: Rank, right: Rank) -> Bool {
      (left.round, -left.findings, left.isNew ? 0 : 1, left.covered)
        < (right.round, -right.findings, right.isNew ? 0 : 1, right.covered)
    }

    var reason: String {
      if findings > 0 { return "\(findings) of its last ten runs found something" }
      if isNew { return "its build has changed since it was last run" }
      return covered == 0 ? "never run before" : "least covered: \(covered) runs before"
    }
  }

  private func rank(of cell: Cell, in state: CampaignState) -> Rank {
    let past = pasts[cell] ?? CellPast()
    let begun = state.begun(in: cell)
    let isNew = past.build != nil && past.build != sums[cell.build]
    let extra = (past.findings > 0 ? 1 : 0) + (isNew ? 1 : 0)
    return Rank(
      round: begun - extra, findings: past.findings, isNew: isNew, covered: past.runs + begun)
  }
}
