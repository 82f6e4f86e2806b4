// Which runs a store keeps.

import Bench
import FoundationEssentials

/// Which runs are kept: those with findings, the newest, and what age and size allow.
public struct Retention: Sendable {
  /// So many of the newest stay.
  public var keep: Int
  /// What began before goes, as `20261128T021500`; nil for no limit.
  public var oldest: String?
  /// The most that all take; nil for no limit.
  public var bytes: Int?

  /// A rule of this kind.
  public init(keep: Int, oldest: String?, bytes: Int?) {
    self.keep = keep
    self.oldest = oldest
    self.bytes = bytes
  }

  /// The beginning of the day so many days before `date`, as `20261128T000000`, in UTC.
  public static func day(_ days: Int, before date: Date) -> String {
    let day = date.addingTimeInterval(-86_400 * Double(days))
    let parts = day.formatted(.iso8601.year().month().day().dateSeparator(.omitted))
    return "\(parts)T000000"
  }

  /// Those of `runs`, the newest first, that go.
  public func going(of runs: [RunEntry]) -> [RunEntry] {
    // Sparse files may say that they are so large that no integer holds the sum.
    var total = runs.reduce(0) { $0 + Double($1.bytes) }
    var going: [RunEntry] = []
    for (place, run) in runs.enumerated().reversed() {
      guard place >= keep, RunOutcome(rawValue: run.outcome)?.isFinding != true else { continue }
      let isOld = oldest.map { run.started < $0 } ?? false
      let isTooMuch = bytes.map { total > Double($0) } ?? false
      guard isOld || isTooMuch else { continue }
      total -= Double(run.bytes)
      going.append(run)
    }
    return going
  }
}
