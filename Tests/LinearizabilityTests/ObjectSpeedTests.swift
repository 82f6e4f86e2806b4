// Histories of locks, counters, lists, keys and transactions too large for the dumb twins.
// `swift test -c release --filter ObjectSpeedTests` prints how long each engine took.

import FoundationEssentials
import History
import Support
import Testing

@testable import Linearizability

@Suite(.serialized) struct ObjectSpeedTests {
  #if DEBUG
    static let scale = 20
  #else
    static let scale = 1
  #endif

  static let shapes: [(String, ObjectShape)] = [
    ("counter 3,000 x 8, 1 to 5", .counter(3_000, 8, values: 5, isMixed: false)),
    ("counter 3,000 x 12, 1 to 5", .counter(3_000, 12, values: 5, isMixed: false)),
    ("counter 3,000 x 12, +1", .counter(3_000, 12, values: 1, isMixed: false)),
    ("counter 3,000 x 12, -5 to 5", .counter(3_000, 12, values: 5, isMixed: true)),
    ("counter 3,000 x 12, 1 to 100", .counter(3_000, 12, values: 100, isMixed: false)),
    ("counter 3,000 x 8, -100 to 100", .counter(3_000, 8, values: 100, isMixed: true)),
    ("counter 30,000 x 8, 1 to 5", .counter(30_000, 8, values: 5, isMixed: false)),
    ("counter 3,000 x 30, 1 to 5", .counter(3_000, 30, values: 5, isMixed: false)),
    ("counter 3,000 x 30, -5 to 5", .counter(3_000, 30, values: 5, isMixed: true)),
    ("counter 1,000 x 20, -100 to 100", .counter(1_000, 20, values: 100, isMixed: true)),
    (
      "counter 3,000 x 8, +1, 5 % info",
      .counter(3_000, 8, values: 1, isMixed: false, unknown: 5)
    ),
    (
      "counter 3,000 x 8, 1 to 5, 5 % info",
      .counter(3_000, 8, values: 5, isMixed: false, unknown: 5)
    ),
    ("list 1,500 x 12", .list(1_500, 12, values: 0, unknown: 2)),
    ("list 4,000 x 50", .list(4_000, 50, values: 0, unknown: 2)),
    ("list 4,000 x 50, 100 values", .list(4_000, 50, values: 100, unknown: 0)),
    ("list 1,500 x 12, 100 values", .list(1_500, 12, values: 100, unknown: 2)),
    ("key 1,000 x 8, appends", .key(1_000, 8, isMixed: false, unknown: 0)),
    ("key 1,000 x 12, puts too", .key(1_000, 12, isMixed: true, unknown: 0)),
    ("key 4,000 x 50, appends", .key(4_000, 50, isMixed: false, unknown: 0)),
    ("key 1,000 x 12, appends, info", .key(1_000, 12, isMixed: false, unknown: 2)),
    ("key 1,000 x 12, puts, info", .key(1_000, 12, isMixed: true, unknown: 2)),
    ("owned mutex 100,000 x 10", .lock(.ownedMutex, 100_000, 10)),
    ("fenced lock 100,000 x 10", .lock(.fencedLock, 100_000, 10)),
    ("mutex 10,000 x 10", .lock(.mutex, 10_000, 10)),
    ("semaphore 10,000 x 10", .lock(.semaphore, 10_000, 10)),
    ("registers 5,000 x 10", .registers(5_000, 10, unknown: 1)),
  ]

  @Test("what an atomic object recorded is valid", arguments: shapes.indices)
  func atomic(number: Int) throws {
    let (name, operations, kind) = Self.history(number)
    try Self.time(name, operations, kind, isValid: true)
  }

