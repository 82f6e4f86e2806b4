// Random histories of locks, counters, lists, keys and transactions: an atomic object that clients
// call at once, so that what it records is linearizable; and ways to spoil them.

import History
import Support

/// What random histories of an object are like.
struct ObjectShape {
  enum Kind: Hashable, CaseIterable {
    case mutex, ownedMutex, fencedLock, semaphore, counter, list, key, registers, unknownRead
  }
  var kind: Kind
  var operations: Int
  var processes: Int
  /// Arguments are drawn from these many; all distinct when 0.
  var values: Int
  /// Of a hundred operations, those that end `info`.
  var unknown = 10
  /// Of a hundred operations, reads.
  var reads = 50
  /// Whether counters also go down, and keys are also put.
  var isMixed = true
  /// Whether a process may go on after an operation of unknown outcome.
  var reusesProcesses = false
}

/// An atomic object and its clients. Each operation takes effect at one instant.
struct AtomicObject {
  static let capacity = 2

  private struct Client {
    var process: Int
    var open: Int?  // place in `operations`
    var hasActed = false
    var holds = false
  }

  private let shape: ObjectShape
  private(set) var operations: [Operation] = []
  private var clients: [Client]
  private var nextProcess: Int
  private var index = 0
  private var drawn: Int64 = 100

  private var taken = 0
  private var token: Int64 = 0
  private var sum: Int64
  private var members: [Value]
  private var value: Value
  private var registers: [Value: Value] = [:]

  /// A random linearizable history of an object that starts at `initial`.
  static func history(
    _ shape: ObjectShape, initial: Value, using random: inout SplitMix64
  ) -> [Operation] {
    var object = AtomicObject(shape, initial: initial)
    while object.step(using: &random) {}
    return object.operations
  }

  private init(_ shape: ObjectShape, initial: Value) {
    self.shape = shape
    clients = (0..<shape.processes).map { Client(process: $0) }
    nextProcess = shape.processes
    value = initial
    if case .integer(let number) = initial { sum = number } else { sum = 0 }
    if case .list(let list) = initial { members = list } else { members = [] }
    if shape.kind == .registers {
      for case .list(let pair) in members { registers[pair[0]] = pair[1] }
    }
    switch (shape.kind, initial) {
    case (.mutex, .boolean(true)): taken = 1
    case (.semaphore, .integer(let number)): taken = Int(number)
    case (.fencedLock, .integer(let number)): token = number
    case (.ownedMutex, .integer(let process)):
      taken = 1
      for client in clients.indices where client == process { clients[client].holds = true }
    default: break
    }
  }

  private mutating func step(using random: inout SplitMix64) -> Bool {
    let isFull = operations.count == shape.operations
    var client = Int.random(in: 0..<clients.count, using: &random)
    if isFull {
      guard let open = clients.indices.first(where: { clients[$0].open != nil }) else {
        return false
      }
      if clients[client].open == nil { client = open }
    }
    guard let place = clients[client].open else {
      invoke(client, using: &random)
      return true
    }
    let crashes = Int.random(in: 0..<100, using: &random) < shape.unknown
    if clients[client].hasActed || (crashes && Bool.random(using: &random)) {
      complete(place, of: client, crashes: crashes, using: &random)
    } else {
      act(place, of: client)
      clients[client].hasActed = true
    }
    return true
  }

  // MARK: Invoking

  private mutating func invoke(_ client: Int, using random: inout SplitMix64) {
    let reads = Int.random(in: 0..<100, using: &random) < shape.reads
    let (function, argument): (String, Value) =
      switch shape.kind {
      case .mutex, .semaphore: (Bool.random(using: &random) ? "acquire" : "release", .absent)
      case .ownedMutex, .fencedLock: (clients[client].holds ? "release" : "acquire", .absent)
      case .counter: reads ? ("read", .absent) : ("add", .integer(addend(using: &random)))
      case .list: reads ? ("read", .absent) : ("append", .integer(number(using: &random)))
      case .key:
        if reads {
          ("get", .absent)
        } else {
          (
            shape.isMixed && Int.random(in: 0..<4, using: &random) == 0 ? "put" : "append",
            .text(shape.values == 0 ? "x\(number(using: &random))y" : word(using: &random))
          )
        }
      case .registers: ("txn", transaction(using: &random))
      case .unknownRead:
        if reads {
          ("read", .absent)
        } else if Bool.random(using: &random) {
          ("write", small(using: &random))
        } else {
          ("cas", .list([small(using: &random), small(using: &random)]))
        }
      }
    let process = clients[client].process
    operations.append(
      Operation(
        invocation: Event(
          index: index, time: Int64(index) * 1_000_000, process: .client(process), type: .invoke,
          function: function, value: argument), process: process))
    index += 1
    clients[client].open = operations.count - 1
    clients[client].hasActed = false
  }

  private mutating func number(using random: inout SplitMix64) -> Int64 {
    drawn += 1
    return shape.values == 0 ? drawn : Int64.random(in: 1...Int64(shape.values), using: &random)
  }

  private mutating func addend(using random: inout SplitMix64) -> Int64 {
    let most = Int64(max(1, shape.values))
    guard shape.isMixed else { return Int64.random(in: 1...most, using: &random) }
    return Int64.random(in: -most...most, using: &random)
  }

  private mutating func word(using random: inout SplitMix64) -> String {
    ["a", "b", "aa", "ab", "", "ba"].prefix(shape.values).randomElement(using: &random) ?? "a"
  }

  private mutating func small(using random: inout SplitMix64) -> Value {
    let draw = Int64.random(in: 0..<Int64(max(2, shape.values)), using: &random)
    return draw == 0 ? .absent : .integer(draw)
  }

