// Simulated objects that hold values: registers, registers in transactions, a counter, texts.

import History

/// A register, with compare-and-set if wanted, and reads that may learn nothing.
struct RegisterObject: AtomicObject {
  let shape: GenerationShape
  private var state = Value.absent

  init(_ shape: GenerationShape) { self.shape = shape }

  mutating func propose(to caller: Caller, _ dice: inout Dice) -> Call {
    if dice.chance(shape.reads) { return Call(function: "read", argument: .absent) }
    if shape.model == .register || dice.below(2) == 0 {
      return Call(function: "write", argument: .integer(dice.number()))
    }
    let old = dice.known(state)
    return Call(function: "cas", argument: .list([old, .integer(dice.number())]))
  }

  mutating func perform(_ call: Call, by caller: Caller, _ dice: inout Dice) -> Answer {
    guard let (old, new) = call.argument.pair else {
      if call.function == "write" {
        state = call.argument
        return Answer(result: call.argument, changes: true)
      }
      let isNothing = shape.model == .unknownReadRegister && state == .absent
      let isUnknown = shape.model == .unknownReadRegister && dice.below(4) == 0
      return Answer(
        result: isUnknown ? .absent : state, isSilent: isUnknown || isNothing, changes: false)
    }
    guard old == state else {
      let tells = dice.chance(shape.observations)
      return Answer(
        isOK: false, result: call.argument, observed: tells ? .some(state) : Optional.none,
        changes: false)
    }
    state = new
    return Answer(result: call.argument, changes: true)
  }
}

/// Registers that transactions of reads and writes are about.
struct TransactionObject: AtomicObject {
  let shape: GenerationShape
  private var registers: [Value]

  init(_ shape: GenerationShape) {
    self.shape = shape
    registers = Array(repeating: .absent, count: shape.keys > 1 ? shape.keys : 3)
  }

  mutating func propose(to caller: Caller, _ dice: inout Dice) -> Call {
    // Two steps as a rule, on two registers: what a torn transaction shows on.
    let first = dice.below(registers.count)
    let count = 1 + dice.below(3)
    let looks = dice.chance(shape.reads)
    let steps = (0..<count).map { step in
      let register = Value.integer(Int64((first + step) % registers.count))
      return looks || dice.chance(20)
        ? Value.list([.text("r"), register, .absent])
        : Value.list([.text("w"), register, .integer(dice.number())])
    }
    return Call(function: "txn", argument: .list(steps))
  }

  mutating func perform(_ call: Call, by caller: Caller, _ dice: inout Dice) -> Answer {
    guard case .list(var steps) = call.argument else {
      preconditionFailure("a transaction is a list, not \(call.argument)")
    }
    var changes = false
    for place in steps.indices {
      guard case .list(var step) = steps[place], case .integer(let register) = step[1] else {
        preconditionFailure("a transaction's step is a list, not \(steps[place])")
      }
      if step[0] == .text("w") {
        registers[Int(register)] = step[2]
        changes = true
      } else {
        step[2] = registers[Int(register)]
        steps[place] = .list(step)
      }
    }
    return Answer(result: .list(steps), changes: changes)
  }
}

/// A sum.
struct CounterObject: AtomicObject {
  let shape: GenerationShape
  private var sum: Int64 = 0

  init(_ shape: GenerationShape) { self.shape = shape }

  mutating func propose(to caller: Caller, _ dice: inout Dice) -> Call {
    dice.chance(shape.reads)
      ? Call(function: "read", argument: .absent)
      : Call(function: "add", argument: .integer(dice.number()))
  }

  mutating func perform(_ call: Call, by caller: Caller, _ dice: inout Dice) -> Answer {
    guard case .integer(let amount) = call.argument else {
      return Answer(result: .integer(sum), changes: false)
    }
    sum &+= amount
    return Answer(result: call.argument, changes: true)
  }
}

/// One text of a key-value store.
///
/// Every argument is a token of its own, `p7.` put or `a7.` appended, so that a text can be read
/// back: it starts with the last one put, and no two sequences of tokens give the same text.
struct TextObject: AtomicObject {
  let shape: GenerationShape
  private var text: String?

  init(_ shape: GenerationShape) { self.shape = shape }

  mutating func propose(to caller: Caller, _ dice: inout Dice) -> Call {
    if dice.chance(shape.reads) { return Call(function: "get", argument: .absent) }
    return dice.below(2) == 0
      ? Call(function: "put", argument: .text("p\(dice.number())."))
      : Call(function: "append", argument: .text("a\(dice.number())."))
  }

  mutating func perform(_ call: Call, by caller: Caller, _ dice: inout Dice) -> Answer {
    guard case .text(let token) = call.argument else {
      return Answer(result: text.map { .text($0) } ?? .absent, changes: false)
    }
    text = call.function == "put" ? token : (text ?? "") + token
    return Answer(result: call.argument, changes: true)
  }
}
