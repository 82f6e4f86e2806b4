// Histories that no engine decides in the time that a test has: to see limits kept.

import History
import Support

@testable import Linearizability

enum HardHistory: String, CaseIterable, Codable {
  /// Many compare-and-sets of unknown outcome and observations by inequality, nothing explained.
  case register
  /// Two values that are put in again and again by many clients, and crashes.
  case queue
  /// As `queue`, last in, first out.
  case stack
  /// Transactions of many clients over eight registers, with crashes.
  case transactions
  /// Reads of whole sets, additions and removals of few elements, and crashes.
  case set
  /// Texts that are put and appended to by many clients.
  case texts
  /// Two hundred clients at once.
  case wide

  var history: History {
    get throws {
      if self == .register { return LimitTests.hard }
      var shape = GenerationShape(model: model)
      (shape.operations, shape.concurrency, shape.values, shape.info) = (3000, 40, 2, 5)
      shape.seed = 5
      switch self {
      case .register, .queue, .stack, .texts: break
      case .transactions: (shape.keys, shape.values) = (8, 4)
      case .set: (shape.snapshots, shape.values, shape.keys) = (60, 12, 1)
      case .wide: (shape.concurrency, shape.values, shape.operations) = (200, 3, 2000)
      }
      let whole = try HistoryGenerator(shape).collected().history
      var spoiled = whole
      // One observation near the end that nothing explains, and that no engine foresees.
      for place in spoiled.operations.indices.reversed().dropFirst(200)
      where spoiled.operations[place].outcome == .ok {
        let other = spoiled.operations[place - 150]
        guard other.function == spoiled.operations[place].function, other.outcome == .ok,
          other.argument == spoiled.operations[place].argument || model == .multiRegister,
          other.result != spoiled.operations[place].result
        else { continue }
        if model == .multiRegister { spoiled.operations[place].argument = other.argument }
        spoiled.operations[place].result = other.result
        break
      }
      return spoiled
    }
  }

  private var model: ModelName {
    switch self {
    case .register, .wide: .casRegister
    case .queue: .queue
    case .stack: .stack
    case .transactions: .multiRegister
    case .set: .set
    case .texts: .kv
    }
  }
}
