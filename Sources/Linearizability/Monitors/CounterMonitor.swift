// Counters: an exact search of their own, since adds commute.
// Here: moves. Not here: the layout (CounterLayout.swift), what was visited
// (CounterVisited.swift).
//
// Let the history stand at the completion of the operation that is due, all reads that are legal
// placed (they change nothing). Take any order of the rest. Everything ahead of the due operation
// was invoked already. If the due operation is an add and no read stands ahead of it, or one that
// it stands ahead of comes first, it can go to the front, since adds commute. Otherwise the first
// read stands ahead of it, with some adds ahead of that, not none (or it would be placed). So the
// only moves are
//
// - the due add, or
// - a set of open adds, the due one not among them, that leads to the sum of an open read.
//
// Of equal adds those that complete first are taken first, the unknown ones last (swap them in
// the order); so a set is a count for each number, and no set without the due add has another of
// its number. Which adds were taken fixes the sum. Of two configurations with one sum and one set
// of required adds, the one that has placed more reads and used no more of any unknown number can
// do all that the other can.
//
// Where no add is negative, a sum past that of an open or later read is a dead end.
//
// Configurations that came further go first, but an unknown add counts against them as much as
// lies between two of those; and sets with one more unknown add wait as if it were used. So the
// search goes straight on while it can, and does not use up unknown adds to get a little further.

import History

/// A configuration of the counter's search.
struct CounterConfiguration {
  /// The completion that is due.
  var position: Int32
  /// Unknown adds that the next sets from here have, exactly.
  var extra: Int32 = 0
  var sum: Int64
  /// Open operations that are placed, by slot.
  var placed: UInt64
  /// Counts of unknown adds used, a field for each number.
  var used: UInt128
  /// Unknown adds used, in all.
  var usedCount: Int32
  /// The last of its operations in the trail, or -1.
  var trail: Int32
}

/// Decides histories of counters, within bounds.
///
/// - Complexity: exponential in the adds open at once where different sets of them have one sum,
///   and in the unknown ones; linear where all adds are equal.
struct CounterMonitor {
  private let layout: CounterLayout
  /// Sets tried before the general search takes over: half a second's, or more where the history
  /// itself is as long.
  private let bound: Int
  private var visited: CounterVisited
  /// By rank, the best first.
  private var stacks: [[CounterConfiguration]]
  /// No stack before this one has any.
  private var lowest = 0
  /// What an unknown add counts for, in completions.
  private let price: Int
  private var trail: [(previous: Int32, code: Int32)] = []
  private var work = 0
  private var furthest = 0
  private var solution: Int32?

  // Of the configuration that is expanded.
  private var kinds: [Kind] = []
  private var targets: [Int64] = []

  /// The open adds of one number.
  private struct Kind {
    var addend: Int64
    /// Required ones, by completion.
    var operations: [Int32] = []
    var offers: Int?  // number of its unknown ones
    var offered = 0
    // Of the set that is tried.
    var taken = 0
    /// What this kind and those after it can add.
    var lowest: Int64 = 0
    var highest: Int64 = 0
    var mostOffered = 0
  }

  init(_ layout: CounterLayout) {
    self.layout = layout
    bound = max(4_000_000, 16 * layout.steps.count)
    visited = CounterVisited(guards: layout.guards)
    let unknown = layout.offers.reduce(0) { $0 + $1.members.count }
    price = layout.steps.count / max(1, unknown) + 1
    stacks = Array(repeating: [], count: layout.steps.count + unknown * price + 1)
  }

  /// The verdict from `initial`, or nil when the bound is reached.
  mutating func run(from initial: Int64) -> MonitorVerdict? {
    enter(
      CounterConfiguration(
        position: 0, sum: initial, placed: 0, used: 0, usedCount: 0, trail: -1))
    while solution == nil, lowest < stacks.count {
      guard let configuration = stacks[lowest].popLast() else {
        lowest += 1
        continue
      }
      expand(configuration)
      if work > bound || trail.count > 4 * bound { return nil }
    }
    guard let solution else { return .invalid(core: core) }
    return .valid(order: order(to: solution))
  }

