// A counter's history as its monitor walks it: completions in a row, slots, unknown adds by kind.

import History

/// One required operation of a counter.
struct CounterStep {
  var place: Int
  /// What it adds; nil for a read.
  var addend: Int64?
  /// What it saw, for a read.
  var sum: Int64
  var invocation: Int
  var completion: Int
}

/// The adds of unknown outcome of one number.
struct CounterOffers {
  var addend: Int64
  /// Invocations and places, in the order of time.
  var members: [(invocation: Int, place: Int)]
  /// Where the count of those used stands in `CounterConfiguration.used`.
  var shift: Int
}

/// Everything of a counter's history that is fixed before the first step.
struct CounterLayout {
  /// Required operations, in the order of their completions.
  private(set) var steps: [CounterStep] = []
  /// By operation.
  private(set) var slots: [UInt8] = []
  private(set) var width = 0
  /// By position and slot: the operation that is open there when the position's completion is
  /// due, or -1.
  private(set) var holders: [Int32] = []
  private(set) var offers: [CounterOffers] = []
  /// A bit above each count in `CounterConfiguration.used`.
  private(set) var guards: UInt128 = 0
  /// By position, when all adds are positive: the least sum seen by reads not yet invoked.
  private(set) var leastLater: [Int64] = []
  private(set) var isGrowing = true

  /// Nil when the history is too wide, or its sums too large.
  init?(_ judged: [Judged<CounterAction>], initial: Int128) {
    var total = initial.magnitude
    var unknown: [Int64: [(invocation: Int, place: Int)]] = [:]
    for one in judged {
      switch one.action {
      case .add(let number):
        total += UInt128(number.magnitude)
        if number < 0 { isGrowing = false }
        if let completion = one.completion {
          steps.append(
            CounterStep(
              place: one.place, addend: number, sum: 0, invocation: one.invocation,
              completion: completion))
        } else {
          unknown[number, default: []].append((one.invocation, one.place))
        }
      case .read(let sum):
        guard let completion = one.completion else { return nil }
        steps.append(
          CounterStep(
            place: one.place, addend: nil, sum: sum, invocation: one.invocation,
            completion: completion))
      }
    }
    guard total < UInt128(Int64.max / 2) else { return nil }
    steps.sort { $0.completion < $1.completion }
    guard giveSlots(), number(unknown) else { return nil }
    findLeastLater()
  }

  private mutating func giveSlots() -> Bool {
    slots = Array(repeating: 0, count: steps.count)
    let called = steps.indices.sorted { steps[$0].invocation < steps[$1].invocation }
    var free: [UInt8] = []
    var next = 0
    for position in steps.indices {
      while next < called.count, steps[called[next]].invocation < steps[position].completion {
        if free.isEmpty {
          guard width < 64 else { return false }
          free.append(UInt8(width))
          width += 1
        }
        slots[called[next]] = free.removeLast()
        next += 1
      }
      free.append(slots[position])
    }
    guard steps.count * width <= 1 << 25 else { return false }
    holders = Array(repeating: -1, count: steps.count * width)
    next = 0
    for position in steps.indices {
      if position > 0 {
        for slot in 0..<width {
          holders[position * width + slot] = holders[(position - 1) * width + slot]
        }
        holders[position * width + Int(slots[position - 1])] = -1
      }
      while next < called.count, steps[called[next]].invocation < steps[position].completion {
        holders[position * width + Int(slots[called[next]])] = Int32(called[next])
        next += 1
      }
    }
    return true
  }

  private mutating func number(_ unknown: [Int64: [(invocation: Int, place: Int)]]) -> Bool {
    var shift = 0
    for (addend, members) in unknown.sorted(by: { $0.key < $1.key }) {
      offers.append(
        CounterOffers(
          addend: addend, members: members.sorted { $0.invocation < $1.invocation }, shift: shift))
      shift += Int.bitWidth - members.count.leadingZeroBitCount + 1
      guard shift <= 128 else { return false }
      guards |= 1 << UInt128(shift - 1)
    }
    return true
  }

  private mutating func findLeastLater() {
    leastLater = Array(repeating: Int64.max, count: steps.count)
    guard isGrowing else { return }
    let reads = steps.filter { $0.addend == nil }.sorted { $0.invocation > $1.invocation }
    var next = 0
    var least = Int64.max
    for position in steps.indices.reversed() {
      while next < reads.count, reads[next].invocation > steps[position].completion {
        least = min(least, reads[next].sum)
        next += 1
      }
      leastLater[position] = least
    }
  }
}
