// The exact check of one element of a set: a bit that is set, cleared and seen.

import History

/// Sweeps over one element's events with all configurations that are possible so far.
///
/// A configuration is whether the element is in, which of the open operations have taken effect,
/// and how many of the operations of unknown outcome. Operations take effect as late as they can,
/// when one completes that has not (Lowe 2017), except observations, which do as soon as they are
/// true: that changes nothing for others. Of open operations of one kind the one that completes
/// first goes first, and of two configurations that differ only in that one used more operations
/// of unknown outcome, it is left out. So an element that is added and removed a few times has
/// a handful of configurations, whatever the number of observations.
///
/// - Complexity: O(n log n) to sort events, plus their number times that of configurations; given
///   up where more than `mostOpen` operations of the element are open at once or
///   `mostConfigurations` are possible.
struct ElementSweep {
  enum Kind: Int {
    case add, addNew, remove, removeOld, seePresent, seeAbsent
  }

  /// One operation on the element.
  struct Item {
    var number: Int32
    var kind: Kind
    var start: Int32
    var end: Int32
    var isRequired: Bool
  }

  private enum Outcome {
    /// Items in the order in which they take effect.
    case valid([Int32])
    /// The items so far that allow no order.
    case invalid(upTo: Int32)
    case gaveUp
  }

  private struct Configuration {
    var isIn: Bool
    /// Of the open operations, by slot, those that took effect.
    var placed: UInt128 = 0
    /// Operations of unknown outcome used, in the order of their invocations.
    var adds: Int32 = 0
    var removes: Int32 = 0
    /// Its last step in `steps`.
    var step: Int32 = -1

    func covers(_ other: Configuration) -> Bool {
      isIn == other.isIn && placed == other.placed && adds <= other.adds
        && removes <= other.removes
    }
  }

  private static let mostOpen = 128
  private static let mostConfigurations = 512

  private let items: [Item]
  private var configurations: [Configuration]
  /// Items that took effect, each with the step before it.
  private var steps: [(item: Int32, before: Int32)] = []
  /// By slot: the open item that holds it.
  private var holders: [Int32] = []
  private var free: UInt128 = 0
  /// By kind: the slots of open operations.
  private var open = [UInt128](repeating: 0, count: 6)
  private var unknownAdds: [Int32] = []
  private var unknownRemoves: [Int32] = []

  /// The verdict on `judged`, which hold no read, where `initial` is in at first; nil where an
  /// element has too many configurations.
  static func verdict(on judged: [Judged<SetAction>], initial: [Value]) -> MonitorVerdict? {
    guard judged.count < ContainerPairing.mostOperations else { return nil }
    let instants = Instants(judged, first: 0)
    var table = ValueTable(capacity: judged.count)
    for element in initial { _ = table.id(of: element) }
    var ids: [Int32] = []
    var items: [Item] = []
    for (number, one) in judged.enumerated() {
      guard let (element, kind) = one.action.onElement else { return nil }
      ids.append(table.id(of: element))
      items.append(
        Item(
          number: Int32(number), kind: kind, start: instants.starts[number],
          end: instants.ends[number], isRequired: one.isRequired))
    }
    var placed = PlacedOperations(capacity: judged.count)
    let byElement = positions(sortedBy: ids, below: table.count)
    var first = 0
    while first < byElement.count {
      let id = ids[Int(byElement[first])]
      var last = first
      while last < byElement.count, ids[Int(byElement[last])] == id { last += 1 }
      let group = byElement[first..<last].map { items[Int($0)] }
      var sweep = ElementSweep(group, isIn: Int(id) < initial.count)
      switch sweep.run() {
      case .gaveUp: return nil
      case .invalid(let end):
        return .invalid(
          core: group.filter { $0.start < end }.map { judged[Int($0.number)].place })
      case .valid(let order):
        var instant: Int32 = 0
        for (turn, item) in order.enumerated() {
          let item = group[Int(item)]
          instant = max(instant, item.start)
          placed.add(judged[Int(item.number)].place, at: instant, turn: UInt64(turn))
        }
      }
      first = last
    }
    return .valid(order: placed.inOrder())
  }

  private init(_ items: [Item], isIn: Bool) {
    self.items = items
    configurations = [Configuration(isIn: isIn)]
  }