  /// The operations invoked until nothing went on; where later reads were foreseen, all reads.
  private var core: [Int] {
    let end = furthest < layout.steps.count ? layout.steps[furthest].completion : Int.max
    var places =
      layout.steps.lazy.filter {
        $0.invocation < end || (layout.isGrowing && $0.addend == nil)
      }.map(\.place) + []
    for offers in layout.offers {
      places += offers.members.lazy.filter { $0.invocation < end }.map(\.place)
    }
    return places.sorted()
  }

  private func order(to last: Int32) -> [Int] {
    var places: [Int] = []
    var node = last
    while node >= 0 {
      let (previous, code) = trail[Int(node)]
      places.append(code >= 0 ? layout.steps[Int(code)].place : Int(-1 - code))
      node = previous
    }
    return places.reversed()
  }

  // MARK: Entering

  /// Places the legal reads, walks on, and keeps the configuration unless it is a dead end or
  /// known.
  private mutating func enter(_ start: CounterConfiguration) {
    var configuration = start
    var position = Int(configuration.position)
    while true {
      guard position < layout.steps.count else {
        solution = configuration.trail
        return
      }
      for slot in 0..<layout.width where configuration.placed & (1 << UInt64(slot)) == 0 {
        let operation = layout.holders[position * layout.width + slot]
        guard operation >= 0 else { continue }
        let step = layout.steps[Int(operation)]
        guard step.addend == nil else { continue }
        if step.sum == configuration.sum {
          configuration.placed |= 1 << UInt64(slot)
          add(operation, to: &configuration)
        } else if layout.isGrowing, step.sum < configuration.sum {
          furthest = max(furthest, position)
          return
        }
      }
      if configuration.sum > layout.leastLater[position] {
        furthest = max(furthest, position)
        return
      }
      let bit = UInt64(1) << UInt64(layout.slots[position])
      guard configuration.placed & bit != 0 else { break }
      configuration.placed &= ~bit
      position += 1
    }
    furthest = max(furthest, position)
    configuration.position = Int32(position)
    var adds: UInt64 = 0
    for slot in 0..<layout.width where configuration.placed & (1 << UInt64(slot)) != 0 {
      let operation = Int(layout.holders[position * layout.width + slot])
      if layout.steps[operation].addend != nil { adds |= 1 << UInt64(slot) }
    }
    guard visited.insert(configuration, adds: adds) else { return }
    push(configuration)
  }

  private mutating func push(_ configuration: CounterConfiguration) {
    let unknown = Int(configuration.usedCount + configuration.extra)
    let rank = layout.steps.count - Int(configuration.position) + unknown * price
    stacks[rank].append(configuration)
    if rank < lowest {
      work += (lowest - rank) / 64  // stacks to be looked through once more
      lowest = rank
    }
  }

  private mutating func add(_ code: Int32, to configuration: inout CounterConfiguration) {
    trail.append((configuration.trail, code))
    configuration.trail = Int32(trail.count - 1)
  }

  // MARK: Moves

  private mutating func expand(_ configuration: CounterConfiguration) {
    work += 1 + layout.offers.count / 8
    let position = Int(configuration.position)
    let due = layout.steps[position]
    gather(configuration, position: position, except: due.addend)
    if !targets.isEmpty, Int(configuration.extra) < kinds.first?.mostOffered ?? 0 {
      var later = configuration
      later.extra += 1
      push(later)
    }
    // Stacks give back what came last: the due add is tried before the sets.
    if !targets.isEmpty {
      tryKinds(from: 0, configuration, delta: 0, extra: Int(configuration.extra))
    }
    if let addend = due.addend, configuration.extra == 0 {
      var next = configuration
      next.sum += addend
      next.placed |= 1 << UInt64(layout.slots[position])
      add(Int32(position), to: &next)
      enter(next)
    }
  }

