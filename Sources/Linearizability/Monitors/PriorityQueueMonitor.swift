// The exact check of a priority queue whose values are distinct.

import History

/// Decides a priority queue, every value of which is put in at most once, from its best value to
/// its worst.
///
/// A value is removed at an instant at which no better one is there, so at one that is in no
/// better value's critical interval (see `ContainerPairing.cover`). Each value gets the first such
/// instant of its removal's interval; one that finds none proves that there is no order.
///
/// *That this suffices.* Let each value be put in at the end of its insertion's interval, or when
/// it is removed if that is earlier. Say a worse value is removed at an instant t at which a
/// better one, v, would be there, so after v was put in and before it is removed. As t is not in
/// the critical interval of v, it lies in the interval of v's removal, before the instant given
/// to v. But t is free of all that is better than the worse value, and so of all that is better
/// than v: it, or an earlier one, would have been given to v.
///
/// A removal that found nothing is removed after all values, as the worst of them.
///
/// Removals of unknown outcome are given values to take (`UnknownRemovals`). What is in when a
/// worse value is removed must be gone by then.
///
/// - Complexity: O(n log n), to sort the values.
/// - Source: the condition is in Gibbons, Bruno & Phillips 2002 and fastlin (arXiv 2410.04581);
///   the choice of the instants, which makes the witness, is our own.
struct PriorityQueueMonitor {
  private let pairing: ContainerPairing
  /// Values from best to worst.
  private let ranked: [Int]
  /// Instants in no critical interval of the values seen so far.
  private var free: InstantSet
  private var events: [Event] = []

  /// One operation at its instant. At one instant come removals of what was there, best first;
  /// then what comes and goes then, best first; then removals that find nothing; then
  /// insertions.
  private struct Event {
    enum Phase: UInt64 {
      case removal, both, nothing, insertion
    }
    var key: UInt64
    var number: Int32

    init(_ instant: Int32, _ phase: Phase, rank: Int, number: Int32) {
      key = UInt64(instant) << 32 | phase.rawValue << 30 | UInt64(rank)
      self.number = number
    }
  }

  /// The verdict on `judged`, or nil where values repeat or removals of unknown outcome matter.
  static func verdict(
    on judged: [Judged<ContainerAction>], initial: [Value]
  ) -> MonitorVerdict? {
    switch ContainerPairing.of(judged, initial: initial) {
    case .repeated: return nil
    case .impossible(let core): return .invalid(core: core.map { judged[Int($0)].place })
    case .paired(let pairing):
      let ranked = ranked(pairing, judged, initial: initial)
      var ranks = [Int](repeating: 0, count: pairing.count)
      for (rank, value) in ranked.enumerated() { ranks[value] = rank }
      let unknown = UnknownRemovals(
        pairing: pairing, attempt: { attempt($0, ranked: ranked) },
        mustGo: { staying, removed in
          ranks[staying] < ranks[removed]
            && pairing.insertEnd[staying] < pairing.removeStart[removed]
        })
      return unknown.verdict()?.mapped { judged[$0].place }
    }
  }

  /// The verdict, by numbers, where all removals are settled.
  private static func attempt(_ pairing: ContainerPairing, ranked: [Int]) -> MonitorVerdict {
    var monitor = PriorityQueueMonitor(pairing, ranked: ranked)
    if let core = monitor.placeAll() { return .invalid(core: core.map(Int.init)) }
    monitor.events.sort { $0.key < $1.key }
    return .valid(order: monitor.events.map { Int($0.number) })
  }

  private init(_ pairing: ContainerPairing, ranked: [Int]) {
    self.pairing = pairing
    self.ranked = ranked
    free = InstantSet(count: Int(pairing.never), full: true)
  }

  /// Values from best to worst.
  private static func ranked(
    _ pairing: ContainerPairing, _ judged: [Judged<ContainerAction>], initial: [Value]
  ) -> [Int] {
    var priorities: [(number: Int64, value: Int)] = []
    priorities.reserveCapacity(pairing.count)
    for value in 0..<pairing.count {
      let position = Int(pairing.initialPosition[value])
      if position >= 0, case .integer(let number) = initial[position] {
        priorities.append((number, value))
      } else if case .insert(.integer(let number)) = judged[Int(pairing.insertion[value])].action {
        priorities.append((number, value))
      }
    }
    precondition(priorities.count == pairing.count, "the model takes whole numbers only")
    priorities.sort { $0.number < $1.number }
    return priorities.map(\.value)
  }

  /// Gives every operation its instant, or returns operations that allow none.
  private mutating func placeAll() -> [Int32]? {
    for (rank, value) in ranked.enumerated() {
      let (start, end) = (pairing.removeStart[value], pairing.removeEnd[value])
      var instant = pairing.always
      if !pairing.stays(value) {
        guard let first = free.next(from: start), first <= end else {
          let cover = pairing.cover(from: start, to: end, candidates: ranked[..<rank])
          return pairing.operations(of: cover + [value])
        }
        instant = first
      }
      place(value, rank: rank, removedAt: instant)
      free.removeAll(after: pairing.insertEnd[value], before: start)
    }
    for number in pairing.empties {
      let (start, end) = (pairing.instants.starts[Int(number)], pairing.instants.ends[Int(number)])
      guard let instant = free.next(from: start), instant <= end else {
        let cover = pairing.cover(from: start, to: end, candidates: ranked)
        return pairing.operations(of: cover) + [number]
      }
      events.append(Event(instant, .nothing, rank: 0, number: number))
    }
    return nil
  }

  private mutating func place(_ value: Int, rank: Int, removedAt instant: Int32) {
    let insertion = pairing.insertion[value]
    let insertedAt = min(pairing.insertEnd[value], instant)
    let atOnce = insertedAt == instant
    if insertion >= 0 {
      events.append(
        Event(
          insertedAt, atOnce ? .both : .insertion, rank: atOnce ? 2 * rank : rank,
          number: insertion))
    }
    if pairing.removal[value] >= 0 {
      events.append(
        Event(
          instant, atOnce ? .both : .removal, rank: atOnce ? 2 * rank + 1 : rank,
          number: pairing.removal[value]))
    }
  }
}

extension PriorityQueueModel: Monitored {
  func monitor(_ judged: [Judged<ContainerAction>]) -> MonitorVerdict? {
    PriorityQueueMonitor.verdict(on: judged, initial: contents)
  }
}
