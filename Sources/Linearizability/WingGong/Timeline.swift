// A key's operations as the search walks them: events in a row, slots, classes.
// Here: all that is fixed before the first step. Not here: the search's own state (Window.swift).

/// One event as the search walks it.
enum TimelineEvent {
  /// A required operation was invoked.
  case call(Int)
  /// A required operation completed: it must have its place by now.
  case completion(Int)
  /// An operation of unknown outcome was invoked; one more of its class may be used.
  case offer(Int)
}

/// The events of one key in the order of real time, with a slot for each open operation.
///
/// Slots are reused after a completion, so their number is the history's width, however long one
/// straggler stays open. Operations of unknown outcome never complete; they hold no slot, but are
/// grouped in classes of equal action: any two are interchangeable, so they are used in the
/// order of their invocations, and how many were used is all there is to remember.
struct Timeline {
  /// Position after the last; also the completion of what never completes.
  static let never = Int32.max

  private(set) var events: [Int32] = []

  // Required operations, by number in the order of their invocations.
  private(set) var places: [Int32] = []
  private(set) var actions: [Int32] = []
  private(set) var slots: [Int32] = []
  /// The operation that held the slot before, or -1.
  private(set) var predecessors: [Int32] = []
  /// The position of the completion in `events`.
  private(set) var completions: [Int32] = []
  private(set) var slotCount = 0

  // Classes of `info` operations.
  private(set) var classActions: [Int32] = []
  /// Places of the members, in the order of their invocations.
  private(set) var members: [[Int32]] = []
  /// A class has a slot of its own kind, from its first offer to its last use.
  private(set) var classSlots: [Int32] = []
  private(set) var classPredecessors: [Int32] = []
  /// The last position at which a member can be of use.
  private(set) var lastUses: [Int32] = []
  private(set) var classSlotCount = 0

  static func code(_ event: TimelineEvent) -> Int32 {
    switch event {
    case .call(let operation): Int32(operation) << 2
    case .completion(let operation): Int32(operation) << 2 | 1
    case .offer(let member): Int32(member) << 2 | 2
    }
  }

  @inline(__always)
  static func event(_ code: Int32) -> TimelineEvent {
    switch code & 3 {
    case 0: .call(Int(code >> 2))
    case 1: .completion(Int(code >> 2))
    default: .offer(Int(code >> 2))
    }
  }

  /// Lays out `judged`, whose actions have the ids `ids`.
  ///
  /// - Parameter lastUse: from the positions of completions (by required operation) to the last
  ///   use of each action that some `info` operation has: -1 when it is of none.
  init<Action>(
    _ judged: [Judged<Action>], ids: [Int32], lastUse: (Timeline, [Int32]) -> [Int32: Int32]
  ) {
    var codes: [Int32] = []
    codes.reserveCapacity(judged.count * 2)
    var offers: [(place: Int, action: Int32)] = []
    actions.reserveCapacity(judged.count)
    places.reserveCapacity(judged.count)
    completions.reserveCapacity(judged.count)
    // Invocations come in order; completions wait in a row sorted the other way round, which is
    // as long as the history is wide.
    var open: [(completion: Int, operation: Int32)] = []
    func close(before index: Int) {
      while let last = open.last, last.completion < index {
        completions[Int(last.operation)] = Int32(codes.count)
        codes.append(Self.code(.completion(Int(last.operation))))
        open.removeLast()
      }
    }
    for number in judged.indices {
      let invocation = judged[number].invocation
      close(before: invocation)
      if let completion = judged[number].completion {
        let operation = Int32(actions.count)
        codes.append(Self.code(.call(Int(operation))))
        actions.append(ids[number])
        places.append(Int32(judged[number].place))
        completions.append(0)
        var place = open.count
        while place > 0, open[place - 1].completion < completion { place -= 1 }
        open.insert((completion, operation), at: place)
      } else {
        codes.append(Self.code(.offer(offers.count)))
        offers.append((judged[number].place, ids[number]))
      }
    }
    close(before: Int.max)
    let uses = offers.isEmpty ? [:] : lastUse(self, offers.map(\.action))
    layOut(codes, offers: offers, uses: uses)
  }

  /// Leaves out offers of no use, numbers classes, and gives out slots.
  private mutating func layOut(
    _ codes: [Int32], offers: [(place: Int, action: Int32)], uses: [Int32: Int32]
  ) {
    var classes: [Int32: Int] = [:]
    events.reserveCapacity(codes.count)
    // Positions shift as offers are dropped; uses are by the old ones.
    var newPosition = [Int32](repeating: 0, count: codes.count)
    for (position, code) in codes.enumerated() {
      newPosition[position] = Int32(events.count)
      guard case .offer(let offer) = Self.event(code) else {
        events.append(code)
        continue
      }
      let action = offers[offer].action
      let last = uses[action] ?? Self.never
      guard last >= position else { continue }
      let number =
        classes[action]
        ?? {
          classes[action] = classActions.count
          classActions.append(action)
          members.append([])
          lastUses.append(last)
          return classActions.count - 1
        }()
      members[number].append(Int32(offers[offer].place))
      events.append(Self.code(.offer(number)))
    }
    for operation in completions.indices {
      completions[operation] = newPosition[Int(completions[operation])]
    }
    for number in lastUses.indices where lastUses[number] != Self.never {
      lastUses[number] = newPosition[Int(lastUses[number])]
    }
    giveSlots()
  }

  private mutating func giveSlots() {
    slots = Array(repeating: 0, count: actions.count)
    predecessors = Array(repeating: -1, count: actions.count)
    classSlots = Array(repeating: -1, count: classActions.count)
    classPredecessors = Array(repeating: -1, count: classActions.count)
    var free: [Int32] = []
    var holders: [Int32] = []
    var freeClassSlots: [Int32] = []
    var classHolders: [Int32] = []
    var ending: [Int32: [Int]] = [:]  // position to the classes whose last use it is
    for (position, code) in events.enumerated() {
      switch Self.event(code) {
      case .call(let operation):
        let slot = free.popLast() ?? Int32(holders.count)
        if Int(slot) == holders.count { holders.append(-1) }
        slots[operation] = slot
        predecessors[operation] = holders[Int(slot)]
        holders[Int(slot)] = Int32(operation)
      case .completion(let operation):
        free.append(slots[operation])
        for number in ending.removeValue(forKey: Int32(position)) ?? [] {
          freeClassSlots.append(classSlots[number])
        }
      case .offer(let number):
        guard classSlots[number] < 0 else { continue }
        let slot = freeClassSlots.popLast() ?? Int32(classHolders.count)
        if Int(slot) == classHolders.count { classHolders.append(-1) }
        classSlots[number] = slot
        classPredecessors[number] = classHolders[Int(slot)]
        classHolders[Int(slot)] = Int32(number)
        ending[lastUses[number], default: []].append(number)
      }
    }
    slotCount = holders.count
    classSlotCount = classHolders.count
  }
}
