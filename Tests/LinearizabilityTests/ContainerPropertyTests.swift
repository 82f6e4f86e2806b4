// Monitors and search of containers and sets against the dumb twin, on histories drawn from seeds.
// `FUZZ=1000000` sets how many of each kind; `SEED=0x2a` runs one block alone.

import FoundationEssentials
import History
import Support
import Testing

@testable import Linearizability

/// What the engines said of one history.
struct ContainerJudgement {
  /// Whether the monitor found an order; nil where it does not apply.
  var monitored: Bool?
  var searched: Bool
  /// What is wrong with a proof, if anything.
  var flaw: String?
  /// The operations that the monitor blames.
  var core: [Operation]?
}

extension ContainerKind {
  func judge(
    _ operations: [Operation], initial: [Value], searching: Bool = true
  ) throws -> ContainerJudgement {
    let initial: Value = initial.isEmpty ? .absent : .list(initial)
    switch self {
    case .queue: return try judge(operations, QueueModel(initial: initial), searching)
    case .stack: return try judge(operations, StackModel(initial: initial), searching)
    case .priorityQueue:
      return try judge(operations, PriorityQueueModel(initial: initial), searching)
    case .set: return try judge(operations, SetModel(initial: initial), searching)
    }
  }

  private func judge<M: Monitored>(
    _ operations: [Operation], _ model: M, _ searching: Bool
  ) throws -> ContainerJudgement {
    let subject = try Subject(model: model, operations: operations)
    var judgement = ContainerJudgement(searched: false)
    func verify(_ order: [Int]) throws {
      let witness = order.map { operations[$0].invocation }
      if let flaw = try Witness.flaw(in: witness, of: operations, model: model) {
        judgement.flaw = flaw
      }
    }
    switch model.monitor(subject.judged) {
    case nil: break
    case .valid(let order)?:
      judgement.monitored = true
      try verify(order)
    case .invalid(let core)?:
      judgement.monitored = false
      judgement.core = Set(core).sorted().map { operations[$0] }
    }
    guard searching else { return judgement }
    var search = Search(subject, budget: Budget(Limits()))
    switch search.run() {
    case .valid(let order):
      judgement.searched = true
      try verify(order)
    case .invalid: break
    case .unknown(let reason): judgement.flaw = "\(reason)"
    }
    var sweep = SweepRun(subject, budget: Budget(Limits()))
    switch sweep.run() {
    case .valid(let order):
      try verify(order)
      if !judgement.searched { judgement.flaw = "the sweep says valid, not so the search" }
    case .invalid:
      if judgement.searched { judgement.flaw = "the sweep says invalid, not so the search" }
    case .unknown(let reason): judgement.flaw = "\(reason)"
    }
    return judgement
  }
}

@Suite struct ContainerPropertyTests {
  static let each = 1000
  static var blocks: Int {
    let wanted = ProcessInfo.processInfo.environment["FUZZ"].flatMap(Int.init)
    #if DEBUG
      return max(1, (wanted ?? 2_000) / each)
    #else
      return max(1, (wanted ?? 15_000) / each)
    #endif
  }

  static let cases = ContainerKind.allCases.flatMap { kind in Seed.some(blocks).map { (kind, $0) } }

  /// A small history of `kind`, spoiled in many cases, and what the container holds at first.
  static func small(
    _ kind: ContainerKind, using random: inout SplitMix64
  ) -> ([Operation], initial: [Value]) {
    let count = Int.random(in: 2...7, using: &random)
    let initial = [0, 0, 1, 2, 3].randomElement(using: &random) ?? 0
    let stride = [1, 1, 1000].randomElement(using: &random) ?? 1
    let values = Int.random(in: 1...4, using: &random)
    if Int.random(in: 0..<3, using: &random) == 0 {
      let operations = [Operation].noise(
        kind, count: count, values: values, initial: initial, stride: stride, using: &random)
      return (operations, (0..<initial).map { .integer(Int64($0 * 7 % 5 + 1)) })
    }
    let inserts = [30, 50, 70].randomElement(using: &random) ?? 50
    let removes = kind == .set ? [0, 0, 20].randomElement(using: &random) ?? 0 : 100 - inserts
    let shape = ContainerShape(
      kind: kind, operations: count, processes: Int.random(in: 2...5, using: &random),
      values: kind == .set ? values : [0, 0, 0, values].randomElement(using: &random) ?? 0,
      unknown: [0, 0, 15, 40].randomElement(using: &random) ?? 0, inserts: inserts,
      removes: removes, reads: [0, 50, 90].randomElement(using: &random) ?? 0,
      empties: Bool.random(using: &random), initial: initial, stride: stride)
    var (operations, held) = AtomicContainer.history(shape, using: &random)
    for _ in 0..<Int.random(in: 0...6, using: &random) { operations.spoil(kind, using: &random) }
    return (operations, held)
  }

  @Test("monitor and search agree with trying every order", arguments: cases)
  func agreesWithEveryOrder(kind: ContainerKind, seed: Seed) throws {
    var random = SplitMix64(seed)
    for round in 0..<Self.each {
      let (operations, initial) = Self.small(kind, using: &random)
      let expected = ContainerOracle.explains(kind, operations, initial: initial)
      let found = try kind.judge(operations, initial: initial)
      let at = "\(kind) \(seed), round \(round)"
      try #require(found.flaw == nil, "\(at): \(found.flaw ?? "")")
      try #require(found.searched == expected, "\(at): the search")
      guard let monitored = found.monitored else { continue }
      try #require(monitored == expected, "\(at): the monitor")
      guard let core = found.core else { continue }
      try #require(!ContainerOracle.explains(kind, core, initial: initial), "\(at): the core")
    }
  }

  @Test("of the small histories many are valid, many not, and most are for the monitor")
  func mixIsEven() throws {
    for kind in ContainerKind.allCases {
      var random = SplitMix64(Seed(7))
      var (valid, monitored, both) = (0, 0, 0)
      for _ in 0..<4000 {
        let (operations, initial) = Self.small(kind, using: &random)
        let isValid = ContainerOracle.explains(kind, operations, initial: initial)
        let applies = try kind.judge(operations, initial: initial, searching: false).monitored
        if isValid { valid += 1 }
        if applies != nil { monitored += 1 }
        if isValid, applies != nil { both += 1 }
      }
      print("\(kind): of 4000, \(valid) valid, \(monitored) for the monitor, \(both) both")
      #expect((1000...3000).contains(valid), "\(kind): \(valid) of 4000 valid")
      #expect(monitored > 2000, "\(kind): \(monitored) of 4000 for the monitor")
    }
  }
}
