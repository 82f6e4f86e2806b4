// The exact check of a set that is read whole and from which nothing is taken out.

import History

/// Decides a set that only grows, by the chain of what its reads saw.
///
/// What a growing set holds grows, so what two reads saw must be one within the other. By size,
/// the reads fall into steps: all that saw the least, then all that saw the next, ... An element
/// comes in at one moment, after all reads that did not see it and before all that did, so the
/// moments and reads form a row of groups: reads of step 0, elements that step 1 sees first,
/// reads of step 1, ... at last the elements that no read saw.
///
/// An element's moment is that of one of its `add`s, and lies in an interval: no later than any
/// completion of an `add` of it or of an observation that it is in, no earlier than any invocation
/// of an observation that it is not; and from the invocation of the first `add` on, or, if one
/// said that it changed the set, within that one's interval. Once it has its moment, everything
/// else about the element has a place: observations that it is not in right at their
/// invocations, the rest as soon as they may after it.
///
/// So there is an order if and only if the row has one: nothing in it may end before something of
/// an earlier group begins. Everything then stands at the latest beginning of the groups before
/// it and of its own.
///
/// - Complexity: linear in the elements that all reads list together, plus O(n log n).
/// - Source: the blocks of Gibbons & Korach 1997, in a row that the reads give.
struct GrowingSet {
  private struct Element {
    var adds: [Int32] = []
    /// The `add` that said that it changed the set.
    var changer: Int32?
    /// When it may come in, and the operations that say so.
    var earliest: Int32 = 0
    var latest: Int32
    var first: Int32?
    var last: Int32?
    /// Observations that it is in, attempts to add it included, and that it is not.
    var positives: [Int32] = []
    var negatives: [Int32] = []
    /// The step of reads that sees it first; `steps` if none does.
    var step: Int32 = -1
    var isInitial = false
    /// Whether its moment must come.
    var isRequired = false
  }

  /// Something with a place in the row.
  private struct Entry {
    var group: Int32
    var start: Int32
    var end: Int32
    /// The read, by number, or the element, by id.
    var read: Int32
    var element: Int32
  }

  private let judged: [Judged<SetAction>]
  private let instants: Instants
  private var elements: [Element] = []
  private var reads: [(number: Int32, ids: [Int32])] = []
  /// By element: when it came in; nil if it did not.
  private var moments: [Int32?] = []
  private var placed: PlacedOperations

  /// The verdict on `judged`, which take nothing out, where `initial` is in at first.
  static func verdict(on judged: [Judged<SetAction>], initial: [Value]) -> MonitorVerdict? {
    guard judged.count < ContainerPairing.mostOperations else { return nil }
    var monitor = GrowingSet(judged)
    if let core = monitor.collect(initial) ?? monitor.bound() ?? monitor.placeRow() {
      return .invalid(core: core.map { judged[Int($0)].place })
    }
    monitor.placeOthers()
    return .valid(order: monitor.placed.inOrder())
  }

  private init(_ judged: [Judged<SetAction>]) {
    self.judged = judged
    instants = Instants(judged, first: 0)
    placed = PlacedOperations(capacity: judged.count)
  }

  /// Sorts operations by element; returns a read that lists an element twice.
  private mutating func collect(_ initial: [Value]) -> [Int32]? {
    var table = ValueTable(capacity: judged.count)
    func id(of value: Value, in monitor: inout GrowingSet) -> Int {
      let id = Int(table.id(of: value))
      if id == monitor.elements.count {
        monitor.elements.append(Element(latest: monitor.instants.never))
      }
      return id
    }
    for value in initial { elements[id(of: value, in: &self)].isInitial = true }
    for (index, one) in judged.enumerated() {
      let number = Int32(index)
      guard let (value, kind) = one.action.onElement else {
        guard case .read(let contents) = one.action else { continue }
        if contents.hasRepeat { return [number] }
        var ids: [Int32] = []
        ids.reserveCapacity(contents.elements.count)
        for element in contents.elements { ids.append(Int32(id(of: element.value, in: &self))) }
        reads.append((number, ids))
        continue
      }
      let element = id(of: value, in: &self)
      switch kind {
      case .add: elements[element].adds.append(number)
      case .addNew:
        if let other = elements[element].changer { return [other, number] }
        elements[element].changer = number
        elements[element].adds.append(number)
      case .seePresent: elements[element].positives.append(number)
      case .seeAbsent: elements[element].negatives.append(number)
      case .remove, .removeOld: break  // there are none
      }
    }
    return nil
  }

  /// Finds when each element may come in; returns operations that leave it no time.
  private mutating func bound() -> [Int32]? {
    for id in elements.indices {
      var element = elements[id]
      if element.isInitial {
        if let impossible = element.changer ?? element.negatives.first { return [impossible] }
        continue
      }
      let origin =
        element.changer ?? element.adds.min { instants.starts[Int($0)] < instants.starts[Int($1)] }
      if let origin {
        (element.first, element.earliest) = (origin, instants.starts[Int(origin)])
      } else if let impossible = element.positives.first {
        return [impossible]
      }
      for number in element.negatives where instants.starts[Int(number)] > element.earliest {
        (element.first, element.earliest) = (number, instants.starts[Int(number)])
      }
      for number in element.adds + element.positives where judged[Int(number)].isRequired {
        element.isRequired = true
        if instants.ends[Int(number)] < element.latest {
          (element.last, element.latest) = (number, instants.ends[Int(number)])
        }
      }
      if element.latest < element.earliest {
        return origins(of: element) + [element.first, element.last].compactMap { $0 }
      }
      elements[id] = element
    }
    return nil
  }

