// Sweeps over histories too large for the dumb twin, whose truth is known from how they were made.
// `swift test -c release --filter SweepLargeTests` prints how long each took.

import History
import Support
import Testing

@testable import Linearizability

@Suite(.serialized) struct SweepLargeTests {
  #if DEBUG
    static let scale = 100
  #else
    static let scale = 1
  #endif

  static let shapes: [(String, Shape)] = [
    (
      "100,000 of 10 clients, 5 values",
      Shape(operations: 100_000, processes: 10, values: 5, unknown: 0)
    ),
    (
      "100,000 of 30 clients, 5 values, no cas",
      Shape(operations: 100_000, processes: 30, values: 5, unknown: 0, reads: 50, writes: 50)
    ),
    (
      "20,000 of 30 clients, 5 values",
      Shape(operations: 20_000, processes: 30, values: 5, unknown: 0)
    ),
    (
      "100,000 of 10 clients, distinct, 5 % unknown",
      Shape(operations: 100_000, processes: 10, values: 0, unknown: 5, differs: false)
    ),
    (
      "2,000 of 5 clients, 5 values, 20 % unknown, no cas",
      Shape(operations: 2_000, processes: 5, values: 5, unknown: 20, reads: 50, writes: 50)
    ),
    (
      "2,000 of 5 clients, 5 values, 2 % unknown",
      Shape(operations: 2_000, processes: 5, values: 5, unknown: 2)
    ),
    (
      "3,000 of 100 clients, 3 values, no cas",
      Shape(operations: 3_000, processes: 100, values: 3, unknown: 0, reads: 50, writes: 50)
    ),
  ]

  static func sweep(_ name: String, _ operations: [Operation]) throws -> Swept {
    let model = CASRegisterModel(initial: .absent)
    let subject = try Subject(model: model, operations: operations)
    var sweep = SweepRun(subject, budget: Budget(Limits(time: .seconds(60), memoryBytes: 2 << 30)))
    let start = ContinuousClock.now
    let outcome = sweep.run()
    let took = (ContinuousClock.now - start).seconds
    print(
      "sweep: \(name): \(sweep.steps) configurations, at most \(sweep.widest) at once, "
        + "\(sweep.eventsDone) of \(sweep.eventCount) events, \(took) s")
    switch outcome {
    case .valid(let order):
      let witness = order.map { operations[$0].invocation }
      #expect(try Witness.flaw(in: witness, of: operations, model: model) == nil)
      return .valid
    case .invalid(let event, _): return .invalid(at: event)
    case .unknown: return .unknown
    }
  }

  @Test(
    "what an atomic register recorded is valid; with an impossible read it is not",
    arguments: shapes.indices)
  func atomic(number: Int) throws {
    let name = Self.shapes[number].0
    var shape = Self.shapes[number].1
    shape.operations /= Self.scale
    var random = SplitMix64(Seed(42))
    var operations = AtomicRegister.history(shape, initial: .absent, using: &random)
    #expect(try Self.sweep(name, operations) == .valid)

    // At nine tenths, one read sees what was there long before, if the verdict changes.
    var place = operations.count * 9 / 10
    while place < operations.count {
      if operations[place].function == "read", operations[place].outcome == .ok,
        let completion = operations[place].completion
      {
        operations[place].result = .integer(1_000_000)
        #expect(try Self.sweep("\(name), invalid", operations) == .invalid(at: completion))
        break
      }
      place += 1
    }
  }

  @Test("one operation that is open all along costs nothing")
  func straggler() throws {
    var random = SplitMix64(Seed(42))
    let shape = Shape(operations: 1_000_000 / Self.scale, processes: 5, values: 5, unknown: 0)
    var operations = AtomicRegister.history(shape, initial: .absent, using: &random)
    let last = operations.map { max($0.invocation, $0.completion ?? 0) }.max() ?? 0
    for place in operations.indices {
      operations[place].invocation += 1
      operations[place].completion? += 1
    }
    var straggler = Operation(
      invocation: Event(
        index: 0, time: 0, process: .client(99), type: .invoke, function: "write", value: 3),
      process: 99)
    straggler.outcome = .ok
    straggler.completion = last + 2
    operations.insert(straggler, at: 0)
    #expect(try Self.sweep("1,000,000 beside a straggler", operations) == .valid)
  }

  @Test("stale reads are found at their completion, or explained", arguments: [10, 30])
  func stale(clients: Int) throws {
    var random = SplitMix64(Seed(42))
    let shape = Shape(
      operations: 100_000 / Self.scale, processes: clients, values: 5, unknown: 0, reads: 60,
      writes: 40)
    let valid = AtomicRegister.history(shape, initial: .absent, using: &random)
    var found = 0
    var tries = 0
    while found == 0, tries < 40 {
      var operations = valid
      let reads = operations.indices.filter {
        $0 > operations.count * 9 / 10 && operations[$0].function == "read"
      }
      guard let place = reads.randomElement(using: &random) else { return }
      operations[place].result = .integer(Int64.random(in: 1...4, using: &random))
      if case .invalid = try Self.sweep("stale, \(clients) clients", operations) { found += 1 }
      tries += 1
    }
    #expect(found == 1)
  }
}
