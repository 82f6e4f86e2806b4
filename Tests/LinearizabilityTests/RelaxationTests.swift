// Relaxations keep every linearizable history linearizable, and counterexamples are as small as
// they make them. `FUZZ=2000000` sets how many histories in all; `SEED=0x2a` runs one block alone.

import FoundationEssentials
import History
import Support
import Testing

@testable import Linearizability

/// What small histories of one object are drawn by, and the dumb twin that knows the truth.
enum RelaxedObject: CaseIterable, CustomTestStringConvertible {
  case register, mutex, ownedMutex, fencedLock, semaphore, counter, list, key, registers
  case unknownRead, queue, stack, priorityQueue, set

  var testDescription: String { "\(self)" }

  private var objectKind: ObjectShape.Kind? {
    switch self {
    case .mutex: .mutex
    case .ownedMutex: .ownedMutex
    case .fencedLock: .fencedLock
    case .semaphore: .semaphore
    case .counter: .counter
    case .list: .list
    case .key: .key
    case .registers: .registers
    case .unknownRead: .unknownRead
    case .register, .queue, .stack, .priorityQueue, .set: nil
    }
  }

  private var containerKind: ContainerKind? {
    switch self {
    case .queue: .queue
    case .stack: .stack
    case .priorityQueue: .priorityQueue
    case .set: .set
    case .register, .mutex, .ownedMutex, .fencedLock, .semaphore, .counter, .list, .key, .registers,
      .unknownRead:
      nil
    }
  }

  /// A small history of it, handed to `visitor`.
  func draw(using random: inout SplitMix64, for visitor: inout some RelaxationVisitor) throws {
    if let kind = containerKind {
      let (operations, held) = ContainerPropertyTests.small(kind, using: &random)
      let initial: Value = held.isEmpty ? .absent : .list(held)
      let twin = { (operations: [Operation], moved: Value?) in
        ContainerOracle.explains(kind, operations, initial: held)
      }
      switch kind {
      case .queue: try visitor.visit(QueueModel(initial: initial), operations, twin)
      case .stack: try visitor.visit(StackModel(initial: initial), operations, twin)
      case .priorityQueue: try visitor.visit(PriorityQueueModel(initial: initial), operations, twin)
      case .set: try visitor.visit(SetModel(initial: initial), operations, twin)
      }
    } else if let kind = objectKind {
      let (operations, initial) = ObjectPropertyTests.small(kind, using: &random)
      try draw(kind, operations, initial: initial, for: &visitor)
    } else {
      let (operations, initial) = SearchPropertyTests.small(using: &random)
      try visitor.visit(CASRegisterModel(initial: initial), operations) { operations, _ in
        EveryOrder.explains(operations, initial: initial)
      }
    }
  }

  private func draw(
    _ kind: ObjectShape.Kind, _ operations: [Operation], initial: Value,
    for visitor: inout some RelaxationVisitor
  ) throws {
    /// Who holds it where it starts.
    func holders(_ moved: Value?) -> [Int] {
      switch moved ?? initial {
      case .boolean(true): [-1]
      case .integer(let count): Array(repeating: -1, count: Int(count))
      case .absent, .boolean(false), .text, .list: []
      }
    }
    switch kind {
    case .mutex:
      try visitor.visit(MutexModel(initial: initial), operations) {
        DumbLock(kind: .ownerless, holders: holders($1)).explains($0)
      }
    case .semaphore:
      let capacity = AtomicObject.capacity
      try visitor.visit(SemaphoreModel(initial: initial, capacity: capacity), operations) {
        DumbLock(kind: .ownerless, capacity: capacity, holders: holders($1)).explains($0)
      }
    case .ownedMutex:
      try visitor.visit(OwnedMutexModel(initial: initial), operations) { operations, _ in
        DumbLock(kind: .owned, holders: initial == 0 ? [0] : []).explains(operations)
      }
    case .fencedLock:
      try visitor.visit(FencedLockModel(initial: initial), operations) { operations, _ in
        DumbLock(kind: .fenced, token: initial == 3 ? 3 : nil).explains(operations)
      }
    case .counter:
      try visitor.visit(CounterModel(initial: initial), operations) { operations, moved in
        guard case .integer(let sum) = moved ?? initial else {
          return DumbCounter(sum: 0).explains(operations)
        }
        return DumbCounter(sum: sum).explains(operations)
      }
    case .list:
      let start: [Value] = if case .list(let members) = initial { members } else { [] }
      try visitor.visit(AppendListModel(initial: initial), operations) { operations, _ in
        DumbList(members: start).explains(operations)
      }
    case .key:
      try visitor.visit(KVModel(initial: initial), operations) { operations, _ in
        DumbKey(value: initial).explains(operations)
      }
    case .registers:
      let start: [Value: Value] = initial == .absent ? [:] : [.text("x"): 1]
      try visitor.visit(MultiRegisterModel(initial: initial), operations) { operations, _ in
        DumbRegisters(values: start).explains(operations)
      }
    case .unknownRead:
      try visitor.visit(UnknownReadModel(initial: initial), operations) { operations, _ in
        DumbUnknownRead(value: initial).explains(operations)
      }
    }
  }
}