  private mutating func run() -> Outcome {
    var events: [UInt64] = []
    events.reserveCapacity(items.count * 2)
    for (item, one) in items.enumerated() {
      events.append(UInt64(one.start) << 32 | UInt64(item) << 1)
      if one.isRequired { events.append(UInt64(one.end) << 32 | UInt64(item) << 1 | 1) }
    }
    events.sort()
    var slots = [Int](repeating: -1, count: items.count)
    for event in events {
      let item = Int(event & 0xffff_ffff) >> 1
      if event & 1 == 0 {
        guard invoke(item, slot: &slots[item]) else { return .gaveUp }
      } else {
        guard complete(slots[item]) else { return .gaveUp }
        if configurations.isEmpty { return .invalid(upTo: items[item].end) }
        let slot = UInt128(1) << UInt128(slots[item])
        open[items[item].kind.rawValue] &= ~slot
        free |= slot
      }
    }
    var order: [Int32] = []
    var step = configurations[0].step
    while step >= 0 {
      order.append(steps[Int(step)].item)
      step = steps[Int(step)].before
    }
    return .valid(order.reversed())
  }

  /// Opens `item`; false when there are too many.
  private mutating func invoke(_ item: Int, slot: inout Int) -> Bool {
    let kind = items[item].kind
    guard items[item].isRequired else {
      switch kind {
      case .add: unknownAdds.append(Int32(item))
      case .remove: unknownRemoves.append(Int32(item))
      case .addNew, .removeOld, .seePresent, .seeAbsent: break  // their outcomes are known
      }
      return true
    }
    if free == 0 {
      guard holders.count < Self.mostOpen else { return false }
      free = 1 << UInt128(holders.count)
      holders.append(-1)
    }
    slot = free.trailingZeroBitCount
    free &= free - 1
    holders[slot] = Int32(item)
    open[kind.rawValue] |= 1 << UInt128(slot)
    if kind == .seePresent || kind == .seeAbsent {
      for place in configurations.indices {
        var one = configurations[place]
        settle(&one)
        configurations[place] = one
      }
    }
    return true
  }

  /// Has every configuration place what holds `slot`, in all ways, and forgets those that cannot;
  /// false when there are too many.
  private mutating func complete(_ slot: Int) -> Bool {
    let bit = UInt128(1) << UInt128(slot)
    var done: [Configuration] = []
    var seen: [Configuration] = []
    var work = configurations
    while let one = work.popLast() {
      if one.placed & bit != 0 {
        var closed = one
        closed.placed &= ~bit
        if !done.contains(where: { $0.covers(closed) }) {
          done.removeAll { closed.covers($0) }
          done.append(closed)
        }
        continue
      }
      if seen.contains(where: { $0.covers(one) }) { continue }
      seen.append(one)
      expand(one, into: &work)
      if seen.count + work.count + done.count > Self.mostConfigurations { return false }
    }
    configurations = done
    return true
  }

  /// Appends all that may come next after `one`.
  private mutating func expand(_ one: Configuration, into work: inout [Configuration]) {
    let kinds: [Kind] = one.isIn ? [.add, .remove, .removeOld] : [.add, .addNew, .remove]
    for kind in kinds {
      var slots = open[kind.rawValue] & ~one.placed
      guard slots != 0 else { continue }
      var slot = slots.trailingZeroBitCount
      while slots != 0 {
        let other = slots.trailingZeroBitCount
        slots &= slots - 1
        if items[Int(holders[other])].end < items[Int(holders[slot])].end { slot = other }
      }
      var next = one
      next.placed |= 1 << UInt128(slot)
      next.isIn = kind == .add || kind == .addNew
      push(holders[slot], onto: &next)
      settle(&next)
      work.append(next)
    }
    let (used, offered) =
      one.isIn ? (one.removes, unknownRemoves) : (one.adds, unknownAdds)
    guard Int(used) < offered.count else { return }
    var next = one
    if one.isIn { next.removes += 1 } else { next.adds += 1 }
    next.isIn.toggle()
    push(offered[Int(used)], onto: &next)
    settle(&next)
    work.append(next)
  }

  /// Places every open observation that is true.
  private mutating func settle(_ one: inout Configuration) {
    let kind: Kind = one.isIn ? .seePresent : .seeAbsent
    var slots = open[kind.rawValue] & ~one.placed
    one.placed |= slots
    while slots != 0 {
      push(holders[slots.trailingZeroBitCount], onto: &one)
      slots &= slots - 1
    }
  }

  private mutating func push(_ item: Int32, onto one: inout Configuration) {
    steps.append((item, one.step))
    one.step = Int32(steps.count - 1)
  }
}
