// The exact check of a queue whose values are distinct.

import History

/// Decides a queue, every value of which is put in at most once, by the order of its values.
///
/// Let each value have the intervals of its insertion I and its removal R (see
/// `ContainerPairing`), a value that stays an R after everything. Value a must go *before* b if
/// I(a) ends before I(b) begins or R(a) ends before R(b) begins.
///
/// *Order.* Take, of the values left, x whose I ends first and y whose R ends first. Nothing must
/// go before x by an I, nor before y by an R. If x cannot go first, y must go before it by R; if y
/// cannot either, x must go before y by I, and the two contradict each other. So one of the two
/// goes first, or there is no order. In the order found insertions take place at the latest
/// beginning of an I so far, removals at the latest beginning of an R so far; neither is after
/// the interval's end, or the value would have had to go before another that went ahead of it.
///
/// *Removals that found nothing.* Such a removal needs an instant that is in no value's critical
/// interval. Any will do: a value with I = R = that instant says the same, for it contradicts
/// exactly the values in whose critical intervals it is, and what goes before it is out by then,
/// what goes after it not yet in.
///
/// *Removals of unknown outcome.* The values that stay, in the order in which their insertions
/// end, are taken by those removals in the order of their invocations, for as long as there are
/// both. If some order exists this leaves one: where the first k such values must be out by some
/// time, k of those removals must have begun by then, and so the first k. And being out early
/// puts a value before others only where it had to be.
///
/// - Complexity: O(n log n) at most, linear where the events of the key lie close together.
/// - Source: the pairs to look for are those of Henzinger, Sezgin & Vafeiadis 2013 and Bouajjani,
///   Emmi, Enea & Hamza 2015; the order, the empty removals and the unknown ones are our own.
struct QueueMonitor {
  private let judged: [Judged<ContainerAction>]
  private var pairing: ContainerPairing

  /// The verdict on `judged`, or nil where values repeat.
  static func verdict(
    on judged: [Judged<ContainerAction>], initial: [Value]
  ) -> MonitorVerdict? {
    switch ContainerPairing.of(judged, initial: initial) {
    case .repeated: return nil
    case .impossible(let core): return .invalid(core: core.map { judged[Int($0)].place })
    case .paired(let pairing):
      var monitor = QueueMonitor(judged: judged, pairing: pairing)
      if let core = monitor.findOrder() {
        return .invalid(core: core.map { judged[Int($0)].place })
      }
      return .valid(order: monitor.witness())
    }
  }

  private init(judged: [Judged<ContainerAction>], pairing: ContainerPairing) {
    self.judged = judged
    self.pairing = pairing
  }

  /// Values in their order.
  private var order: [Int32] = []

  /// Finds the order of the values, or operations that allow none.
  private mutating func findOrder() -> [Int32]? {
    if !pairing.unknownRemovals.isEmpty {
      let staying = (0..<pairing.count).filter(pairing.stays)
        .sorted { pairing.insertEnd[$0] < pairing.insertEnd[$1] }
      for (value, number) in zip(staying, pairing.unknownRemovals) {
        pairing.take(value, by: number)
      }
    }
    if let core = placeEmpties() { return core }
    let limit = Int(pairing.always) + 1
    let byInsertion = positions(sortedBy: pairing.insertEnd, below: limit)
    let byRemoval = positions(sortedBy: pairing.removeEnd, below: limit)
    var isPlaced = [Bool](repeating: false, count: pairing.count)
    var (left, right) = (0, 0)
    order.reserveCapacity(pairing.count)
    while order.count < pairing.count {
      while isPlaced[Int(byInsertion[left])] { left += 1 }
      while isPlaced[Int(byRemoval[right])] { right += 1 }
      let (x, y) = (Int(byInsertion[left]), Int(byRemoval[right]))
      let next: Int
      if pairing.removeStart[x] <= pairing.removeEnd[y] {
        next = x
      } else if pairing.insertStart[y] <= pairing.insertEnd[x] {
        next = y
      } else {
        return core(of: [x, y], until: pairing.removeEnd[y])
      }
      isPlaced[next] = true
      order.append(Int32(next))
    }
    return nil
  }

  /// Gives each removal that found nothing its instant, or says what leaves it none.
  private mutating func placeEmpties() -> [Int32]? {
    if pairing.empties.isEmpty { return nil }
    let count = pairing.count
    var free = InstantSet(count: Int(pairing.never), full: true)
    for value in 0..<count {
      free.removeAll(after: pairing.insertEnd[value], before: pairing.removeStart[value])
    }
    for number in pairing.empties {
      let (start, end) = (pairing.instants.starts[Int(number)], pairing.instants.ends[Int(number)])
      guard let instant = free.next(from: start), instant <= end else {
        let values = pairing.cover(from: start, to: end, candidates: 0..<count)
        return core(of: values, until: end) + [number]
      }
      pairing.addPoint(at: instant, removal: number)
    }
    return nil
  }

  /// The operations of `values`; and, where one of them might have been taken by a removal of
  /// unknown outcome, all that competed for those until `end`.
  private func core(of values: [Int], until end: Int32) -> [Int32] {
    let known = values.filter { pairing.removeEnd[$0] < pairing.never }
    guard known.count < values.count, !pairing.unknownRemovals.isEmpty else {
      return pairing.operations(of: values)
    }
    let rivals = (0..<pairing.count).filter {
      pairing.removeEnd[$0] >= pairing.never && pairing.insertEnd[$0] < end
    }
    let insertions = rivals.map { pairing.insertion[$0] }.filter { $0 >= 0 }
    let removals = pairing.unknownRemovals.filter { pairing.instants.starts[Int($0)] <= end }
    return pairing.operations(of: known) + insertions + removals
  }

  /// Merges insertions and removals by time, at one instant by value, first in and then out:
  /// so a value at an instant of its own finds all before it out and none after it in.
  private func witness() -> [Int] {
    var places: [Int] = []
    places.reserveCapacity(judged.count)
    var (into, outOf) = (0, 0)
    var (intoTime, outOfTime) = (Int32.min, Int32.min)
    func time(_ latest: Int32, _ starts: [Int32], _ position: Int) -> Int32 {
      position < order.count ? max(latest, starts[Int(order[position])]) : Int32.max
    }
    intoTime = time(intoTime, pairing.insertStart, into)
    outOfTime = time(outOfTime, pairing.removeStart, outOf)
    while outOf < order.count {
      let number: Int32
      if into < order.count, (intoTime, into) <= (outOfTime, outOf) {
        number = pairing.insertion[Int(order[into])]
        into += 1
        intoTime = time(intoTime, pairing.insertStart, into)
      } else {
        number = pairing.removal[Int(order[outOf])]
        outOf += 1
        outOfTime = time(outOfTime, pairing.removeStart, outOf)
      }
      if number >= 0 { places.append(judged[Int(number)].place) }
    }
    return places
  }
}

extension QueueModel: Monitored {
  func monitor(_ judged: [Judged<ContainerAction>]) -> MonitorVerdict? {
    QueueMonitor.verdict(on: judged, initial: contents)
  }
}
