// One configuration of the search, changed in place and changed back.
// Here: placing operations, walking events, undoing both. Not here: which to place (Search.swift).

/// A set of slots, as wide as the history needs.
struct SlotMask {
  private(set) var words: [UInt64]

  init(width: Int) { words = Array(repeating: 0, count: max(1, (width + 63) / 64)) }

  @inline(__always)
  subscript(slot: Int32) -> Bool {
    get { words[Int(slot >> 6)] & (1 << UInt64(slot & 63)) != 0 }
    set {
      if newValue {
        words[Int(slot >> 6)] |= 1 << UInt64(slot & 63)
      } else {
        words[Int(slot >> 6)] &= ~(1 << UInt64(slot & 63))
      }
    }
  }
}

/// Where the search stands: the first completion it has not passed, and who is placed.
///
/// Everything is changed in place, at a cost that depends on what changes and not on the
/// history's length, and undone from `order` and the timeline alone: no copies.
/// Invariant: every completion before `position` is of a placed operation.
struct Window {
  /// An operation placed, or one of class `-1 - code` used, when the window stood at `position`.
  struct Placement {
    var code: Int32
    var position: Int32
  }

  let timeline: Timeline
  private let isPure: [Bool]
  private let needs: [Int32]
  private let makes: [Int32]

  private(set) var position = 0
  /// Open operations, those of them that are placed, and those that are pure, by slot.
  private(set) var open: SlotMask
  private(set) var placed: SlotMask
  private(set) var pure: SlotMask
  /// The operation that has each slot, or had it last.
  private(set) var holders: [Int32]
  private(set) var classHolders: [Int32]
  /// By class: operations invoked before `position`, and those of them that are used.
  private(set) var offered: [UInt32]
  private(set) var used: [UInt32]
  /// By state: required operations not placed, in the whole history, that need it, and all
  /// operations not placed that make it.
  private(set) var needed: [Int32]
  private(set) var made: [Int32]
  /// The order so far.
  private(set) var order: [Placement] = []

  init<M: Model>(_ timeline: Timeline, alphabet: Alphabet<M>) {
    self.timeline = timeline
    isPure = alphabet.isPure
    needs = alphabet.needs
    makes = alphabet.makes
    open = SlotMask(width: timeline.slotCount)
    (placed, pure) = (open, open)
    holders = Array(repeating: -1, count: timeline.slotCount)
    classHolders = Array(repeating: -1, count: timeline.classSlotCount)
    offered = Array(repeating: 0, count: timeline.classActions.count)
    used = offered
    needed = Array(repeating: 0, count: alphabet.transitions.states.count)
    made = needed
    for action in timeline.actions { count(required: action, by: 1) }
    for (number, members) in timeline.members.enumerated() {
      count(optional: timeline.classActions[number], by: Int32(members.count))
    }
  }

  /// Makes room for the longest order there can be.
  mutating func reserveOrder() { order.reserveCapacity(timeline.events.count) }

  var isAtEnd: Bool { position == timeline.events.count }

  /// The operation whose completion comes next. Not at the end.
  var due: Int {
    guard case .completion(let operation) = Timeline.event(timeline.events[position]) else {
      preconditionFailure("the window stands at position \(position), not at a completion")
    }
    return operation
  }

  /// Whether more of class `number` were invoked than used, and one can still be of use.
  @inline(__always)
  func offers(_ number: Int) -> Bool {
    used[number] < offered[number] && timeline.lastUses[number] >= Int32(position)
  }

  /// Whether some open operation that is not placed is `wanted`.
  @inline(__always)
  func anyPending(_ isWanted: (Int) -> Bool) -> Bool {
    for word in open.words.indices {
      var bits = open.words[word] & ~placed.words[word]
      while bits != 0 {
        if isWanted(Int(holders[word * 64 + bits.trailingZeroBitCount])) { return true }
        bits &= bits - 1
      }
    }
    return false
  }

  mutating func place(operation: Int) {
    placed[timeline.slots[operation]] = true
    count(required: timeline.actions[operation], by: -1)
    order.append(Placement(code: Int32(operation), position: Int32(position)))
  }

  mutating func use(_ number: Int) {
    used[number] += 1
    count(optional: timeline.classActions[number], by: -1)
    order.append(Placement(code: -1 - Int32(number), position: Int32(position)))
  }

  /// Walks on to the first completion of an operation that is not placed.
  mutating func advance() {
    while position < timeline.events.count {
      switch Timeline.event(timeline.events[position]) {
      case .call(let operation):
        let slot = timeline.slots[operation]
        holders[Int(slot)] = Int32(operation)
        open[slot] = true
        pure[slot] = isPure[Int(timeline.actions[operation])]
      case .offer(let number):
        offered[number] += 1
        if offered[number] == 1 { classHolders[Int(timeline.classSlots[number])] = Int32(number) }
      case .completion(let operation):
        let slot = timeline.slots[operation]
        guard placed[slot] else { return }
        placed[slot] = false
        open[slot] = false
      }
      position += 1
    }
  }

  /// Takes back all placements but the first `count`, and the walks that followed them.
  mutating func undo(to count: Int) {
    while order.count > count, let placement = order.popLast() {
      rewind(to: Int(placement.position))
      if placement.code >= 0 {
        let operation = Int(placement.code)
        placed[timeline.slots[operation]] = false
        self.count(required: timeline.actions[operation], by: 1)
      } else {
        let number = Int(-1 - placement.code)
        used[number] -= 1
        self.count(optional: timeline.classActions[number], by: 1)
      }
    }
  }

  private mutating func rewind(to earlier: Int) {
    while position > earlier {
      position -= 1
      switch Timeline.event(timeline.events[position]) {
      case .call(let operation):
        let slot = timeline.slots[operation]
        holders[Int(slot)] = timeline.predecessors[operation]
        open[slot] = false
      case .offer(let number):
        offered[number] -= 1
        if offered[number] == 0 {
          classHolders[Int(timeline.classSlots[number])] = timeline.classPredecessors[number]
        }
      case .completion(let operation):
        let slot = timeline.slots[operation]
        placed[slot] = true
        open[slot] = true
        pure[slot] = isPure[Int(timeline.actions[operation])]
      }
    }
  }

  @inline(__always)
  private mutating func count(required action: Int32, by change: Int32) {
    let need = needs[Int(action)]
    if need >= 0 { needed[Int(need)] += change }
    count(optional: action, by: change)
  }

  /// What may happen needs nothing: it may as well not happen.
  @inline(__always)
  private mutating func count(optional action: Int32, by change: Int32) {
    let make = makes[Int(action)]
    if make >= 0 { made[Int(make)] += change }
  }

  /// The places of the operations in `order`: the members of a class in their own order.
  var orderedPlaces: [Int] {
    var taken = [Int](repeating: 0, count: timeline.members.count)
    return order.map { placement in
      if placement.code >= 0 { return Int(timeline.places[Int(placement.code)]) }
      let number = Int(-1 - placement.code)
      defer { taken[number] += 1 }
      return Int(timeline.members[number][taken[number]])
    }
  }
}
