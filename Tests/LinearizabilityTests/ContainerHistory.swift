// Random histories of containers and sets: of an atomic object, spoiled ones, and plain noise.

import History
import Support

/// What random histories of a container are like.
struct ContainerShape {
  var kind: ContainerKind
  var operations: Int
  var processes: Int
  /// Values, or elements, are drawn from these many; all distinct when 0.
  var values: Int
  /// Of a hundred operations, those that end `info`.
  var unknown = 0
  /// Of a hundred operations: insertions, removals; the rest, for a set, observe.
  var inserts = 50
  var removes = 50
  /// Of a hundred observations of a set, those that read it whole.
  var reads = 0
  /// Whether removals may find nothing.
  var empties = true
  var initial = 0
  /// Between the indexes of neighbouring events.
  var stride = 1
}

/// An atomic container that clients call at once, so that what it records is linearizable.
struct AtomicContainer {
  private struct Client {
    var process: Int
    var open: Int?
    var hasActed = false
  }

  private let shape: ContainerShape
  private(set) var operations: [Operation] = []
  let initial: [Value]
  private var held: [Int64]
  private var heldFrom = 0  // for a queue: what is before is gone
  private var members: Set<Int64> = []
  private var due = 0  // removals invoked that have not acted
  private var clients: [Client]
  private var nextProcess: Int
  private var index = 0
  private var inserted: Int64 = 100

  static func history(
    _ shape: ContainerShape, using random: inout SplitMix64
  ) -> ([Operation], initial: [Value]) {
    var container = AtomicContainer(shape)
    while container.step(using: &random) {}
    return (container.operations, container.initial)
  }

  private init(_ shape: ContainerShape) {
    self.shape = shape
    let first = (0..<shape.initial).map { Int64($0 * 7 % 5 + 1) }
    initial = first.map { .integer($0) }
    held = shape.kind == .priorityQueue ? first.sorted(by: >) : first
    members = Set(first)
    clients = (0..<shape.processes).map { Client(process: $0) }
    nextProcess = shape.processes
    operations.reserveCapacity(shape.operations)
  }

  private mutating func step(using random: inout SplitMix64) -> Bool {
    let isFull = operations.count == shape.operations
    let able = clients.indices.filter { clients[$0].open != nil || !isFull }
    guard let client = able.randomElement(using: &random) else { return false }
    guard let place = clients[client].open else {
      invoke(client, using: &random)
      return true
    }
    let crashes = Int.random(in: 0..<100, using: &random) < shape.unknown
    if !clients[client].hasActed, crashes, Bool.random(using: &random) {
      if operations[place].function == shape.kind.remove { due -= 1 }
    } else if !clients[client].hasActed {
      act(place, using: &random)
      clients[client].hasActed = true
      return true
    }
    operations[place].completion = index
    operations[place].outcome = crashes ? .info : .ok
    if crashes {
      operations[place].result = .absent
      clients[client].process = nextProcess
      nextProcess += 1
      if Bool.random(using: &random) { operations[place].completion = Optional.none }
    }
    index += shape.stride
    clients[client].open = nil
    return true
  }

  private mutating func invoke(_ client: Int, using random: inout SplitMix64) {
    let draw = Int.random(in: 0..<100, using: &random)
    var function = shape.kind.insert
    if draw >= shape.inserts { function = shape.kind.remove }
    if draw >= shape.inserts + shape.removes {
      function = Int.random(in: 0..<100, using: &random) < shape.reads ? "read" : "contains"
    }
    if !shape.empties, function == shape.kind.remove, held.count - heldFrom <= due {
      function = shape.kind.insert
    }
    var argument = Value.absent
    switch (function, shape.kind) {
    case ("read", _): break
    case (_, .set), (shape.kind.insert, _): argument = .integer(value(function, using: &random))
    default: due += 1
    }
    let process = clients[client].process
    operations.append(
      Operation(
        invocation: Event(
          index: index, time: Int64(index) * 1_000, process: .client(process), type: .invoke,
          function: function, value: argument), process: process))
    index += shape.stride
    clients[client].open = operations.count - 1
    clients[client].hasActed = false
  }

  private mutating func value(_ function: String, using random: inout SplitMix64) -> Int64 {
    if shape.values > 0 { return Int64.random(in: 1...Int64(shape.values), using: &random) }
    if shape.kind == .set, function != "add" {
      return Int64.random(in: 100...inserted, using: &random)
    }
    inserted += 1
    // Priorities in no order; odd, so that the product stays distinct.
    return shape.kind == .priorityQueue ? (inserted &* 0x5851_f42d_4c95_7f2d) >> 20 : inserted
  }

  /// The instant at which the operation takes effect; its result is what it will be if it ends.
  private mutating func act(_ place: Int, using random: inout SplitMix64) {
    if shape.kind == .set { return actOnSet(place, using: &random) }
    if case .integer(let value) = operations[place].argument {
      if shape.kind == .priorityQueue {
        var (low, high) = (0, held.count)  // the smallest stands last
        while low < high {
          let middle = (low + high) / 2
          if held[middle] > value { low = middle + 1 } else { high = middle }
        }
        held.insert(value, at: low)
      } else {
        held.append(value)
      }
      return
    }
    due -= 1
    if held.count == heldFrom { return }
    if shape.kind == .queue {
      operations[place].result = .integer(held[heldFrom])
      heldFrom += 1
    } else {
      operations[place].result = .integer(held.removeLast())
    }
  }