  @Test("a late read of what was never there is invalid", arguments: shapes.indices)
  func planted(number: Int) throws {
    var (name, operations, kind) = Self.history(number)
    let end = operations.count * 9 / 10
    let late = operations.indices.first {
      $0 >= end && operations[$0].outcome == .ok && operations[$0].result != .absent
    }
    guard let late else { return }  // locks say nothing
    let early = operations.indices.first {
      $0 >= end / 2 && operations[$0].function == operations[late].function
        && operations[$0].outcome == .ok && operations[$0].result != .absent
    }
    switch operations[late].result {
    case .integer(let sum) where kind == .counter: operations[late].result = .integer(sum - 1)
    default: operations[late].result = operations[try #require(early)].result
    }
    guard kind != .registers else { return }  // a stale read may be right again
    try Self.time("stale " + name, operations, kind, isValid: kind == .counter ? nil : false)
  }

  static func history(_ number: Int) -> (String, [Operation], ObjectShape.Kind) {
    let name = shapes[number].0
    var shape = shapes[number].1
    shape.operations /= scale
    var random = SplitMix64(Seed(UInt64(number)))
    var operations = AtomicObject.history(shape, initial: .absent, using: &random)
    if shape.kind == .counter {
      // Ten adds, spread over the history, of which nobody knows whether they happened.
      let adds = operations.indices.filter { operations[$0].function == "add" }
      for nth in 0..<10 {
        let place = adds[adds.count * nth / 10]
        operations[place].outcome = .info
        operations[place].completion = nil
      }
    }
    return (name, operations, shape.kind)
  }

  static func time(
    _ name: String, _ operations: [Operation], _ kind: ObjectShape.Kind, isValid: Bool?
  ) throws {
    func run(_ model: some Model) throws { try time(name, operations, model, isValid: isValid) }
    switch kind {
    case .mutex: try run(try MutexModel())
    case .ownedMutex: try run(try OwnedMutexModel())
    case .fencedLock: try run(try FencedLockModel())
    case .semaphore: try run(try SemaphoreModel(capacity: AtomicObject.capacity))
    case .counter: try run(try CounterModel())
    case .list: try run(try AppendListModel())
    case .key: try run(try KVModel())
    case .registers: try run(try MultiRegisterModel())
    case .unknownRead: try run(try UnknownReadModel())
    }
  }

  static func time(
    _ name: String, _ operations: [Operation], _ model: some Model, isValid: Bool?
  ) throws {
    var lines: [String] = []
    if let monitor = model as? any Monitored {
      let start = ContinuousClock.now
      if let verdict = try judge(monitor, operations, name) {
        #expect(isValid == nil || verdict == isValid, "\(name)")
        lines.append("monitor \(verdict) \((ContinuousClock.now - start).seconds * 1000) ms")
      } else {
        lines.append("no monitor \((ContinuousClock.now - start).seconds * 1000) ms")
      }
    }
    let start = ContinuousClock.now
    let limits = Limits(time: .seconds(5), memoryBytes: 1 << 30)
    let outcome = try Engines.search(
      model.fitted(to: operations) ?? model, operations, limits: limits)
    let time = (ContinuousClock.now - start).seconds * 1000
    switch outcome {
    case .valid(let order):
      let start = ContinuousClock.now
      let flaw = try Engines.flaw(order, operations, model)
      #expect(flaw == nil && isValid != false, "\(name): \(flaw ?? "")")
      let witness = (ContinuousClock.now - start).seconds * 1000
      lines.append("search valid \(time) ms, witness \(witness) ms")
    case .invalid:
      #expect(isValid != true, "\(name)")
      lines.append("search invalid \(time) ms")
    case .unknown(let reason): lines.append("search gave up: \(reason)")
    }
    print("objects: \(name): \(lines.joined(separator: "; "))")
  }

  private static func judge<M: Monitored>(
    _ model: M, _ operations: [Operation], _ name: String
  ) throws -> Bool? {
    let subject = try Subject(model: model, operations: operations)
    switch model.monitor(subject.judged) {
    case .valid(let order):
      #expect(try Engines.flaw(order, operations, model) == nil, "\(name)")
      return true
    case .invalid: return false
    case nil: return nil
    }
  }
}

extension ObjectShape {
  static func counter(
    _ operations: Int, _ processes: Int, values: Int, isMixed: Bool, unknown: Int = 0
  ) -> ObjectShape {
    ObjectShape(
      kind: .counter, operations: operations, processes: processes, values: values,
      unknown: unknown,
      isMixed: isMixed)
  }

  static func list(
    _ operations: Int, _ processes: Int, values: Int, unknown: Int
  ) -> ObjectShape {
    ObjectShape(
      kind: .list, operations: operations, processes: processes, values: values, unknown: unknown)
  }

  static func key(
    _ operations: Int, _ processes: Int, isMixed: Bool, unknown: Int
  ) -> ObjectShape {
    ObjectShape(
      kind: .key, operations: operations, processes: processes, values: 0, unknown: unknown,
      isMixed: isMixed)
  }

  static func lock(_ kind: Kind, _ operations: Int, _ processes: Int) -> ObjectShape {
    ObjectShape(
      kind: kind, operations: operations, processes: processes, values: 0, unknown: 0)
  }

  static func registers(_ operations: Int, _ processes: Int, unknown: Int) -> ObjectShape {
    ObjectShape(
      kind: .registers, operations: operations, processes: processes, values: 5, unknown: unknown)
  }
}
