// The exact check of a stack whose values are distinct.

import History

/// Decides a stack, every value of which is put in at most once, by peeling values off from
/// below.
///
/// An instant is *free* when no value left has it in its critical interval (see
/// `ContainerPairing.cover`). A value whose push and whose pop (if it stays, it is popped after
/// everything) can both happen at free instants can be the lowest of all that are left, and is
/// taken away; with it goes its critical interval, which may make more instants free.
///
/// *Every value is taken away if there is an order:* at the push and at the pop of a value that
/// goes onto the empty stack nobody else is there, so both are free instants; and an order
/// without one value is an order of the others.
///
/// *There is an order if every value is taken away.* Free instants can be made instants at which
/// the stack is empty: nobody has to be there, so each value is before it or after it as a whole,
/// and moving its events to that side, in the order they had, keeps every projection of the order
/// on one side. So what is peeled off can be put below an order of the rest. The witness has each
/// value's push at the last free instant of its interval and its pop at the first one then, or
/// both at one if one serves both: no earlier value's push or pop comes between the two then, so
/// spans nest.
///
/// Removals that found nothing need an instant that is free at first, by the same argument.
///
/// Removals of unknown outcome are given values to take (`UnknownRemovals`). A value below another
/// when that is pushed, and still to be popped then, is popped after it; so the other must be gone
/// by then.
///
/// - Complexity: O(n log n). Instants become free once each and values wait in a tree by interval.
/// - Source: the peeling is in fastlin (arXiv 2410.04581) and LiMo (arXiv 2509.17795); trees,
///   witness and what has no interval of its own are our own.
struct StackMonitor {
  private let judged: [Judged<ContainerAction>]
  private var pairing: ContainerPairing
  private var free: InstantSet
  /// Values in the order in which they are taken away.
  private var peeled: [Int32] = []
  /// By value: where its push and its pop are placed.
  private var pushes: [Int32]
  private var pops: [Int32]

  /// The verdict on `judged`, or nil where values repeat or pops of unknown outcome matter.
  static func verdict(
    on judged: [Judged<ContainerAction>], initial: [Value]
  ) -> MonitorVerdict? {
    switch ContainerPairing.of(judged, initial: initial) {
    case .repeated: return nil
    case .impossible(let core): return .invalid(core: core.map { judged[Int($0)].place })
    case .paired(let pairing):
      let unknown = UnknownRemovals(
        pairing: pairing, attempt: { attempt(judged, $0) },
        mustGo: { staying, removed in
          pairing.insertEnd[removed] < pairing.insertStart[staying]
            && pairing.insertEnd[staying] < pairing.removeStart[removed]
        })
      return unknown.verdict()?.mapped { judged[$0].place }
    }
  }

  /// The verdict, by numbers, where all removals are settled.
  private static func attempt(
    _ judged: [Judged<ContainerAction>], _ pairing: ContainerPairing
  ) -> MonitorVerdict {
    var monitor = StackMonitor(judged: judged, pairing: pairing)
    if let core = monitor.peel() { return .invalid(core: core.map(Int.init)) }
    return .valid(order: monitor.witness())
  }

  private init(judged: [Judged<ContainerAction>], pairing: ContainerPairing) {
    self.judged = judged
    self.pairing = pairing
    free = InstantSet(count: Int(pairing.never), full: false)
    pushes = Array(repeating: 0, count: pairing.count)
    pops = Array(repeating: 0, count: pairing.count)
  }

  /// Takes values away until none is left; returns operations that allow no order if it cannot.
  private mutating func peel() -> [Int32]? {
    let count = pairing.count
    let limit = Int(pairing.never)
    var tree = CoverTree(counts: covers())
    var pushesWaiting = WaitingIntervals(
      starts: pairing.insertStart, ends: pairing.insertEnd, limit: limit)
    var popsWaiting = WaitingIntervals(
      starts: pairing.removeStart, ends: pairing.removeEnd, limit: limit)
    // A value that stays waits for nothing but its push.
    var waits = (0..<count).map { pairing.stays($0) ? UInt8(1) : UInt8(2) }
    var isLeft = [Bool](repeating: true, count: count)
    var fresh: [Int32] = []
    tree.report(to: &fresh)
    for instant in fresh { free.insert(instant) }
    if let core = placeEmpties() { return core }
    peeled.reserveCapacity(count)
    var ready: [Int32] = []
    while true {
      for instant in fresh { free.insert(instant) }
      for instant in fresh {
        while let value = pushesWaiting.take(holding: instant) ?? popsWaiting.take(holding: instant)
        {
          waits[Int(value)] -= 1
          if waits[Int(value)] == 0 { ready.append(value) }
        }
      }
      fresh.removeAll(keepingCapacity: true)
      guard let value = ready.popLast().map(Int.init) else { break }
      place(value)
      isLeft[value] = false
      let last = min(pairing.removeStart[value], pairing.never) - 1
      if pairing.insertEnd[value] + 1 <= last {
        tree.uncover(pairing.insertEnd[value] + 1...last)
        tree.report(to: &fresh)
      }
    }
    if peeled.count == count { return nil }
    return pairing.operations(of: (0..<count).filter { isLeft[$0] })
  }

