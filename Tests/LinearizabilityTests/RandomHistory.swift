// Random histories of a register whose truth is known, or nearly: for the property tests.

import History
import Support

/// What random histories are like.
struct Shape {
  var operations: Int
  var processes: Int
  /// Values are drawn from these many; all distinct when 0.
  var values: Int
  /// Of a hundred operations, those that end `info`.
  var unknown = 10
  /// Of a hundred operations: reads, writes; the rest are compare-and-sets.
  var reads = 45
  var writes = 30
  /// Whether a failed compare-and-set may say `differs`.
  var differs = true
}

/// An atomic register that clients call at once: each operation takes effect at one instant
/// between its invocation and its completion, so what it records is linearizable.
struct AtomicRegister {
  private struct Client {
    var process: Int
    var open: Int?  // place in `operations`
    var hasActed = false
  }

  private let shape: Shape
  private(set) var operations: [Operation] = []
  private var state: Value
  private var clients: [Client]
  private var nextProcess: Int
  private var index = 0
  private var written: Int64 = 100

  /// A random linearizable history.
  static func history(
    _ shape: Shape, initial: Value, using random: inout SplitMix64
  ) -> [Operation] {
    var register = AtomicRegister(shape, initial: initial)
    while register.step(using: &random) {}
    return register.operations
  }

  private init(_ shape: Shape, initial: Value) {
    self.shape = shape
    state = initial
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
    if clients[client].hasActed || (crashes && Bool.random(using: &random)) {
      complete(place, of: client, crashes: crashes)
    } else {
      act(place, using: &random)
      clients[client].hasActed = true
    }
    return true
  }

  private mutating func invoke(_ client: Int, using random: inout SplitMix64) {
    let draw = Int.random(in: 0..<100, using: &random)
    let (function, argument): (String, Value) =
      if draw < shape.reads {
        ("read", .absent)
      } else if draw < shape.reads + shape.writes {
        ("write", value(using: &random))
      } else {
        ("cas", .list([known(using: &random), value(using: &random)]))
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

  /// A value to write.
  private mutating func value(using random: inout SplitMix64) -> Value {
    if shape.values == 0 {
      written += 1
      return .integer(written)
    }
    let draw = Int64.random(in: 0..<Int64(shape.values), using: &random)
    return draw == 0 ? .absent : .integer(draw)
  }

  /// A value to expect: often what is there.
  private mutating func known(using random: inout SplitMix64) -> Value {
    shape.values == 0 || Bool.random(using: &random) ? state : value(using: &random)
  }

  /// The instant at which the operation takes effect; its outcome is what it will be if it ends.
  private mutating func act(_ place: Int, using random: inout SplitMix64) {
    operations[place].outcome = .ok
    switch operations[place].function {
    case "read": operations[place].result = state
    case "write": state = operations[place].argument
    default:
      guard case .list(let pair) = operations[place].argument else { fatalError("no pair") }
      if pair[0] == state {
        state = pair[1]
      } else {
        operations[place].outcome = .fail
        let draw = Int.random(in: 0..<4, using: &random)
        if draw & 1 == 1 { operations[place].observed = state }
        operations[place].differs = shape.differs && draw & 2 == 2
      }
    }
  }

  private mutating func complete(_ place: Int, of client: Int, crashes: Bool) {
    clients[client].open = nil
    if crashes {
      operations[place].outcome = .info
      operations[place].result = .absent
      operations[place].observed = nil
      operations[place].differs = false
      clients[client].process = nextProcess
      nextProcess += 1
      if index & 1 == 0 { return }  // it never completes at all
    }
    operations[place].completion = index
    operations[place].completedAt = Int64(index) * 1_000_000
    index += 1
  }
}

extension [Operation] {
  /// Changes what some operations saw or did, so that it may well be wrong.
  mutating func spoil(values: Int, using random: inout SplitMix64) {
    func value() -> Value {
      let draw = Int64.random(in: 0..<Int64(values), using: &random)
      return draw == 0 ? .absent : .integer(draw)
    }
    for _ in 0..<Int.random(in: 2...4, using: &random) {
      guard let place = indices.randomElement(using: &random) else { return }
      switch (self[place].function, self[place].outcome) {
      case ("read", .ok): self[place].result = value()
      case ("write", _): self[place].argument = value()
      case ("cas", .fail):
        if self[place].observed != nil {
          self[place].observed = value()
        } else {
          self[place].differs = true
        }
      case ("cas", _): self[place].argument = .list([value(), value()])
      default: break
      }
    }
  }
}
