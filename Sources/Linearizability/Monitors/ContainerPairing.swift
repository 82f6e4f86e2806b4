// A container's operations by value: who put it in and who took it out, and when that may have
// been. The ground of the monitors of queue, stack and priority queue.

import History

/// The values of a container, each put in at most once, with the intervals of both events.
///
/// *What is left out.* An insertion of unknown outcome whose value no `ok` removal returned: take
/// a witness that has it, and leave it out with the removal of unknown outcome that took its
/// value, if any; everything else sees what it saw. If an `ok` removal returned its value, it
/// did happen, before that removal completed.
///
/// *Tuning.* An insertion precedes the removal of its value, so it ends by the removal's
/// completion, and the removal begins after the insertion's invocation.
struct ContainerPairing {
  enum Outcome {
    case paired(ContainerPairing)
    /// These operations, by number, are not linearizable.
    case impossible(core: [Int32])
    /// Some value is put in twice, so that who took which is open.
    case repeated
  }

  /// By value: the number of the insertion among the judged, or -1 for what was there at first.
  private(set) var insertion: [Int32] = []
  /// By value: the number of the removal among the judged, or -1 where there is none.
  private(set) var removal: [Int32] = []
  private(set) var insertStart: [Int32] = []
  private(set) var insertEnd: [Int32] = []
  /// By value; `always` where there is no removal: after everything, and concurrent with others.
  private(set) var removeStart: [Int32] = []
  private(set) var removeEnd: [Int32] = []
  /// By value: its number among `initial`, or -1.
  private(set) var initialPosition: [Int32] = []

  /// The numbers of the removals that found nothing.
  private(set) var empties: [Int32] = []
  /// The numbers of the removals of unknown outcome.
  private(set) var unknownRemovals: [Int32] = []
  let instants: Instants

  var count: Int { insertion.count }
  /// After the last instant; the end of what ends at no known time.
  var never: Int32 { instants.never }
  /// After `never`: when values that stay are taken out.
  var always: Int32 { never + 1 }

  /// Whether its value stays: no removal is known to have taken it.
  func stays(_ value: Int) -> Bool { removeStart[value] == always }

  /// The most operations that monitors take, so that all their numbers fit.
  static let mostOperations = 1 << 27

  /// Pairs `judged`, where a container first holds `initial`, which was put in in that order.
  ///
  /// - Complexity: linear, sorting of far scattered events apart.
  static func of(_ judged: [Judged<ContainerAction>], initial: [Value]) -> Outcome {
    guard judged.count + initial.count < mostOperations else { return .repeated }
    var table = ValueTable(capacity: judged.count / 2 + initial.count)
    var ids = [Int32](repeating: -1, count: judged.count)
    var pairing = ContainerPairing(instants: Instants(judged, first: initial.count))
    let initialIDs = initial.map { table.id(of: $0) }
    for (number, one) in judged.enumerated() {
      switch one.action {
      case .insert(let value), .remove(let value): ids[number] = table.id(of: value)
      case .removeNothing: pairing.empties.append(Int32(number))
      case .removeUnknown: pairing.unknownRemovals.append(Int32(number))
      }
    }
    var removals = [Int32](repeating: -1, count: table.count)
    var twice: Int32?
    for (number, one) in judged.enumerated() {
      guard case .remove = one.action else { continue }
      let id = Int(ids[number])
      if removals[id] >= 0 { twice = twice ?? Int32(number) } else { removals[id] = Int32(number) }
    }
    let unknown: Int32 = -1 << 30
    var insertions = [Int32](repeating: unknown, count: table.count)
    for (position, id) in initialIDs.enumerated() {
      guard insertions[Int(id)] == unknown else { return .repeated }
      insertions[Int(id)] = -1 - Int32(position)
    }
    for (number, one) in judged.enumerated() {
      guard case .insert = one.action else { continue }
      let id = Int(ids[number])
      if !one.isRequired, removals[id] < 0 { continue }
      guard insertions[id] == unknown else { return .repeated }
      insertions[id] = Int32(number)
    }
    if let twice {
      let id = Int(ids[Int(twice)])
      return .impossible(core: [insertions[id], removals[id], twice].filter { $0 >= 0 })
    }
    for id in 0..<table.count {
      if insertions[id] != unknown {
        if let core = pairing.add(insertions[id], removals[id]) { return .impossible(core: core) }
      } else if removals[id] >= 0 {
        return .impossible(core: [removals[id]])
      }
    }
    return .paired(pairing)
  }

  private init(instants: Instants) { self.instants = instants }

  /// Adds a value; if its removal ended before its insertion began, those two instead.
  private mutating func add(_ insertion: Int32, _ removal: Int32) -> [Int32]? {
    let position = -1 - insertion  // among the initial contents, if that
    let start = insertion < 0 ? position : instants.starts[Int(insertion)]
    var end = insertion < 0 ? position : instants.ends[Int(insertion)]
    if removal >= 0 {
      let removed = instants.ends[Int(removal)]
      if removed < start { return [insertion, removal] }
      end = min(end, removed)
      removeStart.append(max(start, instants.starts[Int(removal)]))
      removeEnd.append(removed)
    } else {
      removeStart.append(always)
      removeEnd.append(always)
    }
    self.insertion.append(max(-1, insertion))
    self.removal.append(removal)
    initialPosition.append(max(-1, position))
    insertStart.append(start)
    insertEnd.append(end)
    return nil
  }

  /// Has `value`, which stayed, taken out by the removal of unknown outcome `number`.
  mutating func take(_ value: Int, by number: Int32) {
    removal[value] = number
    removeStart[value] = max(insertStart[value], instants.starts[Int(number)])
    removeEnd[value] = never
  }

  /// Adds something that goes in and out at `instant`, as a removal that finds nothing does
  /// where monitors have order only through the intervals of values.
  mutating func addPoint(at instant: Int32, removal number: Int32) {
    insertion.append(-1)
    removal.append(number)
    initialPosition.append(-1)
    insertStart.append(instant)
    insertEnd.append(instant)
    removeStart.append(instant)
    removeEnd.append(instant)
  }

  /// The operations of `values`, by number.
  func operations(of values: [Int]) -> [Int32] {
    values.flatMap { [insertion[$0], removal[$0]] }.filter { $0 >= 0 }
  }

  /// Values among `candidates` whose critical intervals leave no instant from `start` to `end`
  /// free: few of them, where many would.
  ///
  /// A value's *critical interval* is where it is in the container in any order: strictly between
  /// the end of its insertion and the beginning of its removal.
  func cover(from start: Int32, to end: Int32, candidates: some Sequence<Int>) -> [Int] {
    let near = candidates.filter { insertEnd[$0] < end && start < removeStart[$0] }
      .sorted { insertEnd[$0] < insertEnd[$1] }
    var chosen: [Int] = []
    var instant = start  // the first that is not covered yet
    var best: Int?
    for value in near {
      if insertEnd[value] >= instant {
        guard let last = best, removeStart[last] > instant else { return near }
        chosen.append(last)
        instant = removeStart[last]
        best = nil
        if instant > end { return chosen }
        if insertEnd[value] >= instant { return near }
      }
      if removeStart[value] > removeStart[best ?? value] || best == nil { best = value }
    }
    if let best { chosen.append(best) }
    return chosen
  }
}

extension MonitorVerdict {
  /// The same with what `place` makes of each operation.
  func mapped(_ place: (Int) -> Int) -> MonitorVerdict {
    switch self {
    case .valid(let order): .valid(order: order.map(place))
    case .invalid(let core): .invalid(core: core.map(place))
    }
  }
}
