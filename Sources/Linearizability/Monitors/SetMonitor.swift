// The exact check of sets: by element where nobody reads them whole, as a growing chain where
// nobody takes anything out.

import History

extension SetModel: Monitored {
  /// - Without `read`s a set is as many objects as it has elements, and is linearizable if and
  ///   only if each of them is (P-compositionality, Horn & Kroening 2015): `ElementSweep`.
  /// - With `read`s, but nothing to take out: `GrowingSet`.
  /// - With both: nothing is said here.
  func monitor(_ judged: [Judged<SetAction>]) -> MonitorVerdict? {
    var hasRead = false
    var hasRemove = false
    for one in judged {
      switch one.action {
      case .read: hasRead = true
      case .remove(_, let changed): if changed != false { hasRemove = true }
      case .add, .contains: break
      }
    }
    guard hasRead else { return ElementSweep.verdict(on: judged, initial: members) }
    return hasRemove ? nil : GrowingSet.verdict(on: judged, initial: members)
  }

  /// What it holds at first.
  private var members: [Value] { initial.elements.elements.map(\.value) }
}

/// Operations at instants, to be put in order.
struct PlacedOperations {
  private var events: [(key: UInt64, place: Int)] = []

  init(capacity: Int) { events.reserveCapacity(capacity) }

  /// Adds an operation at `instant`; of those at one instant, lower `turn`s go first.
  mutating func add(_ place: Int, at instant: Int32, turn: UInt64) {
    events.append((UInt64(instant) << 32 | turn, place))
  }

  /// Places in their order.
  func inOrder() -> [Int] { events.sorted { $0.key < $1.key }.map(\.place) }
}

extension SetAction {
  /// What it does to its element; nil for a read.
  var onElement: (element: Value, kind: ElementSweep.Kind)? {
    switch self {
    case .add(let element, nil): (element, .add)
    case .add(let element, true?): (element, .addNew)
    case .add(let element, false?): (element, .seePresent)
    case .remove(let element, nil): (element, .remove)
    case .remove(let element, true?): (element, .removeOld)
    case .remove(let element, false?): (element, .seeAbsent)
    case .contains(let element, let isIn): (element, isIn ? .seePresent : .seeAbsent)
    case .read: nil
    }
  }
}