  private mutating func transaction(using random: inout SplitMix64) -> Value {
    .list(
      (0..<Int.random(in: 1...3, using: &random)).map { _ in
        let register = Value.text(["x", "y", "z"].randomElement(using: &random) ?? "x")
        return Int.random(in: 0..<100, using: &random) < shape.reads
          ? .list([.text("r"), register, .absent])
          : .list([.text("w"), register, small(using: &random)])
      })
  }

  // MARK: Taking effect

  /// The instant at which the operation takes effect; its outcome is what it will be if it ends.
  private mutating func act(_ place: Int, of client: Int) {
    operations[place].outcome = .ok
    let argument = operations[place].argument
    switch operations[place].function {
    case "acquire": acquire(place, of: client)
    case "release":
      if taken == 0 { operations[place].outcome = .fail } else { taken -= 1 }
      clients[client].holds = false
    case "add": if case .integer(let number) = argument { sum += number }
    case "append":
      if shape.kind == .list {
        members.append(argument)
      } else if case .text(let more) = argument, case .text(let text) = value {
        value = .text(text + more)
      } else {
        value = argument
      }
    case "put", "write": value = argument
    case "get": operations[place].result = value
    case "read":
      operations[place].result =
        switch shape.kind {
        case .counter: .integer(sum)
        case .list: .list(members)
        default: place % 4 == 0 ? .absent : value
        }
    case "txn": transact(place)
    default:
      guard case .list(let pair) = argument else { fatalError("no pair") }
      if pair[0] == value {
        value = pair[1]
      } else {
        operations[place].outcome = .fail
        if place % 3 == 0 { operations[place].observed = value }
        operations[place].differs = place % 2 == 0
      }
    }
  }

  private mutating func acquire(_ place: Int, of client: Int) {
    guard taken < (shape.kind == .semaphore ? Self.capacity : 1) else {
      operations[place].outcome = .fail
      return
    }
    taken += 1
    clients[client].holds = true
    if shape.kind == .fencedLock {
      token += Int64(place % 2 + 1)
      operations[place].result = .integer(token)
    }
  }

  private mutating func transact(_ place: Int) {
    guard case .list(var steps) = operations[place].argument else { fatalError("no list") }
    for number in steps.indices {
      guard case .list(var parts) = steps[number] else { fatalError("no step") }
      if parts[0] == .text("w") {
        registers[parts[1]] = parts[2]
      } else {
        parts[2] = registers[parts[1], default: .absent]
      }
      steps[number] = .list(parts)
    }
    operations[place].result = .list(steps)
  }

  private mutating func complete(
    _ place: Int, of client: Int, crashes: Bool, using random: inout SplitMix64
  ) {
    clients[client].open = nil
    if crashes || !clients[client].hasActed {
      operations[place].outcome = .info
      operations[place].result = .absent
      operations[place].observed = nil
      operations[place].differs = false
      if !shape.reusesProcesses {
        clients[client].process = nextProcess
        nextProcess += 1
        // Whoever held the lock holds it for ever; without this, all would end there.
        if clients[client].holds { taken = max(0, taken - 1) }
        clients[client].holds = false
      }
      if index & 1 == 0 { return }  // it never completes at all
    }
    operations[place].completion = index
    operations[place].completedAt = Int64(index) * 1_000_000
    index += 1
  }
}

extension [Operation] {
  /// Changes what some operations saw or did, so that it may well be wrong.
  mutating func spoil(_ shape: ObjectShape, using random: inout SplitMix64) {
    for _ in 0..<Int.random(in: 1...3, using: &random) {
      guard let place = indices.randomElement(using: &random) else { return }
      self[place].spoil(shape, another: self.randomElement(using: &random), using: &random)
    }
  }
}

extension Operation {
  fileprivate mutating func spoil(
    _ shape: ObjectShape, another: Operation?, using random: inout SplitMix64
  ) {
    switch (function, outcome) {
    case ("acquire", .fail), ("release", .fail):
      outcome = .ok
      if function == "acquire" { result = .integer(Int64.random(in: 0...12, using: &random)) }
    case ("acquire", .ok) where shape.kind == .fencedLock:
      result = .integer(Int64.random(in: 0...12, using: &random))
    case ("acquire", _), ("release", _):
      guard shape.kind != .fencedLock else { return }
      function = function == "acquire" ? "release" : "acquire"
    case ("add", _): argument = .integer(Int64.random(in: -3...3, using: &random))
    case ("read", .ok) where shape.kind == .unknownRead:
      result = .integer(Int64.random(in: 1...2, using: &random))
    case ("cas", .ok): argument = .list([another?.result ?? 1, 2])
    case ("cas", .fail): differs = true
    case ("read", .ok), ("get", .ok):
      if let another, another.function == function, another.outcome == .ok {
        result = another.result
      } else if case .integer(let number) = result {
        result = .integer(number + Int64.random(in: -2...2, using: &random))
      } else if case .list(var members) = result {
        if members.isEmpty { members = [1] } else { members.shuffle(using: &random) }
        result = .list(members)
      } else if case .text(let text) = result {
        result = .text(String(text.dropLast()))
      }
    case ("append", _), ("put", _), ("write", _):
      if let another, ["append", "put", "write"].contains(another.function) {
        argument = another.argument
      }
    case ("txn", .ok): spoilTransaction(using: &random)
    default: break
    }
  }

  private mutating func spoilTransaction(using random: inout SplitMix64) {
    guard case .list(var steps) = result, let number = steps.indices.randomElement(using: &random),
      case .list(var parts) = steps[number], parts[0] == .text("r")
    else { return }
    parts[2] = [.absent, 1, 2].randomElement(using: &random) ?? .absent
    steps[number] = .list(parts)
    result = .list(steps)
  }
}
