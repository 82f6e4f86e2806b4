// What is said of histories that are not linearizable.

import History
import Linearizability
import Support
import Testing

@Suite struct CounterexampleTests {
  func counterexample(_ drawing: String, initial: Value = .absent) async throws -> Counterexample {
    try #require(try await Check().run(History(drawing, initial: initial)).counterexample)
  }

  @Test("a stale read is told with the write that hid the value")
  func staleRead() async throws {
    let found = try await counterexample(
      """
      0: [w 1] [w 2]           [w 3]
      1:             [r 1]
      2: [w 4] [r 4]      [r 2] [r 2]
      """)
    #expect(found.anomaly == .staleRead)
    #expect(found.history.map(\.argument) == [1, 2, .absent])
    #expect(found.operations == found.keyOperations)
    #expect(found.isMinimal)
    #expect(
      found.explanation.contains("process 0's write of 2 (index 4) had completed at 13.000 s"),
      "\(found.explanation)")
  }

  @Test(
    "each kind of fault has its name",
    arguments: [
      ("0: [w 1] [r 2]", Anomaly.readFromNowhere),
      ("0: [w 1! [r 1]", .readOfFailedWrite),
      ("0: [r 1] [w 1]", .futureRead),
      ("0: [w 1] [c 1 2]\n1:       [c 1 3]", .lostUpdate),
      ("0: [w 1] [r nil]", .staleRead),
    ])
  func kinds(drawing: String, anomaly: Anomaly) async throws {
    #expect(try await counterexample(drawing).anomaly == anomaly)
  }

  @Test("one operation is spoken of as one")
  func singular() async throws {
    let found = try await counterexample("0: [w 1] [r 2]")
    #expect(found.operations.count == 1)
    #expect(found.explanation.contains("this operation alone contradicts"), "\(found.explanation)")
  }

  @Test("what was added before is counted in, and what is shown in part is said to be")
  func startsAndParts() async throws {
    var counter = History("0: [w 1] [w 2] [r 9]")
    for place in counter.operations.indices where counter.operations[place].function == "write" {
      counter.operations[place].function = "add"
    }
    let sum = try #require(try await Check(model: .counter).run(counter).counterexample)
    #expect(sum.initial == 3 && sum.history.map(\.function) == ["read"])
    var set = History("0: [w 1] [w 2] [r 9]")
    for place in set.operations.indices {
      let isWrite = set.operations[place].function == "write"
      set.operations[place].function = isWrite ? "add" : "read"
      if !isWrite { set.operations[place].result = .list([2]) }
    }
    let read = try #require(try await Check(model: .set).run(set).counterexample)
    #expect(read.history.map(\.function) == ["add", "read"])
    #expect(read.history.last?.result == .list([]))
    #expect(read.abridged == [set.operations[2].invocation])
  }

  @Test(
    "a counterexample of a long history is short, and invalid by itself", arguments: Seed.some(8))
  func long(seed: Seed) async throws {
    var random = SplitMix64(seed)
    let shape = Shape(operations: 2000, processes: 6, values: 0, unknown: 2, reads: 50, writes: 50)
    var operations = AtomicRegister.history(shape, initial: .absent, using: &random)
    let reads = operations.indices.filter {
      operations[$0].function == "read" && operations[$0].outcome == .ok
        && operations[$0].result != .absent
    }
    let (early, late) = (reads[reads.count / 4], reads[reads.count * 3 / 4])
    operations[late].result = operations[early].result
    let history = History(operations: operations, initial: .absent)
    let result = try await Check().run(history)
    let found = try #require(result.counterexample)
    #expect(found.operations.contains(operations[late].invocation))
    #expect(found.operations.count <= 4, "\(found.explanation)")
    #expect(found.anomaly == .staleRead)
    let again = try await Check().run(History(operations: found.history, initial: .absent))
    #expect(again.verdict == .invalid)
  }
}

@Suite struct WitnessTests {
  let history = History(
    """
    0: [w 1] [w 2      ]
    1:         [r 1] [r 2]
    2: [w 3)
    """)

  func flaw(_ order: [Int]) throws -> String? {
    try Witness.flaw(in: order, of: history.operations, model: RegisterModel())
  }

  @Test("the search's witness stands")
  func stands() async throws {
    let witness = try #require(try await Check().run(history).keys[0].witness)
    #expect(try flaw(witness) == nil)
  }

  @Test("orders that prove nothing are refused")
  func refused() throws {
    let indexes = history.operations.map(\.invocation)  // w1, w3, w2, r1, r2
    let (w1, w3, w2, r1, r2) = (indexes[0], indexes[1], indexes[2], indexes[3], indexes[4])
    #expect(try flaw([w1, r1, w2, r2]) == nil)
    #expect(try flaw([w1, r1, w3, w2, r2]) == nil)
    #expect(try flaw([w1, r1, w2]) != nil, "an operation is missing")
    #expect(try flaw([w1, r1, w2, r2, r2]) != nil, "an operation is placed twice")
    #expect(try flaw([w1, w2, r1, r2]) != nil, "the model rejects a read")
    #expect(try flaw([w1, r1, w3, w2, r2, w3]) != nil, "an unknown operation is placed twice")
    #expect(try flaw([w1, r1, w2, r2, 99]) != nil, "an operation is not in the history")
    let sequential = History("0: [w 1] [w 2]")
    let backwards = sequential.operations.map(\.invocation).reversed()
    #expect(
      try Witness.flaw(
        in: Array(backwards), of: sequential.operations, model: RegisterModel()) != nil,
      "real time is not kept")
  }
}
