// Containers and sets too large for the dumb twin, whose truth is known from how they were made.
// `swift test -c release --filter LargeContainerTests` prints how long each took.

import History
import Support
import Testing

@testable import Linearizability

@Suite(.serialized) struct LargeContainerTests {
  #if DEBUG
    static let scale = 50
  #else
    static let scale = 1
  #endif

  /// Function, argument and result of one operation.
  typealias Script = (String, Value, Value)

  static func shape(
    _ kind: ContainerKind, _ operations: Int, values: Int = 0, unknown: Int = 0,
    inserts: Int = 50, removes: Int = 50, reads: Int = 0, empties: Bool = false, initial: Int = 0
  ) -> ContainerShape {
    ContainerShape(
      kind: kind, operations: operations, processes: 10, values: values, unknown: unknown,
      inserts: inserts, removes: removes, reads: reads, empties: empties, initial: initial)
  }

  static let shapes: [(String, ContainerShape)] = [
    ("queue 3,000, 2 % unknown", shape(.queue, 3_000, unknown: 2)),
    ("queue 3,000, 2 % unknown, empties", shape(.queue, 3_000, unknown: 2, empties: true)),
    ("queue 100,000, empties, 5 initial", shape(.queue, 100_000, empties: true, initial: 5)),
    ("queue 1,000,000", shape(.queue, 1_000_000, unknown: 1)),
    ("queue 1,000,000, long", shape(.queue, 1_000_000, inserts: 60, removes: 40)),
    ("stack 10,000", shape(.stack, 10_000)),
    ("stack 10,000, empties", shape(.stack, 10_000, empties: true, initial: 3)),
    ("stack 10,000, deep", shape(.stack, 10_000, inserts: 80, removes: 20)),
    ("stack 3,000, 2 % unknown", shape(.stack, 3_000, unknown: 2)),
    ("stack 3,000, 2 % unknown, empties", shape(.stack, 3_000, unknown: 2, empties: true)),
    ("stack 10,000, 5 % unknown", shape(.stack, 10_000, unknown: 5)),
    ("priority queue 3,000, 2 % unknown", shape(.priorityQueue, 3_000, unknown: 2)),
    (
      "priority queue 10,000, 5 % unknown", shape(.priorityQueue, 10_000, unknown: 5, empties: true)
    ),
    ("stack 1,000,000", shape(.stack, 1_000_000, empties: true)),
    ("priority queue 10,000", shape(.priorityQueue, 10_000, empties: true)),
    (
      "priority queue 300,000",
      shape(.priorityQueue, 300_000, inserts: 55, removes: 45, initial: 5)
    ),
    (
      "set 100,000, 1,000 elements, 2 % unknown",
      shape(.set, 100_000, values: 1000, unknown: 2, inserts: 30, removes: 20)
    ),
    (
      "set 100,000, 1 element, 1 % unknown",
      shape(.set, 100_000, values: 1, unknown: 1, inserts: 30, removes: 20)
    ),
    (
      "set 1,000,000, each added once",
      shape(.set, 1_000_000, unknown: 1, inserts: 40, removes: 0)
    ),
    (
      "set 10,000 adds, 300 reads, 2 % unknown",
      shape(.set, 10_300, unknown: 2, inserts: 97, removes: 0, reads: 100)
    ),
  ]

  @Test("what an atomic container recorded is valid", arguments: shapes.indices)
  func atomic(number: Int) throws {
    var (name, shape) = Self.shapes[number]
    shape.operations /= Self.scale
    var random = SplitMix64(Seed(UInt64(number)))
    let (operations, initial) = AtomicContainer.history(shape, using: &random)
    let start = ContinuousClock.now
    let found = try shape.kind.judge(operations, initial: initial, searching: false)
    print("valid: \(name): \(ContinuousClock.now - start) with its witness verified")
    #expect(found.flaw == nil)
    #expect(found.monitored == true)
  }

  @Test("what it could not have answered is invalid", arguments: shapes.indices)
  func planted(number: Int) throws {
    var (name, shape) = Self.shapes[number]
    shape.operations /= Self.scale
    var random = SplitMix64(Seed(UInt64(number)))
    var (operations, initial) = AtomicContainer.history(shape, using: &random)
    // Long after all others, one after the other; all new values are smaller than the old.
    let last = operations.map { max($0.invocation, $0.completion ?? 0) }.max() ?? 0
    let puts: [Script] = [(shape.kind.insert, -2, .absent), (shape.kind.insert, -1, .absent)]
    let script: [Script] =
      switch shape.kind {
      case .set: [("add", -1, -1), ("contains", -1, .list([-1, .boolean(false)]))]
      case .queue: puts + [("dequeue", .absent, -1), ("dequeue", .absent, -2)]
      case .stack: puts + [("pop", .absent, -2), ("pop", .absent, -1)]
      case .priorityQueue: puts + [("delete-min", .absent, -1), ("delete-min", .absent, -2)]
      }
    for (step, (function, argument, result)) in script.enumerated() {
      var operation = Operation(
        invocation: Event(
          index: last + 1 + 2 * step, time: 0, process: .client(-1), type: .invoke,
          function: function, value: argument), process: -1)
      operation.result = result
      operation.outcome = .ok
      operation.completion = last + 2 + 2 * step
      operations.append(operation)
    }
    let start = ContinuousClock.now
    let found = try shape.kind.judge(operations, initial: initial, searching: false)
    print(
      "planted: \(name): \(ContinuousClock.now - start), core \(found.core?.count ?? 0)")
    #expect(found.monitored == false)
  }
}
