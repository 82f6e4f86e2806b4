// Containers and sets on small histories whose verdicts a reader can see.
//
// In drawings `+ 1` puts 1 in, `- 1` took 1 out and `-` found nothing, or is of unknown outcome.

import History
import Testing

@testable import Linearizability

extension ContainerKind {
  /// The operations that `drawing` shows.
  func drawn(_ drawing: String) -> [Operation] {
    History(drawing).operations.map { operation in
      var operation = operation
      if operation.function == "+" {
        operation.function = insert
      } else {
        operation.function = remove
        if operation.outcome == .ok { operation.result = operation.argument }
        operation.argument = .absent
      }
      return operation
    }
  }

  /// The verdict on `drawing`; nil where monitor and search do not agree.
  func verdict(_ drawing: String, initial: [Value] = []) throws -> Bool? {
    let found = try judge(drawn(drawing), initial: initial)
    #expect(found.flaw == nil)
    if let monitored = found.monitored, monitored != found.searched { return nil }
    return found.searched
  }
}

@Suite struct ContainerTests {
  struct Example: Sendable, CustomStringConvertible {
    var kind: ContainerKind
    var isValid: Bool
    var drawing: String
    var initial: [Value] = []
    var description: String { "\(kind) \(isValid): \(drawing)" }
  }

  static let examples: [Example] = [
    Example(kind: .queue, isValid: false, drawing: "0: [+ 1] [-  ]"),
    Example(kind: .queue, isValid: true, drawing: "0: [+ 1   ] \n 1:  [-  ]"),
    Example(kind: .queue, isValid: true, drawing: "0: [+ 1   ]\n 1:  [+ 2   ]"),
    Example(kind: .queue, isValid: false, drawing: "0: [+ 1] [+ 2] [- 2] [- 1]"),
    Example(kind: .queue, isValid: false, drawing: "0: [+ 1] [+ 2] [- 2]"),
    Example(kind: .queue, isValid: true, drawing: "0: [+ 1] [+ 2] [- 2]\n 1: [-  )"),
    Example(
      kind: .queue, isValid: false, drawing: "0: [+ 1] [+ 2] [+ 3] [- 3]\n 1: [-  )"),
    Example(kind: .queue, isValid: true, drawing: "0: [+ 1] [-  ]\n 1: [-  )"),
    Example(kind: .queue, isValid: false, drawing: "0: [+ 1] [-  ]\n 1:               [-  )"),
    Example(kind: .queue, isValid: true, drawing: "0:     [- 1]\n 1: [+ 1 )"),
    Example(kind: .queue, isValid: false, drawing: "0: [- 1]\n 1:       [+ 1 )"),
    Example(kind: .queue, isValid: false, drawing: "0: [- 1] [- 1]\n 1: [+ 1 )"),
    Example(kind: .queue, isValid: true, drawing: "0: [- 5] [- 4] [-  ]", initial: [5, 4]),
    Example(kind: .queue, isValid: false, drawing: "0: [- 4]", initial: [5, 4]),
    Example(kind: .queue, isValid: true, drawing: "0: [+ 5] [- 5] [- 5] [-  ]", initial: [5]),
    Example(kind: .stack, isValid: true, drawing: "0: [-  ] [-  ]"),
    Example(kind: .stack, isValid: true, drawing: "0: [+ 1] [- 1] [+ 2] [- 2]"),
    Example(kind: .stack, isValid: false, drawing: "0: [+ 1] [+ 2] [- 1]"),
    Example(kind: .stack, isValid: true, drawing: "0: [+ 1] [+ 2] [- 1]\n 1: [-   )"),
    Example(kind: .stack, isValid: false, drawing: "0: [+ 1] [-  ]"),
    Example(kind: .stack, isValid: true, drawing: "0: [- 4] [- 5] [-  ]", initial: [5, 4]),
    Example(kind: .stack, isValid: false, drawing: "0: [- 5]", initial: [5, 4]),
    Example(
      // Two lasting values cross over each other: each pops while the other must be there.
      kind: .stack, isValid: false,
      drawing: "0: [+ 1]       [- 1]      \n 1:     [+ 2]            [- 2]"),
    Example(kind: .priorityQueue, isValid: false, drawing: "0: [+ 1] [+ 2] [- 2]"),
    Example(kind: .priorityQueue, isValid: true, drawing: "0: [+ 2] [+ 1] [- 1] [- 2] [-  ]"),
    Example(kind: .priorityQueue, isValid: true, drawing: "0: [+ 2] [- 2]\n 1:   [+ 1    ]"),
    Example(kind: .priorityQueue, isValid: true, drawing: "0: [+ 2] [+ 2] [- 2] [- 2]"),
    Example(kind: .priorityQueue, isValid: false, drawing: "0: [- 5]", initial: [5, 4]),
    Example(kind: .priorityQueue, isValid: false, drawing: "0: [+ 1] [-  ]"),
  ]

