// Disturbances at the worst moment: those that wait for a node to do something, and strike then.

import Raft

/// What happens to a node right after a step of a kind.
struct Ambush {
  /// A step after which much depends on what is on disk already, or on who hears of it.
  enum Moment: CaseIterable {
    /// It takes on a term, or gives its vote.
    case vote
    /// It becomes the leader.
    case leadership
    /// It learns that more is committed.
    case commit
    /// It adds to its log.
    case append

    /// Whether `report` shows it, and `last` not yet.
    func isBetween(_ last: StepReport, _ report: StepReport) -> Bool {
      switch self {
      case .vote: report.vote != last.vote
      case .leadership: report.isLeader && !last.isLeader
      case .commit: report.committed > last.committed
      case .append: report.log.lastIndex > last.log.lastIndex
      }
    }
  }

  var moment: Moment
  /// So long after the step.
  var delay: Duration
  var strike: () -> Void
}
