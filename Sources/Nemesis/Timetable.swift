// Which faults of a plan may be on together.

import Workloads

/// Places faults, in the order of their starts, so that a schedule is kept. Times are milliseconds.
struct Timetable {
  private struct Placed {
    var start: Int
    var end: Int
    var group: String?
  }

  /// So long after its end a fault may still be being healed, so that nothing else gets hold of its nodes.
  private static let healing = 500
  private let schedule: Schedule
  /// Those that may overlap what comes.
  private var placed: [Placed] = []

  init(_ schedule: Schedule) { self.schedule = schedule }

  /// When a fault that would begin at `start` does; nil when there is no time for it by `end`. To be called
  /// with starts that never go back.
  mutating func place(
    _ start: Int, lasting length: Int, in group: String?, endingBy end: Int
  ) -> Int? {
    placed.removeAll { $0.end <= start }
    if let quiet = schedule.quiet, quiet.every - quiet.lasts < .milliseconds(length) { return nil }
    var time = start
    while time + length <= end {
      guard let later = obstacle(time, time + length, group) else {
        placed.append(Placed(start: time, end: time + length + Self.healing, group: group))
        return time
      }
      time = later
    }
    // What nothing keeps from its time ends in time: whoever drew it has seen to that.
    return nil
  }

  /// Until when something is in the way of one from `start` to `end`; nil when nothing is.
  private func obstacle(_ start: Int, _ end: Int, _ group: String?) -> Int? {
    if let quiet = schedule.quiet {
      let every = Int(quiet.every.inSeconds * 1000)
      let lasts = Int(quiet.lasts.inSeconds * 1000)
      // Each stretch ends with its quiet time.
      let stretch = start / every * every
      if end > stretch + every - lasts { return stretch + every }
    }
    let beside = placed.filter { $0.start < end && $0.end > start }
    if let group, let other = beside.filter({ $0.group == group }).map(\.end).min() { return other }
    if let atOnce = schedule.atOnce, beside.count >= atOnce { return beside.map(\.end).min() }
    return nil
  }
}
