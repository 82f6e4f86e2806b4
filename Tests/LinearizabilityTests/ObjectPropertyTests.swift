// Models and monitors of locks, counters, lists, keys and transactions against their dumb twins,
// on histories drawn from seeds. `FUZZ=2000000` sets how many in all; `SEED=0x2a` runs one alone.

import FoundationEssentials
import History
import Support
import Testing

@testable import Linearizability

@Suite struct ObjectPropertyTests {
  static let each = 250
  static var blocks: Int {
    let wanted = ProcessInfo.processInfo.environment["FUZZ"].flatMap(Int.init)
    #if DEBUG
      return max(1, (wanted ?? 4_500) / each / ObjectShape.Kind.allCases.count)
    #else
      return max(1, (wanted ?? 45_000) / each / ObjectShape.Kind.allCases.count)
    #endif
  }

  @Test(
    "monitor, search and fitted search agree with trying every order",
    arguments: ObjectShape.Kind.allCases, Seed.some(blocks))
  func agreesWithEveryOrder(kind: ObjectShape.Kind, seed: Seed) throws {
    var random = SplitMix64(seed)
    var tally = Tally()
    for round in 0..<Self.each {
      let (operations, initial) = Self.small(kind, using: &random)
      try Self.judge(operations, kind, initial: initial, "\(kind) \(seed), round \(round)", &tally)
    }
    // A test that sees but one verdict could not fail.
    #expect(tally.valid > Self.each / 10 && tally.valid < Self.each * 19 / 20, "\(kind): \(tally)")
    if [.ownedMutex, .fencedLock, .counter, .list].contains(kind) {
      #expect(tally.monitored > Self.each / 2, "\(kind): \(tally)")
    }
  }

  struct Tally {
    var valid = 0
    var monitored = 0
  }

  /// A small history, spoiled in most cases, and where it starts.
  static func small(
    _ kind: ObjectShape.Kind, using random: inout SplitMix64
  ) -> ([Operation], initial: Value) {
    func pick<Element>(_ elements: [Element]) -> Element {
      elements[Int.random(in: 0..<elements.count, using: &random)]
    }
    let initial: Value =
      switch kind {
      case .mutex: pick([.absent, .boolean(false), .boolean(true)])
      case .ownedMutex: pick([.absent, .boolean(false), 0])
      case .fencedLock: pick([.absent, 3])
      case .semaphore: pick([.absent, 1])
      case .counter: pick([.absent, 5, -2])
      case .list: pick([.absent, .list([]), .list([2])])
      case .key: pick([.absent, .text(""), .text("a")])
      case .registers: pick([.absent, .list([.list([.text("x"), 1])])])
      case .unknownRead: pick([.absent, 1])
      }
    let shape = ObjectShape(
      kind: kind, operations: Int.random(in: 2...7, using: &random),
      processes: Int.random(in: 2...4, using: &random), values: pick([0, 1, 2, 3, 5]),
      unknown: pick([0, 0, 10, 40]), reads: pick([30, 50]), isMixed: Bool.random(using: &random),
      reusesProcesses: Int.random(in: 0..<(kind == .fencedLock ? 3 : 10), using: &random) == 0)
    var operations = AtomicObject.history(shape, initial: initial, using: &random)
    if Int.random(in: 0..<5, using: &random) > 0 { operations.spoil(shape, using: &random) }
    return (operations, initial)
  }