  private mutating func actOnSet(_ place: Int, using random: inout SplitMix64) {
    guard case .integer(let element) = operations[place].argument else {
      operations[place].result = .list(members.sorted().map { .integer($0) })
      return
    }
    var answer = members.contains(element)
    let says = operations[place].function == "contains" || Bool.random(using: &random)
    switch operations[place].function {
    case "add": answer = members.insert(element).inserted
    case "remove": answer = members.remove(element) != nil
    default: break
    }
    if says { operations[place].result = .list([.integer(element), .boolean(answer)]) }
  }
}

extension [Operation] {
  /// Changes one thing, which may or may not make the history impossible.
  mutating func spoil(_ kind: ContainerKind, using random: inout SplitMix64) {
    guard let place = indices.randomElement(using: &random),
      let other = indices.randomElement(using: &random)
    else { return }
    switch Int.random(in: 0..<6, using: &random) {
    case 0: (self[place].result, self[other].result) = swappedResults(place, other)
    case 1:
      if self[place].function == kind.remove, kind != .set, self[place].outcome == .ok {
        self[place].result = self[other].argument
      }
    case 2:
      if self[place].function == kind.remove, kind != .set { self[place].result = .absent }
    case 3:
      if case .list(let members) = self[place].result {
        if members.count == 2, case .boolean(let truth) = members[1] {
          self[place].result = .list([members[0], .boolean(!truth)])
        } else {
          self[place].result = .list(Array<Value>(members.dropLast()))
        }
      }
    case 4: swapNeighbours(using: &random)
    default:
      for _ in 0..<4 { swapNeighbours(using: &random) }
    }
  }

  /// Swaps two events that stand next to each other, but for those of one operation.
  private mutating func swapNeighbours(using random: inout SplitMix64) {
    var events: [(index: Int, place: Int, isEnd: Bool)] = []
    for (place, operation) in enumerated() {
      events.append((operation.invocation, place, false))
      if let completion = operation.completion { events.append((completion, place, true)) }
    }
    events.sort { $0.index < $1.index }
    guard events.count > 1 else { return }
    let left = Int.random(in: 0..<events.count - 1, using: &random)
    let (one, two) = (events[left], events[left + 1])
    guard one.place != two.place else { return }
    for (event, index) in [(one, two.index), (two, one.index)] {
      if event.isEnd {
        self[event.place].completion = index
      } else {
        self[event.place].invocation = index
      }
    }
    sort { $0.invocation < $1.invocation }
  }

  private func swappedResults(_ one: Int, _ other: Int) -> (Value, Value) {
    let (left, right) = (self[one], self[other])
    let mayMove =
      left.function == right.function && left.argument == right.argument
      && left.outcome == .ok && right.outcome == .ok
    return mayMove ? (right.result, left.result) : (left.result, right.result)
  }

  /// Operations with everything drawn: functions, values, intervals, outcomes.
  static func noise(
    _ kind: ContainerKind, count: Int, values: Int, initial: Int, stride: Int,
    using random: inout SplitMix64
  ) -> [Operation] {
    let instants = Array<Int>(0..<count * 2).shuffled(using: &random)
    var operations: [Operation] = []
    var inserted: Int64 = 0
    for number in 0..<count {
      let ends = [instants[2 * number], instants[2 * number + 1]].sorted()
      func some() -> Value { .integer(Int64.random(in: 1...Int64(values), using: &random)) }
      let draw = Int.random(in: 0..<100, using: &random)
      var (function, argument, result) = (kind.insert, some(), Value.absent)
      if kind == .set {
        function = draw < 40 ? "add" : draw < 55 ? "remove" : draw < 80 ? "contains" : "read"
        if function == "read" {
          argument = .absent
          result = .list(
            (1...values).filter { _ in Bool.random(using: &random) }.map { .integer(Int64($0)) })
        } else if function == "contains" || Bool.random(using: &random) {
          result = .list([argument, .boolean(Bool.random(using: &random))])
        }
      } else if draw < 45 {
        inserted += 1
        if Bool.random(using: &random) { argument = .integer(Int64(initial) + inserted) }
      } else {
        (function, argument) = (kind.remove, .absent)
        result = draw < 60 ? .absent : some()
      }
      var operation = Operation(
        invocation: Event(
          index: ends[0] * stride, time: 0, process: .client(number), type: .invoke,
          function: function, value: argument), process: number)
      let fate = Int.random(in: 0..<100, using: &random)
      operation.outcome = fate < 80 ? .ok : fate < 96 ? .info : .fail
      if operation.outcome == .ok { operation.result = result }
      operation.completion = ends[1] * stride
      operations.append(operation)
    }
    return operations.sorted { $0.invocation < $1.invocation }
  }
}
