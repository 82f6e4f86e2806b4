// One key from its operations to its result: search, then prove what the search says.

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
  let engine: EngineChoice
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
    if engine.allows(.monitor), let verdict = Self.monitor(subject) {
      result.engine = .monitor
      switch verdict {
      case .valid(let order): try prove(order, &result, events: subject.judged.count * 2)
      case .invalid(let core):
        result.verdict = .invalid
        return Finding(core: core)
      }
      return nil
    }
    var search = Search(try subject.fitted(), budget: budget)
    let outcome = search.run()
    result.steps = search.steps
    switch outcome {
    case .valid(let order): try prove(order, &result, events: search.eventCount)
    case .invalid:
      result.verdict = .invalid
      return Finding(reached: search.furthestPlace.flatMap { operations[$0].completion })
    case .unknown(let reason):
      result.limit = LimitReached(
        reason: reason, eventsDone: search.furthest, eventsInAll: search.eventCount)
    }
    return nil
  }

  /// The monitor's verdict, if the model has one that applies.
  static func monitor(_ subject: Subject<M>) -> MonitorVerdict? {
    func ask<N: Monitored>(_ model: N) -> MonitorVerdict? {
      guard let judged = subject.judged as? [Judged<N.Action>] else { return nil }
      return model.monitor(judged)
    }
    guard let monitored = subject.model as? any Monitored else { return nil }
    return ask(monitored)
  }

  /// No `valid` rests on an engine alone.
  private func prove(
    _ order: [Int], _ result: inout KeyResult, events: Int
  ) throws(CheckError) {
    if let flaw = try Witness.flaw(inPlaces: order, of: operations, model: model) {
      result.limit = LimitReached(
        reason: .checkerFailed("its witness is wrong: \(flaw)"), eventsDone: 0, eventsInAll: events)
    } else {
      result.verdict = .valid
      result.witness = order.map { operations[$0].invocation }
    }
  }
}

/// What an engine knows of an invalid history beside the verdict: where shrinking begins.
struct Finding {
  /// Places of operations that are invalid by themselves.
  var core: [Int]?
  /// The completion that no order could be found past.
  var reached: Int?
}
