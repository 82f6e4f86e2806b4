// One key from its operations to its result: decide, then prove what the engine says.

import History

extension Duration {
  var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) / 1e18
  }
}

/// The check of one key.
struct KeyCheck<M: Model>: Sendable {
  let key: String?
  let model: M
  let operations: [Operation]
  let budget: Budget
  /// What deciding may take of it; nil for all.
  let turn: Duration?
  /// Nil for whichever engine fits.
  let engine: Engine?
  let shrinkingTime: Duration

  func run() throws(CheckError) -> KeyResult {
    let start = ContinuousClock.now
    var result = KeyResult(
      key: key, verdict: .unknown, engine: .wingGong, operations: operations.count, steps: 0,
      seconds: 0, shrinkingSeconds: 0)
    let finding = try decide(&result)
    result.seconds = (ContinuousClock.now - start).seconds
    if let finding {
      let begun = ContinuousClock.now
      var shrinker = Shrinker(
        try Subject(model: model, operations: operations), finding: finding,
        budget: budget.part(time: shrinkingTime))
      result.counterexample = try shrinker.run(key: key)
      result.shrinkingSeconds = (ContinuousClock.now - begun).seconds
    }
    return result
  }

  /// Finds the verdict; returns what is known of an `invalid` one beside it.
  private func decide(_ result: inout KeyResult) throws(CheckError) -> Finding? {
    let subject = try Subject(model: model, operations: operations)
    let bytes = subject.bytes
    if let reason = budget.reserve(bytes) {
      result.limit = LimitReached(
        reason: reason, eventsDone: 0, eventsInAll: subject.eventCount)
      return nil
    }
    defer { _ = budget.reserve(-bytes) }
    let part = turn.map { budget.part(time: $0) } ?? budget
    let decision = try Decider(engine: engine, budget: part).decide(subject)
    (result.engine, result.steps) = (decision.engine, decision.steps)
    switch decision.answer {
    case .valid(let order): try prove(order, &result, events: subject.eventCount)
    case .invalid(let finding):
      result.verdict = .invalid
      return finding
    case .unknown(let limit): result.limit = limit
    }
    return nil
  }

  /// No `valid` rests on an engine alone.
  private func prove(
    _ order: [Int], _ result: inout KeyResult, events: Int
  ) throws(CheckError) {
    if let flaw = try Witness.flaw(inPlaces: order, of: operations, model: model) {
      result.limit = LimitReached(
        reason: .checkerFailed("its witness is wrong: \(flaw)"), eventsDone: 0,
        eventsInAll: events)
    } else {
      result.verdict = .valid
      result.witness = order.map { operations[$0].invocation }
    }
  }
}
