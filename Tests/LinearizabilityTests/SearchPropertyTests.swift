// The search against the dumb twin, on histories drawn from seeds.
// `FUZZ=2000000` sets how many; `SEED=0x2a` runs one alone.

import FoundationEssentials
import History
import Linearizability
import Support
import Testing

@Suite struct SearchPropertyTests {
  static let each = 1000
  static var blocks: Int {
    let wanted = ProcessInfo.processInfo.environment["FUZZ"].flatMap(Int.init)
    #if DEBUG
      return max(1, (wanted ?? 5_000) / each)
    #else
      return max(1, (wanted ?? 50_000) / each)
    #endif
  }

  /// A small history, spoiled in most cases, and where it starts.
  static func small(using random: inout SplitMix64) -> ([Operation], initial: Value) {
    let initial: Value = Bool.random(using: &random) ? .absent : 1
    let shape = Shape(
      operations: Int.random(in: 2...8, using: &random),
      processes: Int.random(in: 2...4, using: &random),
      values: Int.random(in: 2...4, using: &random),
      unknown: [0, 0, 10, 40, 75].randomElement(using: &random) ?? 0,
      reads: [20, 45].randomElement(using: &random) ?? 0,
      writes: [10, 30].randomElement(using: &random) ?? 0, differs: Bool.random(using: &random))
    var operations = AtomicRegister.history(shape, initial: initial, using: &random)
    if Int.random(in: 0..<12, using: &random) > 0 {
      operations.spoil(values: shape.values, using: &random)
    }
    return (operations, initial)
  }

  static func check(_ operations: [Operation], initial: Value, shrinking: Duration = .zero)
    async throws -> KeyResult
  {
    let history = History(operations: operations, initial: initial)
    let result = try await Check(model: .casRegister, shrinkingTime: shrinking).run(history)
    return try #require(result.keys.first)
  }

  @Test("the search agrees with trying every order", arguments: Seed.some(blocks))
  func agreesWithEveryOrder(seed: Seed) async throws {
    var random = SplitMix64(seed)
    for round in 0..<Self.each {
      let (operations, initial) = Self.small(using: &random)
      let expected = EveryOrder.explains(operations, initial: initial)
      // Shrinking takes many searches; every 50th is enough of them.
      let shrinks = round % 50 == 0
      let result = try await Self.check(
        operations, initial: initial, shrinking: shrinks ? .seconds(60) : .zero)
      try #require(
        result.verdict == (expected ? .valid : .invalid), "\(seed), round \(round)")
      guard shrinks, let counterexample = result.counterexample else { continue }
      try #require(counterexample.isMinimal)
      try #require(!EveryOrder.explains(counterexample.history, initial: initial))
      try #require(
        try await Self.check(counterexample.history, initial: initial).verdict == .invalid)
    }
  }

  @Test("about half of the small histories are valid")
  func mixIsEven() {
    var random = SplitMix64(Seed(7))
    var valid = 0
    for _ in 0..<4000 {
      let (operations, initial) = Self.small(using: &random)
      if EveryOrder.explains(operations, initial: initial) { valid += 1 }
    }
    #expect((1600...2400).contains(valid), "\(valid) of 4000")
  }
}