protocol RelaxationVisitor {
  /// - Parameter twin: whether some order explains operations, started elsewhere if that is given.
  mutating func visit<M: Model>(
    _ model: M, _ operations: [Operation], _ twin: ([Operation], Value?) -> Bool) throws
}

@Suite struct RelaxationTests {
  static let each = 250
  static var blocks: Int {
    let wanted = ProcessInfo.processInfo.environment["FUZZ"].flatMap(Int.init)
    return max(1, (wanted ?? 11_000) / each / RelaxedObject.allCases.count)
  }

  @Test(
    "whatever is relaxed, a valid history stays valid",
    arguments: RelaxedObject.allCases, Seed.some(blocks))
  func keepsValid(object: RelaxedObject, seed: Seed) throws {
    var random = SplitMix64(seed)
    var judge = SoundnessJudge(name: "\(object) \(seed)", random: SplitMix64(Seed(seed.number + 1)))
    for _ in 0..<Self.each { try object.draw(using: &random, for: &judge) }
    // A test that sees nothing relaxed could not fail.
    #expect(judge.relaxed > Self.each / 4, "\(object): \(judge.relaxed)")
  }

  @Test(
    "a counterexample is invalid, and valid after any one relaxation more",
    arguments: RelaxedObject.allCases, Seed.some(max(1, blocks / 3)))
  func isMinimal(object: RelaxedObject, seed: Seed) throws {
    var random = SplitMix64(seed)
    var judge = MinimalityJudge(name: "\(object) \(seed)")
    for _ in 0..<Self.each { try object.draw(using: &random, for: &judge) }
    #expect(judge.shrunk > Self.each / 20, "\(object): \(judge.shrunk)")
  }
}

/// Relaxes valid histories in all ways, and again what came of it.
private struct SoundnessJudge: RelaxationVisitor {
  let name: String
  var random: SplitMix64
  var relaxed = 0

  mutating func visit<M: Model>(
    _ model: M, _ operations: [Operation], _ twin: ([Operation], Value?) -> Bool
  ) throws {
    guard twin(operations, nil) else { return }
    var subject = try Subject(model: model, operations: operations)
    var initial: Value?
    for _ in 0..<3 {
      var last: Relaxed?
      for next in steps(from: subject) {
        let found = try subject.relaxed(to: next)
        let start = next.initial ?? initial
        relaxed += 1
        try #require(
          twin(found.operations, start),
          "\(name): \(operations) to \(found.operations) from \(start.map { "\($0)" } ?? "there")")
        if last == nil || Bool.random(using: &random) { last = next }
      }
      guard let last else { return }
      subject = try subject.relaxed(to: last)
      initial = last.initial ?? initial
    }
  }

  private mutating func steps<M: Model>(from subject: Subject<M>) -> [Relaxed] {
    var steps: [Relaxed?] = []
    for relaxation in subject.relaxations() {
      for start in 0..<relaxation.count {
        for end in start + 1...relaxation.count { steps.append(relaxation.relaxing(start..<end)) }
      }
      for _ in 0..<3 {
        let wanted = subject.operations.filter { _ in Bool.random(using: &random) }
        steps.append(relaxation.keeping(Set(wanted.map(\.invocation))))
      }
    }
    for completion in subject.judged.compactMap(\.completion) {
      steps.append(Relaxed(operations: subject.prefix(until: completion)))
    }
    return steps.compactMap { $0 }
  }
}

/// Shrinks invalid histories, and tries to make them smaller yet.
private struct MinimalityJudge: RelaxationVisitor {
  let name: String
  var shrunk = 0

  mutating func visit<M: Model>(
    _ model: M, _ operations: [Operation], _ twin: ([Operation], Value?) -> Bool
  ) throws {
    guard !twin(operations, nil) else { return }
    let subject = try Subject(model: model, operations: operations)
    let budget = Budget(Limits())
    guard
      case .invalid(let finding) = try Decider(engine: nil, budget: budget).decide(subject)
        .answer
    else {
      Issue.record("\(name): not found invalid: \(operations)")
      return
    }
    var shrinker = Shrinker(subject, finding: finding, budget: budget)
    let found = try shrinker.run(key: nil)
    shrunk += 1
    try #require(found.isMinimal, "\(name)")
    try #require(!twin(found.history, found.initial), "\(name): \(found.history)")
    let left = try subject.relaxed(to: Relaxed(operations: found.history, initial: found.initial))
    var further = left.relaxations().flatMap { relaxation in
      (0..<relaxation.count).map { relaxation.relaxing($0..<$0 + 1) }
    }
    for completion in left.judged.compactMap(\.completion).sorted().dropLast() {
      further.append(Relaxed(operations: left.prefix(until: completion)))
    }
    for next in further.compactMap({ $0 }) {
      let smaller = try left.relaxed(to: next)
      try #require(
        twin(smaller.operations, next.initial ?? found.initial),
        "\(name): \(found.history) could be \(smaller.operations)")
    }
  }
}