  @Test("a drawn history has the verdict that it is drawn with", arguments: examples)
  func verdicts(example: Example) throws {
    #expect(
      try example.kind.verdict(example.drawing, initial: example.initial) == example.isValid)
  }

  @Test("of 120,000 values left in a queue, stack and priority queue none is left unfreed")
  func longStatesAreFreed() throws {
    // Freed recursively, any of these would exhaust the thread's stack.
    for kind in [ContainerKind.queue, .stack, .priorityQueue] {
      let drawn = kind.drawn("0: [+ 1]")
      let operations = (0..<120_000).map { number in
        var operation = drawn[0]
        operation.argument = .integer(Int64(number))
        (operation.invocation, operation.completion) = (2 * number, 2 * number + 1)
        return operation
      }
      #expect(try kind.judge(operations, initial: [], searching: false).monitored == true)
    }
  }

  @Test("bags of equal elements are equal, however they came about")
  func bagsAreCanonical() {
    let numbers: [Int64] = [5, 3, 9, 3, 7, 1, 3]
    let one = numbers.reduce(Bag<Int64>()) { $0.inserting($1) }
    let other = numbers.reversed().reduce(Bag<Int64>().inserting(4)) { $0.inserting($1) }
      .removing(4).removing(6)
    #expect(one == other)
    #expect(one.hashValue == other.hashValue)
    #expect(one.elements == numbers.sorted())
    #expect(one.first == 1)
    #expect(one.removing(3) != one)
    #expect(one.removing(3).count == 6)
  }

  @Test("queues of equal values are equal, however they came about")
  func queuesAreCanonical() throws {
    let one = QueueState().appending(1).appending(2).appending(3).removingFirst()?.rest
    let other = QueueState().appending(2).removingFirst()?.rest.appending(2).appending(3)
    #expect(one == other)
    #expect(one?.hashValue == other?.hashValue)
    #expect(one?.values == [2, 3])
    #expect(one != other?.appending(4).removingFirst()?.rest)
  }

  @Test("a value that means nothing is refused, and the reason says what was due")
  func shapesAreRefused() throws {
    var operation = ContainerKind.priorityQueue.drawn("0: [+ 1]")[0]
    operation.argument = .text("low")
    let error = #expect(throws: CheckError.self) {
      try PriorityQueueModel().action(of: operation)
    }
    #expect(error?.description.contains("whole numbers as the argument of insert") == true)
    operation.function = "push"
    operation.argument = .absent
    #expect(throws: CheckError.self) { try StackModel().action(of: operation) }
    #expect(throws: CheckError.self) { try QueueModel().action(of: operation) }
    #expect(throws: CheckError.self) { try QueueModel(initial: 3) }
    #expect(throws: CheckError.self) { try SetModel(initial: .list([3, 3])) }
    operation.function = "contains"
    operation.result = .boolean(true)
    #expect(throws: CheckError.self) { try SetModel().action(of: operation) }
  }
}

@Suite struct SetTests {
  /// Operations one after the other.
  static func sequence(_ steps: [(String, Value, Value)]) -> [Operation] {
    steps.enumerated().map { number, step in
      var operation = Operation(
        invocation: Event(
          index: 2 * number, time: 0, process: .client(0), type: .invoke, function: step.0,
          value: step.1), process: 0)
      operation.result = step.2
      operation.outcome = .ok
      operation.completion = 2 * number + 1
      return operation
    }
  }

  static func judge(_ steps: [(String, Value, Value)]) throws -> ContainerJudgement {
    try ContainerKind.set.judge(sequence(steps), initial: [9])
  }

  @Test("a read sees what was added and nothing else")
  func reads() throws {
    let read = ("read", Value.absent)
    let right = try Self.judge([("add", 1, 1), (read.0, read.1, .list([1, 9]))])
    #expect(right.monitored == true && right.searched)
    for seen: Value in [.list([9]), .list([1]), .list([1, 9, 2]), .list([1, 9, 9]), .list([])] {
      let wrong = try Self.judge([("add", 1, 1), (read.0, read.1, seen)])
      #expect(wrong.monitored == false && !wrong.searched)
    }
  }

  @Test("what add and remove say of a change is held against them")
  func changes() throws {
    let changed = Value.list([1, .boolean(true)])
    let unchanged = Value.list([1, .boolean(false)])
    for (steps, isValid) in [
      ([("add", 1, changed), ("add", 1, unchanged), ("remove", 1, changed)], true),
      ([("add", 1, changed), ("add", 1, changed)], false),
      ([("add", 1, unchanged)], false),
      ([("remove", 1, changed)], false),
      ([("remove", 1, unchanged), ("add", 1, .absent), ("contains", 1, changed)], true),
      ([("remove", 9, .absent), ("contains", 9, .list([9, .boolean(true)]))], false),
    ] as [([(String, Value, Value)], Bool)] {
      let found = try Self.judge(steps)
      #expect(found.monitored == isValid && found.searched == isValid)
    }
  }

  @Test("of two changes that are open at once the one due first is made first")
  func earliestFirst() throws {
    let changed = Value.list([1, .boolean(true)])
    var operations = Self.sequence([
      ("add", 1, changed), ("add", 1, changed), ("remove", 1, changed),
    ])
    // The first add stays open over the others and is made last.
    for (place, ends) in [(0, 9), (1, 3), (2, 5)] { operations[place].completion = ends }
    let found = try ContainerKind.set.judge(operations, initial: [])
    #expect(found.monitored == true && found.searched && found.flaw == nil)
  }

  @Test("reads with removals are left to the search")
  func readsWithRemovals() throws {
    let found = try Self.judge([
      ("remove", 9, .absent), ("read", .absent, .list([])), ("add", 9, .absent),
      ("read", .absent, .list([9])),
    ])
    #expect(found.monitored == nil && found.searched)
  }
}
