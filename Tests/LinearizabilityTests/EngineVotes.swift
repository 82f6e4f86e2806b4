// What each engine says of one key, and whether they may all be right.
// Here: asking the engines. Not here: the histories they are asked about.

import History
import Testing

@testable import Linearizability

/// What one engine said of the operations of one key.
enum Vote: Equatable {
  case valid
  /// Invalid; and the first completion that the engine found no order past.
  case invalid(reached: Int?)
  /// A limit was reached.
  case unknown
  /// It does not judge such histories.
  case declined
  /// It called the operations valid in an order that proves nothing.
  case wrong(String)

  init<M: Model>(_ decision: Decision, of operations: [Operation], model: M) throws(CheckError) {
    switch decision.answer {
    case .valid(let order):
      let flaw = try Witness.flaw(inPlaces: order, of: operations, model: model)
      self = flaw.map { .wrong($0) } ?? .valid
    case .invalid(let finding): self = .invalid(reached: finding.reached)
    case .unknown(let limit): self = limit.reason == .noMonitor ? .declined : .unknown
    }
  }

  var verdict: Verdict? {
    switch self {
    case .valid: .valid
    case .invalid: .invalid
    case .unknown, .declined, .wrong: nil
    }
  }
}

/// Asks every engine about the operations of one key.
struct EngineVotes: ModelVisitor {
  let operations: [Operation]
  let limits: Limits

  /// What the engines say of `operations`, by the model of that name.
  static func of(
    _ operations: [Operation], header: Header, limits: Limits
  ) throws -> [Engine: Vote] {
    let name = try #require(header.model.flatMap { ModelName(rawValue: $0) })
    return try name.visit(
      EngineVotes(operations: operations, limits: limits), initial: header.initial,
      capacity: header.capacity)
  }

  func visit<M: Model>(_ model: M) throws(CheckError) -> [Engine: Vote] {
    let subject = try Subject(model: model, operations: operations)
    var votes: [Engine: Vote] = [:]
    for engine in Engine.allCases {
      let decision = try Decider<M>(engine: engine, budget: Budget(limits)).decide(subject)
      votes[engine] = try Vote(decision, of: operations, model: model)
    }
    return votes
  }
}

/// The engines' votes on a whole history.
struct EngineBallot {
  /// By engine: keys that it judged, keys it gave up, keys it does not judge.
  private(set) var answered: [Engine: Int] = [:]
  private(set) var unknown: [Engine: Int] = [:]
  private(set) var declined: [Engine: Int] = [:]

  /// Requires that all engines agree on every key of `history`, and that the history is what it is
  /// known to be.
  mutating func hold(
    on history: History, isValid: Bool, limits: Limits, _ name: String
  ) throws {
    var worst = Verdict.valid
    for (key, operations) in history.operationsByKey {
      let votes = try EngineVotes.of(operations, header: history.header, limits: limits)
      for (engine, vote) in votes {
        switch vote {
        case .valid, .invalid: answered[engine, default: 0] += 1
        case .unknown: unknown[engine, default: 0] += 1
        case .declined: declined[engine, default: 0] += 1
        case .wrong(let flaw): Issue.record("\(name), \(engine): \(flaw)")
        }
      }
      let verdicts = Set(votes.values.compactMap(\.verdict))
      try #require(verdicts.count < 2, "\(name), key \(key ?? "none"): \(votes)")
      worst = worst.combined(with: verdicts.first ?? .unknown)
      if case .invalid(let reached?) = votes[.sweep] {
        let before = try EngineVotes.of(
          operations.cut(after: reached - 1), header: history.header, limits: limits)
        let found = Set(before.values.compactMap(\.verdict))
        try #require(found.isSubset(of: [.valid]), "\(name), before \(reached): \(before)")
      }
    }
    try #require(worst == .unknown || worst == (isValid ? .valid : .invalid), "\(name): \(worst)")
  }

  var summary: String {
    Engine.allCases.map { engine in
      "\(engine.rawValue) \(answered[engine] ?? 0) + \(unknown[engine] ?? 0) unknown"
        + " + \(declined[engine] ?? 0) declined"
    }.joined(separator: ", ")
  }
}