  /// Finds what can be added, and which sums are wanted.
  private mutating func gather(
    _ configuration: CounterConfiguration, position: Int, except dueAddend: Int64?
  ) {
    kinds.removeAll(keepingCapacity: true)
    targets.removeAll(keepingCapacity: true)
    for slot in 0..<layout.width where configuration.placed & (1 << UInt64(slot)) == 0 {
      let operation = layout.holders[position * layout.width + slot]
      guard operation >= 0 else { continue }
      let step = layout.steps[Int(operation)]
      guard let addend = step.addend else {
        let delta = step.sum.subtractingReportingOverflow(configuration.sum)
        if !delta.overflow, !targets.contains(delta.partialValue) {
          targets.append(delta.partialValue)
        }
        continue
      }
      guard addend != 0, addend != dueAddend else { continue }
      let kind = kind(of: addend)
      kinds[kind].operations.append(operation)
    }
    let now = layout.steps[position].completion
    for (number, offers) in layout.offers.enumerated() where offers.addend != dueAddend {
      let used = count(configuration.used, of: offers)
      guard used < offers.members.count, offers.members[used].invocation < now else { continue }
      let kind = kind(of: offers.addend)
      kinds[kind].offers = number
      let open = offers.members[used...].prefix { $0.invocation < now }
      kinds[kind].offered = open.count
      work += open.count / 8
    }
    var (lowest, highest, offered): (Int64, Int64, Int) = (0, 0, 0)
    for kind in kinds.indices.reversed() {
      // The numbers of operations are by completion, so this is the order of completions.
      kinds[kind].operations.sort()
      let all = kinds[kind].addend * Int64(kinds[kind].operations.count + kinds[kind].offered)
      lowest += min(0, all)
      highest += max(0, all)
      offered += kinds[kind].offered
      kinds[kind].lowest = lowest
      kinds[kind].highest = highest
      kinds[kind].mostOffered = offered
    }
  }

  private mutating func kind(of addend: Int64) -> Int {
    if let kind = kinds.firstIndex(where: { $0.addend == addend }) { return kind }
    kinds.append(Kind(addend: addend))
    return kinds.count - 1
  }

  private func count(_ used: UInt128, of offers: CounterOffers) -> Int {
    let bits = Int.bitWidth - offers.members.count.leadingZeroBitCount
    return Int(truncatingIfNeeded: (used >> UInt128(offers.shift)) & ((1 << UInt128(bits)) - 1))
  }

  /// Tries all sets that go on from `kind` with exactly `extra` more unknown adds.
  private mutating func tryKinds(
    from kind: Int, _ configuration: CounterConfiguration, delta: Int64, extra: Int
  ) {
    guard solution == nil, work <= bound else { return }
    work += 1
    if kind == kinds.count {
      if extra == 0, delta != 0, targets.contains(delta) { take(configuration, delta: delta) }
      return
    }
    let (lowest, highest) = (delta + kinds[kind].lowest, delta + kinds[kind].highest)
    guard extra <= kinds[kind].mostOffered,
      targets.contains(where: { lowest <= $0 && $0 <= highest })
    else { return }
    let required = kinds[kind].operations.count
    for taken in 0...(required + min(extra, kinds[kind].offered)) {
      kinds[kind].taken = taken
      tryKinds(
        from: kind + 1, configuration, delta: delta + Int64(taken) * kinds[kind].addend,
        extra: extra - max(0, taken - required))
    }
  }

  /// Enters the configuration that the set of `kinds` leads to.
  private mutating func take(_ configuration: CounterConfiguration, delta: Int64) {
    var next = configuration
    next.extra = 0
    next.sum += delta
    for kind in kinds {
      for operation in kind.operations.prefix(kind.taken) {
        next.placed |= 1 << UInt64(layout.slots[Int(operation)])
        add(operation, to: &next)
      }
      guard kind.taken > kind.operations.count, let number = kind.offers else { continue }
      let offers = layout.offers[number]
      let used = count(next.used, of: offers)
      let more = kind.taken - kind.operations.count
      for member in offers.members[used..<(used + more)] {
        add(-1 - Int32(member.place), to: &next)
      }
      next.used += UInt128(more) << UInt128(offers.shift)
      next.usedCount += Int32(more)
    }
    enter(next)
  }
}

extension CounterModel: Monitored {
  func monitor(_ judged: [Judged<CounterAction>]) -> MonitorVerdict? {
    guard zip(judged, judged.dropFirst()).allSatisfy({ $0.invocation < $1.invocation }),
      let layout = CounterLayout(judged, initial: initial), let start = Int64(exactly: initial)
    else { return nil }
    var monitor = CounterMonitor(layout)
    return monitor.run(from: start)
  }
}
