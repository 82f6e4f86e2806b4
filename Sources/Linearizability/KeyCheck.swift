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
  let shrinkingTime: Duration

  func run() throws(CheckError) -> KeyResult {
    let start = ContinuousClock.now
    let subject = try Subject(model: model, operations: operations)
    var search = Search(subject, budget: budget)
    let outcome = search.run()
    var result = KeyResult(
      key: key, verdict: .unknown, operations: operations.count, steps: search.steps, seconds: 0)
    func limit(_ reason: LimitReached.Reason) -> LimitReached {
      LimitReached(reason: reason, eventsDone: search.furthest, eventsInAll: search.eventCount)
    }
    switch outcome {
    case .valid(let order):
      let witness = order.map { operations[$0].invocation }
      // No `valid` rests on the search alone.
      if let flaw = try Witness.flaw(in: witness, of: operations, model: model) {
        result.limit = limit(.checkerFailed("its witness is wrong: \(flaw)"))
      } else {
        (result.verdict, result.witness) = (.valid, witness)
      }
    case .invalid:
      result.verdict = .invalid
      let reached = search.furthestPlace.flatMap { operations[$0].completion }
      var shrinker = Shrinker(
        subject, reached: reached ?? Int.min, budget: budget.part(time: shrinkingTime))
      result.counterexample = try shrinker.run(key: key)
    case .unknown(let reason):
      result.limit = limit(reason)
    }
    result.seconds = (ContinuousClock.now - start).seconds
    return result
  }
}