  static func judge(
    _ operations: [Operation], _ kind: ObjectShape.Kind, initial: Value, _ name: String,
    _ tally: inout Tally
  ) throws {
    func agree(_ model: some Model, _ twin: some DumbObject) throws {
      let expected = twin.explains(operations)
      if expected { tally.valid += 1 }
      try Engines.agree(
        model, operations, expected: expected, name: name, monitored: &tally.monitored
      ) { core in
        // What a list's core needs besides is left out of it.
        kind == .list || !twin.explains(core)
      }
    }
    func lock(_ kind: DumbLock.Kind, _ holders: [Int] = [], token: Int64? = nil) -> DumbLock {
      DumbLock(kind: kind, holders: holders, token: token)
    }
    switch kind {
    case .mutex:
      let twin = lock(.ownerless, initial == .boolean(true) ? [-1] : [])
      try agree(try MutexModel(initial: initial), twin)
    case .ownedMutex:
      try agree(
        try OwnedMutexModel(initial: initial), lock(.owned, initial == 0 ? [0] : []))
    case .fencedLock:
      let token: Int64? = initial == 3 ? 3 : nil
      try agree(try FencedLockModel(initial: initial), lock(.fenced, token: token))
    case .semaphore:
      var twin = lock(.ownerless, initial == 1 ? [-1] : [])
      twin.capacity = AtomicObject.capacity
      try agree(
        try SemaphoreModel(initial: initial, capacity: AtomicObject.capacity), twin)
    case .counter:
      let start: Int64 = if case .integer(let number) = initial { number } else { 0 }
      try agree(try CounterModel(initial: initial), DumbCounter(sum: start))
    case .list:
      let start: [Value] = if case .list(let members) = initial { members } else { [] }
      try agree(try AppendListModel(initial: initial), DumbList(members: start))
    case .key: try agree(try KVModel(initial: initial), DumbKey(value: initial))
    case .registers:
      let start: [Value: Value] = initial == .absent ? [:] : [.text("x"): 1]
      try agree(try MultiRegisterModel(initial: initial), DumbRegisters(values: start))
    case .unknownRead:
      try agree(try UnknownReadModel(initial: initial), DumbUnknownRead(value: initial))
    }
  }
}

/// All that can judge a history, one by one.
enum Engines {
  /// Requires that the search, the search of the fitted model and the monitor, if there is one
  /// that applies, find what is `expected`, that every order they give is a witness, and that
  /// the operations which a monitor blames are at fault.
  static func agree<M: Model>(
    _ model: M, _ operations: [Operation], expected: Bool, name: String,
    monitored: inout Int, areAtFault: ([Operation]) -> Bool
  ) throws {
    for (engine, model) in [
      ("search", model), ("fitted search", model.fitted(to: operations) ?? model),
    ] {
      let outcome = try search(model, operations)
      try require(outcome, expected, model, operations, "\(name), \(engine)")
    }
    let fitted = try Subject(model: model, operations: operations).fitted()
    var sweep = SweepRun(fitted, budget: Budget(Limits()))
    let swept: SearchOutcome =
      switch sweep.run() {
      case .valid(let order): .valid(order: order)
      case .invalid: .invalid
      case .unknown(let reason): .unknown(reason)
      }
    try require(swept, expected, model, operations, "\(name), sweep")
    if let monitor = model as? any Monitored,
      try checkMonitor(monitor, operations, expected, name, areAtFault: areAtFault)
    {
      monitored += 1
    }
    // Witnesses are judged by the model as it was.
    if case .valid(let order) = try search(model.fitted(to: operations) ?? model, operations) {
      try #require(try flaw(order, operations, model) == nil, "\(name), fitted witness")
    }
  }

  private static func checkMonitor<M: Monitored>(
    _ model: M, _ operations: [Operation], _ expected: Bool, _ name: String,
    areAtFault: ([Operation]) -> Bool
  ) throws -> Bool {
    let subject = try Subject(model: model, operations: operations)
    guard let verdict = model.monitor(subject.judged) else { return false }
    switch verdict {
    case .valid(let order):
      try #require(expected, "\(name), monitor says valid")
      let flaw = try flaw(order, operations, model)
      try #require(flaw == nil, "\(name), monitor: \(flaw ?? "")")
    case .invalid(let core):
      try #require(!expected, "\(name), monitor says invalid")
      try #require(areAtFault(core.sorted().map { operations[$0] }), "\(name), monitor's core")
    }
    return true
  }

  static func search<M: Model>(
    _ model: M, _ operations: [Operation], limits: Limits = Limits()
  ) throws -> SearchOutcome {
    let subject = try Subject(model: model, operations: operations)
    var search = Search(subject, budget: Budget(limits))
    return search.run()
  }

  private static func require<M: Model>(
    _ outcome: SearchOutcome, _ expected: Bool, _ model: M, _ operations: [Operation],
    _ name: String
  ) throws {
    switch outcome {
    case .valid(let order):
      try #require(expected, "\(name) says valid")
      let flaw = try flaw(order, operations, model)
      try #require(flaw == nil, "\(name): \(flaw ?? "")")
    case .invalid: try #require(!expected, "\(name) says invalid")
    case .unknown(let reason): Issue.record("\(name): \(reason)")
    }
  }

  static func flaw<M: Model>(
    _ order: [Int], _ operations: [Operation], _ model: M
  ) throws -> String? {
    try Witness.flaw(in: order.map { operations[$0].invocation }, of: operations, model: model)
  }
}