  /// The operations without which the element could not be in, or could be in earlier.
  private func origins(of element: Element) -> [Int32] {
    if let changer = element.changer { return [changer] }
    return element.adds
  }

  /// Numbers the steps of reads and the elements by them; returns two reads that contradict each
  /// other, or one that saw what was never added.
  private mutating func findSteps() -> (steps: [Int32], core: [Int32]?) {
    reads.sort { ($0.ids.count, $0.number) < ($1.ids.count, $1.number) }
    var steps: [Int32] = []
    var seen = 0
    for (position, read) in reads.enumerated() {
      if position == 0 {
        steps.append(0)
      } else {
        let grew = read.ids.count > reads[position - 1].ids.count
        steps.append(steps[position - 1] + (grew ? 1 : 0))
      }
      for id in read.ids where elements[Int(id)].step < 0 {
        elements[Int(id)].step = steps[position]
        seen += 1
        if !elements[Int(id)].isInitial, elements[Int(id)].adds.isEmpty {
          return (steps, [read.number])
        }
      }
      // All that was seen so far must be in this read.
      guard seen != read.ids.count else { continue }
      let ids = Set(read.ids)
      let other = reads[..<position].first { !$0.ids.allSatisfy(ids.contains) }
      return (steps, [other?.number, read.number].compactMap { $0 })
    }
    return (steps, nil)
  }

  /// Places reads and the moments of elements; returns operations that allow no such row.
  private mutating func placeRow() -> [Int32]? {
    let (steps, contradiction) = findSteps()
    if let contradiction { return contradiction }
    let last = (steps.last ?? -1) + 1
    var row: [Entry] = []
    for (position, read) in reads.enumerated() {
      let number = Int(read.number)
      row.append(
        Entry(
          group: 2 * steps[position] + 1, start: instants.starts[number],
          end: instants.ends[number], read: read.number, element: -1))
    }
    for (id, element) in elements.enumerated() {
      if element.isInitial {
        if element.step > 0 || (element.step < 0 && !reads.isEmpty) { return [reads[0].number] }
        continue
      }
      if element.step < 0, !element.isRequired { continue }
      row.append(
        Entry(
          group: 2 * (element.step < 0 ? last : element.step), start: element.earliest,
          end: element.latest, read: -1, element: Int32(id)))
    }
    row.sort { $0.group < $1.group }
    moments = Array(repeating: nil, count: elements.count)
    var (reached, coming): (Int32, Int32) = (0, 0)
    var (reachedBy, comingBy): (Entry?, Entry?) = (nil, nil)
    var group: Int32 = -1
    for (turn, entry) in row.enumerated() {
      if entry.group != group { (reached, reachedBy, group) = (coming, comingBy, entry.group) }
      if entry.end < reached {
        // Of two elements, a read that saw one and not the other tells which came first.
        let between = steps.firstIndex(of: entry.group / 2 - 1).map { reads[$0].number }
        return operations(of: entry) + (reachedBy.map(operations) ?? [])
          + [entry.element >= 0 ? between : nil].compactMap { $0 }
      }
      let instant = max(reached, entry.start)
      if entry.start > coming { (coming, comingBy) = (entry.start, entry) }
      if entry.read >= 0 {
        placed.add(judged[Int(entry.read)].place, at: instant, turn: Self.turn(of: turn))
      } else {
        moments[Int(entry.element)] = instant
        placeOrigin(of: Int(entry.element), at: instant, turn: Self.turn(of: turn))
      }
    }
    return nil
  }

  /// All that says when `entry` must be, with the reads that tell its step.
  private func operations(of entry: Entry) -> [Int32] {
    if entry.read >= 0 { return [entry.read] }
    let element = elements[Int(entry.element)]
    return element.adds + element.positives + element.negatives
  }

  // At one instant: observations that an element is not in, the row, everything else.
  private static func turn(of position: Int) -> UInt64 { 1 << 30 | UInt64(position) }
  private static let before: UInt64 = 0
  private static let after: UInt64 = 1 << 31

  /// Has the `add` that makes the change take place at the element's moment.
  private mutating func placeOrigin(of id: Int, at instant: Int32, turn: UInt64) {
    let element = elements[id]
    let origin =
      element.changer
      ?? element.adds.filter { instants.starts[Int($0)] <= instant }
      .min { instants.ends[Int($0)] < instants.ends[Int($1)] }
    guard let origin else { preconditionFailure("element \(id) comes in by no add") }
    elements[id].first = origin
    placed.add(judged[Int(origin)].place, at: instant, turn: turn)
  }

  /// Places what is neither a read nor makes a change.
  private mutating func placeOthers() {
    for (id, element) in elements.enumerated() {
      for number in element.negatives {
        placed.add(
          judged[Int(number)].place, at: instants.starts[Int(number)], turn: Self.before)
      }
      let moment = moments[id] ?? 0
      for number in element.adds + element.positives where judged[Int(number)].isRequired {
        if moments[id] != nil, element.first == number { continue }
        placed.add(
          judged[Int(number)].place, at: max(moment, instants.starts[Int(number)]),
          turn: Self.after)
      }
    }
  }
}
