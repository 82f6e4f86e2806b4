// The sweep against the dumb twin and against the search, on histories drawn from seeds.
// `FUZZ=2000000` sets how many; `SEED=0x2a` runs one block alone.

import FoundationEssentials
import History
import Support
import Testing

@testable import Linearizability

/// What a sweep said, held against the verifier of witnesses.
enum Swept: Equatable {
  case valid
  case invalid(at: Int)
  case unknown

  init(_ operations: [Operation], initial: Value) throws {
    try self.init(operations, model: CASRegisterModel(initial: initial))
  }

  init<M: Model>(_ operations: [Operation], model: M) throws {
    let subject = try Subject(model: model, operations: operations)
    var sweep = SweepRun(subject, budget: Budget(Limits(time: .seconds(60))))
    switch sweep.run() {
    case .valid(let order):
      let witness = order.map { operations[$0].invocation }
      let flaw = try Witness.flaw(in: witness, of: operations, model: model)
      try #require(flaw == nil)
      self = .valid
    case .invalid(let event, let place):
      try #require(operations[place].completion == event)
      self = .invalid(at: event)
    case .unknown: self = .unknown
    }
  }
}

extension [Operation] {
  /// The history up to the event `last`: what is open then may still happen.
  func cut(after last: Int) -> [Operation] {
    var kept: [Operation] = []
    for operation in self where operation.invocation <= last {
      if let completion = operation.completion, completion <= last {
        kept.append(operation)
      } else if operation.outcome != .fail {
        kept.append(operation)
        kept[kept.count - 1].forgetCompletion()
      }
    }
    return kept
  }
}

@Suite struct SweepPropertyTests {
  static let each = 1000
  static var blocks: Int {
    let wanted = ProcessInfo.processInfo.environment["FUZZ"].flatMap(Int.init)
    #if DEBUG
      return max(1, (wanted ?? 5_000) / each)
    #else
      return max(1, (wanted ?? 20_000) / each)
    #endif
  }

  @Test(
    "the sweep agrees with trying every order, and names the first completion that is wrong",
    arguments: Seed.some(blocks))
  func agreesWithEveryOrder(seed: Seed) throws {
    var random = SplitMix64(seed)
    for round in 0..<Self.each {
      let (operations, initial) = SearchPropertyTests.small(using: &random)
      let expected = EveryOrder.explains(operations, initial: initial)
      let swept = try Swept(operations, initial: initial)
      try #require((swept == .valid) == expected, "\(seed), round \(round): \(operations)")
      guard case .invalid(let event) = swept else { continue }
      let upTo = operations.cut(after: event)
      try #require(!EveryOrder.explains(upTo, initial: initial), "\(seed), round \(round)")
      let before = operations.cut(after: event - 1)
      try #require(EveryOrder.explains(before, initial: initial), "\(seed), round \(round)")
    }
  }

  @Test(
    "the sweep agrees with the search where there are more operations", arguments: Seed.some(200))
  func agreesWithSearch(seed: Seed) throws {
    var random = SplitMix64(seed)
    let shape = Shape(
      operations: Int.random(in: 10...80, using: &random),
      processes: Int.random(in: 2...12, using: &random),
      values: Int.random(in: 2...6, using: &random),
      unknown: [0, 0, 5, 15, 40].randomElement(using: &random) ?? 0,
      reads: [10, 30, 60].randomElement(using: &random) ?? 0,
      writes: [10, 30, 40].randomElement(using: &random) ?? 0,
      differs: Bool.random(using: &random))
    for round in 0..<20 {
      var operations = AtomicRegister.history(shape, initial: 1, using: &random)
      if round & 3 != 0 { operations.spoil(values: shape.values, using: &random) }
      let swept = try Swept(operations, initial: 1)
      try #require(
        swept == .unknown || (swept == .valid) == (try Self.searchExplains(operations)),
        "\(seed), round \(round)")
      guard case .invalid(let event) = swept else { continue }
      try #require(try !Self.searchExplains(operations.cut(after: event)))
      try #require(try Self.searchExplains(operations.cut(after: event - 1)))
    }
  }

  @Test(
    "the sweep agrees with the search where most answers are lost", arguments: Seed.some(blocks))
  func agreesOnLostAnswers(seed: Seed) throws {
    var random = SplitMix64(seed)
    for round in 0..<Self.each {
      let shape = Shape(
        operations: Int.random(in: 8...22, using: &random),
        processes: Int.random(in: 3...7, using: &random),
        values: Int.random(in: 2...4, using: &random),
        unknown: [25, 50, 70].randomElement(using: &random) ?? 0,
        reads: [30, 50, 60].randomElement(using: &random) ?? 0,
        writes: [10, 25, 40].randomElement(using: &random) ?? 0, differs: false)
      var operations = AtomicRegister.history(shape, initial: 1, using: &random)
      for place in operations.indices where operations[place].outcome == .ok {
        // Reads of anything: most such histories are on the edge of what the lost ones explain.
        guard operations[place].function == "read", Bool.random(using: &random) else { continue }
        operations[place].result = .integer(
          Int64.random(in: 1..<Int64(max(2, shape.values)), using: &random))
      }
      let swept = try Swept(operations, initial: 1)
      try #require(
        (swept == .valid) == (try Self.searchExplains(operations)), "\(seed), round \(round)")
    }
  }

  static func searchExplains(_ operations: [Operation]) throws -> Bool {
    let subject = try Subject(model: CASRegisterModel(initial: 1), operations: operations)
    var search = Search(subject, budget: Budget(Limits(time: .seconds(60))))
    switch search.run() {
    case .valid: return true
    case .invalid: return false
    case .unknown(let reason):
      Issue.record("the search gave up: \(reason)")
      return false
    }
  }
}
