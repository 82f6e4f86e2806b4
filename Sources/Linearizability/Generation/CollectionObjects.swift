// Simulated collections: set, queue, stack, priority queue, append-only list.

import History

/// A set of numbers.
struct SetObject: AtomicObject {
  let shape: GenerationShape
  /// In no order; small, since an element is removed as soon as there are `most`.
  private var elements: [Int64] = []
  private let most = 32
  /// Asked for now and then, since it is no longer there.
  private var removed: Int64 = 0

  init(_ shape: GenerationShape) { self.shape = shape }

  mutating func propose(to caller: Caller, _ dice: inout Dice) -> Call {
    if dice.chance(shape.reads) {
      return dice.chance(shape.snapshots)
        ? Call(function: "read", argument: .absent)
        : Call(
          function: "contains",
          argument: .integer(removed > 0 && dice.below(4) == 0 ? removed : known(&dice)))
    }
    let isFull = shape.values == 0 && elements.count >= most
    return !isFull && dice.below(2) == 0
      ? Call(function: "add", argument: .integer(dice.number()))
      : Call(function: "remove", argument: .integer(known(&dice)))
  }

  /// An element that is, was or will be there.
  private func known(_ dice: inout Dice) -> Int64 {
    if shape.values > 0 { return dice.number() }
    return elements.isEmpty ? dice.fresh() : elements[dice.below(elements.count)]
  }

  mutating func perform(_ call: Call, by caller: Caller, _ dice: inout Dice) -> Answer {
    guard case .integer(let element) = call.argument else {
      return Answer(result: .list(elements.sorted().map { .integer($0) }), changes: false)
    }
    let place = elements.firstIndex(of: element)
    let pair = { (truth: Bool) in Value.list([call.argument, .boolean(truth)]) }
    if call.function == "contains" { return Answer(result: pair(place != nil), changes: false) }
    let adds = call.function == "add"
    let changes = adds == (place == nil)
    if adds, changes { elements.append(element) }
    if !adds, let place {
      removed = element
      elements.swapAt(place, elements.count - 1)
      elements.removeLast()
    }
    return Answer(
      result: dice.chance(shape.observations) ? pair(changes) : call.argument, changes: changes)
  }
}

/// A queue, a stack or a priority queue of numbers.
struct SequenceObject: AtomicObject {
  let shape: GenerationShape
  private let put: String
  private let take: String
  /// A ring for the queue, a heap for the priority queue.
  private var numbers: [Int64] = []
  private var first = 0
  private let most = 64

  init(_ shape: GenerationShape) {
    self.shape = shape
    switch shape.model {
    case .stack: (put, take) = ("push", "pop")
    case .priorityQueue: (put, take) = ("insert", "delete-min")
    case .queue, .register, .casRegister, .multiRegister, .counter, .mutex, .ownedMutex,
      .fencedLock, .semaphore, .set, .appendList, .kv, .unknownReadRegister:
      (put, take) = ("enqueue", "dequeue")
    }
  }

  mutating func propose(to caller: Caller, _ dice: inout Dice) -> Call {
    if numbers.count - first >= most || dice.chance(shape.reads) {
      return Call(function: take, argument: .absent)
    }
    let number = shape.model == .priorityQueue ? dice.priority() : dice.number()
    return Call(function: put, argument: .integer(number))
  }

  mutating func perform(_ call: Call, by caller: Caller, _ dice: inout Dice) -> Answer {
    if case .integer(let number) = call.argument {
      numbers.append(number)
      if shape.model == .priorityQueue { siftUp() }
      return Answer(result: call.argument, changes: true)
    }
    guard numbers.count > first else { return Answer(result: .absent, changes: false) }
    return Answer(result: .integer(takeOut()), changes: true)
  }

  private mutating func takeOut() -> Int64 {
    if shape.model == .stack { return numbers.removeLast() }
    if shape.model == .priorityQueue {
      numbers.swapAt(0, numbers.count - 1)
      let least = numbers.removeLast()
      siftDown()
      return least
    }
    let number = numbers[first]
    first += 1
    // Moving what is left costs as much as what was taken since, at most.
    if first >= most * 2 {
      numbers.removeFirst(first)
      first = 0
    }
    return number
  }

  private mutating func siftUp() {
    var place = numbers.count - 1
    while place > 0, numbers[place] < numbers[(place - 1) / 2] {
      numbers.swapAt(place, (place - 1) / 2)
      place = (place - 1) / 2
    }
  }

  private mutating func siftDown() {
    var place = 0
    while true {
      var least = place
      for child in [2 * place + 1, 2 * place + 2] where child < numbers.count {
        if numbers[child] < numbers[least] { least = child }
      }
      if least == place { return }
      numbers.swapAt(place, least)
      place = least
    }
  }
}

/// A list that grows at its end and is read as a whole.
struct ListObject: AtomicObject {
  let shape: GenerationShape
  private let limit: Int
  private var elements: [Value] = []

  init(_ shape: GenerationShape) {
    self.shape = shape
    limit = Self.limit(shape)
  }

  /// From how many elements on another list is begun.
  static func limit(_ shape: GenerationShape) -> Int {
    shape.listLimit > 0 ? shape.listLimit : shape.operations <= 5000 ? Int.max : 64
  }

  var isFull: Bool { elements.count >= limit }

  mutating func propose(to caller: Caller, _ dice: inout Dice) -> Call {
    dice.chance(shape.reads)
      ? Call(function: "read", argument: .absent)
      : Call(function: "append", argument: .integer(dice.number()))
  }

  mutating func perform(_ call: Call, by caller: Caller, _ dice: inout Dice) -> Answer {
    if call.function == "read" { return Answer(result: .list(elements), changes: false) }
    elements.append(call.argument)
    return Answer(result: call.argument, changes: true)
  }
}