  /// By instant: how many critical intervals it is in.
  private func covers() -> [Int32] {
    let limit = Int(pairing.never)
    var counts = [Int32](repeating: 0, count: limit + 2)
    for value in 0..<pairing.count {
      let (end, start) = (pairing.insertEnd[value], pairing.removeStart[value])
      if end + 1 < start {
        counts[Int(end) + 1] += 1
        counts[Int(start)] -= 1
      }
    }
    for instant in 0..<limit { counts[instant + 1] += counts[instant] }
    return Array(counts[..<limit])
  }

  /// Gives each removal that found nothing its instant, or says what leaves it none.
  private mutating func placeEmpties() -> [Int32]? {
    let values = 0..<pairing.count
    for number in pairing.empties {
      let (start, end) = (pairing.instants.starts[Int(number)], pairing.instants.ends[Int(number)])
      guard let instant = free.next(from: start), instant <= end else {
        let cover = pairing.cover(from: start, to: end, candidates: values)
        return pairing.operations(of: cover) + [number]
      }
      emptyInstants.append(instant)
    }
    return nil
  }

  /// By removal that found nothing: where it is placed.
  private var emptyInstants: [Int32] = []

  private mutating func place(_ value: Int) {
    peeled.append(Int32(value))
    let (insertEnd, removeStart) = (pairing.insertEnd[value], pairing.removeStart[value])
    if removeStart <= insertEnd, let both = free.next(from: removeStart), both <= insertEnd {
      (pushes[value], pops[value]) = (both, both)
      return
    }
    guard let push = free.previous(from: insertEnd), push >= pairing.insertStart[value] else {
      preconditionFailure("value \(value) was taken away with no free instant for its push")
    }
    pushes[value] = push
    if pairing.stays(value) {
      pops[value] = pairing.always
      return
    }
    guard let pop = free.next(from: removeStart), pop <= pairing.removeEnd[value] else {
      preconditionFailure("value \(value) was taken away with no free instant for its pop")
    }
    pops[value] = pop
  }

  /// Walks the values by their pushes, popping what is due before each. At one instant come pops
  /// of what was there, then what comes and goes then, then pushes, the longest span first.
  private func witness() -> [Int] {
    struct Span {
      var push: Int32
      /// Of what stays there is no end; of what comes and goes at an instant it is -1, to be first.
      var order: Int32
      var pop: Int32
      var insertion: Int32
      var removal: Int32
    }
    var spans = zip(pairing.empties, emptyInstants).map { number, instant in
      Span(push: instant, order: -1, pop: instant, insertion: -1, removal: number)
    }
    for value in peeled.map(Int.init) {
      let (push, pop) = (pushes[value], pops[value])
      spans.append(
        Span(
          push: push, order: push == pop ? -1 : pairing.always - pop, pop: pop,
          insertion: pairing.insertion[value], removal: pairing.removal[value]))
    }
    // Stable by the rank of peeling: what was peeled first is further out.
    var numbers: [Int] = []
    numbers.reserveCapacity(judged.count)
    var open: [(pop: Int32, removal: Int32)] = []
    func emit(_ number: Int32) {
      if number >= 0 { numbers.append(Int(number)) }
    }
    let byOrder = positions(sortedBy: spans.map { $0.order + 1 }, below: Int(pairing.always) + 2)
    let byPush = positions(
      sortedBy: byOrder.map { spans[Int($0)].push }, below: Int(pairing.always) + 1)
    for position in byPush {
      let span = spans[Int(byOrder[Int(position)])]
      while let last = open.last, last.pop <= span.push {
        emit(last.removal)
        open.removeLast()
      }
      emit(span.insertion)
      open.append((span.pop, span.removal))
    }
    while let last = open.popLast() { emit(last.removal) }
    return numbers
  }
}

extension StackModel: Monitored {
  func monitor(_ judged: [Judged<ContainerAction>]) -> MonitorVerdict? {
    StackMonitor.verdict(on: judged, initial: contents)
  }
}
