// Histories too large for the dumb twin, whose truth is known from how they were made.
// `swift test -c release --filter LargeHistoryTests` prints how long each took.

import History
import Linearizability
import Support
import Testing

@Suite(.serialized) struct LargeHistoryTests {
  #if DEBUG
    static let scale = 50
  #else
    static let scale = 1
  #endif

  static let shapes: [(String, Shape)] = [
    (
      "10,000 of 8 clients, 5 values",
      Shape(operations: 10_000, processes: 8, values: 5, unknown: 0)
    ),
    (
      "10,000 of 8 clients, 5 values, 5 % unknown",
      Shape(operations: 10_000, processes: 8, values: 5, unknown: 5)
    ),
    (
      "100,000 of 10 clients, distinct",
      Shape(operations: 100_000, processes: 10, values: 0, unknown: 0)
    ),
    (
      "100,000 of 10 clients, distinct, 5 % unknown",
      Shape(operations: 100_000, processes: 10, values: 0, unknown: 5, differs: false)
    ),
    (
      "1,000,000 of 10 clients, distinct",
      Shape(operations: 1_000_000, processes: 10, values: 0, unknown: 0, reads: 50, writes: 50)
    ),
    (
      "800 of 30 clients, 5 values, 3 % unknown",
      Shape(operations: 800, processes: 30, values: 5, unknown: 3)
    ),
    (
      "5,000 of 5 clients, 5 values, 20 % unknown",
      Shape(operations: 5_000, processes: 5, values: 5, unknown: 20)
    ),
    (
      "20,000 of 100 clients, distinct",
      Shape(operations: 20_000, processes: 100, values: 0, unknown: 0, differs: false)
    ),
    (
      "100,000 of 30 clients, 5 values",
      Shape(operations: 100_000, processes: 30, values: 5, unknown: 0)
    ),
  ]

  @Test("what an atomic register recorded is valid", arguments: shapes.indices)
  func atomic(number: Int) async throws {
    let name = Self.shapes[number].0
    var shape = Self.shapes[number].1
    shape.operations /= Self.scale
    var random = SplitMix64(Seed(UInt64(number)))
    let operations = AtomicRegister.history(shape, initial: .absent, using: &random)
    let history = History(operations: operations, initial: .absent)
    let result = try await Check(limits: Limits(time: .seconds(120), memoryBytes: 4 << 30)).run(
      history)
    print(
      "valid: \(name): \(result.verdict), \(result.keys[0].steps) steps, \(result.seconds) s, "
        + "peak \(result.peakMemoryBytes >> 20) MiB")
    #expect(result.verdict == .valid, "\(String(describing: result.keys[0].limit))")
  }

  @Test("with a read planted that nothing explains it is invalid", arguments: shapes.indices)
  func planted(number: Int) async throws {
    let name = Self.shapes[number].0
    var shape = Self.shapes[number].1
    shape.operations /= Self.scale
    var random = SplitMix64(Seed(UInt64(number)))
    var operations = AtomicRegister.history(shape, initial: .absent, using: &random)
    let place = operations.count * 9 / 10
    let late = operations.indices.first {
      $0 >= place && operations[$0].function == "read" && operations[$0].outcome == .ok
    }
    operations[try #require(late)].result = 77
    let history = History(operations: operations, initial: .absent)
    let result = try await Check(limits: Limits(time: .seconds(120), memoryBytes: 4 << 30)).run(
      history)
    print(
      "planted: \(name): \(result.verdict), \(result.keys[0].steps) steps, \(result.seconds) s, "
        + "core \(result.counterexample?.operations.count ?? 0)")
    #expect(result.verdict == .invalid, "\(String(describing: result.keys[0].limit))")
  }
}

/// What no history of an atomic register does, found at the very end of a long one.
@Suite(.serialized) struct LateViolationTests {
  static let shapes: [(String, Shape)] = [
    (
      "10,000 of 8 clients, 5 values",
      Shape(operations: 10_000, processes: 8, values: 5, unknown: 0)
    ),
    (
      "30,000 of 20 clients, 5 values",
      Shape(operations: 30_000, processes: 20, values: 5, unknown: 0)
    ),
    (
      "500 of 5 clients, 5 values, 3 % unknown",
      Shape(operations: 500, processes: 5, values: 5, unknown: 3, differs: false)
    ),
    (
      "300 of 5 clients, 5 values, 10 % unknown",
      Shape(operations: 300, processes: 5, values: 5, unknown: 10, differs: false)
    ),
  ]

  @Test("more changes than writes are left for are found", arguments: shapes.indices)
  func tooManyChanges(number: Int) async throws {
    let name = Self.shapes[number].0
    var shape = Self.shapes[number].1
    #if DEBUG
      shape.operations /= 20
    #endif
    var random = SplitMix64(Seed(UInt64(number)))
    var operations = AtomicRegister.history(shape, initial: .absent, using: &random)
    let unknown = operations.count { $0.outcome == .info && $0.function != "read" }
    // Each change of what is read needs one more operation of unknown outcome.
    let reads = (0..<unknown + 2).map { "[r \($0 % 2 + 1)]" }.joined(separator: " ")
    var more = History("9999: [w 3] \(reads)").operations
    let last = operations.map { max($0.invocation, $0.completion ?? 0) }.max() ?? 0
    for place in more.indices {
      more[place].invocation += last + 1
      more[place].completion = more[place].completion.map { $0 + last + 1 }
    }
    operations += more
    let limits = Limits(time: .seconds(600), memoryBytes: 4 << 30)
    let history = History(operations: operations, initial: .absent)
    let result = try await Check(limits: limits, shrinkingTime: .seconds(2)).run(history)
    print(
      "late: \(name): \(result.verdict), \(result.keys[0].steps) steps, \(result.seconds) s, "
        + "core \(result.counterexample?.operations.count ?? 0), "
        + "\(result.counterexample?.anomaly?.rawValue ?? "no kind")")
    #expect(result.verdict != .valid)
    #expect(result.verdict == .invalid, "\(String(describing: result.keys[0].limit))")
  }
}
