// The sweep on a model without footprints, a FIFO queue, against trying every order of it.

import History
import Support
import Testing

@testable import Linearizability

/// A queue of numbers; dequeues say what they took, or nothing when it was empty.
private struct TinyQueue: Model {
  enum Action: Hashable, Sendable {
    case enqueue(Int64)
    /// Nil: it was seen to be empty.
    case dequeue(Int64?)
    /// Of unknown outcome: it took whatever was there.
    case take
  }

  var initial: [Int64] { [] }

  func action(of operation: Operation) throws(CheckError) -> Action? {
    if operation.outcome == .fail { return nil }
    if operation.function == "enqueue" {
      guard case .integer(let number) = operation.argument else { return nil }
      return .enqueue(number)
    }
    if operation.outcome == .info { return .take }
    if case .integer(let number) = operation.result { return .dequeue(number) }
    return .dequeue(Optional.none)
  }

  func step(_ state: [Int64], _ action: Action) -> [Int64]? {
    switch action {
    case .enqueue(let number): return state + [number]
    case .dequeue(let number):
      guard state.first == number else { return Optional.none }
      return number == nil ? state : Array(state.dropFirst())
    case .take: return Array(state.dropFirst())
    }
  }

  func isPure(_ action: Action) -> Bool { action == .dequeue(Optional.none) }
}

/// Tries every order; shares nothing with the model above.
private struct EveryQueueOrder {
  let operations: [Operation]
  /// By place: whether it may be left out.
  var isOptional: [Bool]

  init(operations: [Operation]) {
    self.operations = operations
    isOptional = operations.map { $0.outcome == .info }
  }

  /// Those up to the event `last`: what is open then may happen, as it did.
  init(operations: [Operation], upTo last: Int) {
    self.init(operations: operations.filter { $0.invocation <= last })
    for place in self.operations.indices where self.operations[place].completion ?? last > last {
      isOptional[place] = true
    }
  }

  func explains(placed: Int = 0, items: [Value] = []) -> Bool {
    let left = operations.indices.filter { placed & (1 << $0) == 0 }
    if left.allSatisfy({ isOptional[$0] }) { return true }
    for number in left {
      let one = operations[number]
      let isFree = left.allSatisfy {
        isOptional[$0] || (operations[$0].completion ?? .max) > one.invocation || $0 == number
      }
      guard isFree else { continue }
      var after = items
      if one.function == "enqueue" {
        after.append(one.argument)
      } else if one.outcome == .info {
        if !after.isEmpty { after.removeFirst() }
      } else if one.result == .absent {
        if !after.isEmpty { continue }
      } else {
        if after.first != one.result { continue }
        after.removeFirst()
      }
      if explains(placed: placed | 1 << number, items: after) { return true }
    }
    return false
  }
}

@Suite struct SweepQueueTests {
  /// Operations at random, with results that often fit.
  static func history(using random: inout SplitMix64) -> [Operation] {
    let count = Int.random(in: 2...7, using: &random)
    var ends: [(place: Int, isEnd: Bool)] = []
    var open: [Int] = []
    var started = 0
    while started < count || !open.isEmpty {
      if started < count, open.count < 3, open.isEmpty || Bool.random(using: &random) {
        ends.append((started, false))
        open.append(started)
        started += 1
      } else {
        ends.append((open.remove(at: Int.random(in: 0..<open.count, using: &random)), true))
      }
    }
    var operations: [Operation] = []
    for (index, end) in ends.enumerated() {
      if end.isEnd {
        operations[end.place].completion = index
        continue
      }
      let isEnqueue = Int.random(in: 0..<9, using: &random) < 5
      var operation = Operation(
        invocation: Event(
          index: index, time: 0, process: .client(end.place), type: .invoke,
          function: isEnqueue ? "enqueue" : "dequeue",
          value: isEnqueue ? .integer(Int64.random(in: 1...3, using: &random)) : .absent),
        process: end.place)
      let draw = Int64.random(in: 0...3, using: &random)
      operation.outcome = Int.random(in: 0..<6, using: &random) == 0 ? .info : .ok
      if !isEnqueue, draw > 0 { operation.result = .integer(draw) }
      operations.append(operation)
    }
    return operations
  }

  @Test("a model without footprints is swept like any other", arguments: Seed.some(20))
  func agreesWithEveryOrder(seed: Seed) throws {
    var random = SplitMix64(seed)
    var valid = 0
    for round in 0..<1000 {
      let operations = Self.history(using: &random)
      let expected = EveryQueueOrder(operations: operations).explains()
      if expected { valid += 1 }
      let swept = try Swept(operations, model: TinyQueue())
      try #require((swept == .valid) == expected, "\(seed), round \(round): \(operations)")
      guard case .invalid(let event) = swept else { continue }
      try #require(!EveryQueueOrder(operations: operations, upTo: event).explains())
      try #require(EveryQueueOrder(operations: operations, upTo: event - 1).explains())
    }
    #expect((100...900).contains(valid), "\(valid) of 1000 are valid")
  }

  @Test("more than 64 operations may be open at once")
  func wide() throws {
    var operations: [Operation] = []
    for number in 0..<150 {
      var operation = Operation(
        invocation: Event(
          index: number, time: 0, process: .client(number), type: .invoke, function: "write",
          value: number % 2 == 1 ? .absent : .integer(Int64(number % 3))), process: number)
      if number % 2 == 1 {
        operation.function = "read"
        operation.result = .integer(Int64(number % 3))
      }
      operation.outcome = .ok
      operation.completion = 1000 - number
      operations.append(operation)
    }
    #expect(try Swept(operations, initial: .absent) == .valid)
    operations[101].result = 7
    #expect(try Swept(operations, initial: .absent) == .invalid(at: 899))
  }
}
