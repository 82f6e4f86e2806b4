// One key's verdict: which engine is asked first, and what comes after it.
// Here: the order of the engines. Not here: proofs (KeyCheck.swift), counterexamples.
//
// A monitor, where one applies, answers in nearly linear time. Else the search is fastest on
// what is valid and on what is plainly not; where it gets lost, the sweep, which sees all rivals
// of a configuration at once, may not. Neither wins alone, so they take turns, each turn longer
// than the last: that costs a small factor over whichever would have been right.

import History

/// What an engine knows of an invalid history beside the verdict: where shrinking begins.
struct Finding {
  /// Places of operations that are invalid by themselves.
  var core: [Int]?
  /// A completion that no order was found past; it may well be that one exists.
  var reached: Int?
}

/// What became of a key.
struct Decision {
  enum Answer {
    /// Places in the order in which they take effect.
    case valid(order: [Int])
    case invalid(Finding)
    case unknown(LimitReached)
  }

  var answer: Answer
  var engine: Engine
  var steps = 0
}

/// Asks the engines about one key.
struct Decider<M: Model> {
  /// Steps that the search takes before the sweep is tried, besides some an operation: about a
  /// millisecond. What the search gets lost in the sweep often answers faster than that.
  private static var firstSteps: Int { 5_000 }

  let engine: Engine?
  let budget: Budget

  func decide(_ subject: Subject<M>) throws(CheckError) -> Decision {
    if engine == nil || engine == .monitor {
      if let verdict = Self.monitor(subject) {
        switch verdict {
        case .valid(let order): return Decision(answer: .valid(order: order), engine: .monitor)
        case .invalid(let core):
          return Decision(answer: .invalid(Finding(core: core)), engine: .monitor)
        }
      }
      if engine == .monitor {
        let limit = LimitReached(
          reason: .noMonitor, eventsDone: 0, eventsInAll: subject.eventCount)
        return Decision(answer: .unknown(limit), engine: .monitor)
      }
    }
    let fitted = try subject.fitted()
    var turns = Turns(fitted, budget: budget)
    switch engine {
    case .sweep: return turns.sweep()
    case .wingGong: return turns.search()
    case .monitor, nil: return turns.alternate()
    }
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

  /// The two general engines on one subject.
  private struct Turns {
    private let subject: Subject<M>
    private let budget: Budget
    private var steps = 0

    init(_ subject: Subject<M>, budget: Budget) {
      self.subject = subject
      self.budget = budget
    }

    func search() -> Decision {
      guard let missing else {
        var search = Search(subject, budget: budget)
        return decision(search.run(), of: search)
      }
      return missing
    }

    func sweep() -> Decision {
      var run = SweepRun(subject, budget: budget)
      return decision(run.run(), of: run)
    }

    /// What to say when there is no memory even to lay out a search.
    private var missing: Decision? {
      let bytes = subject.eventCount * 64
      let reason = budget.reserve(bytes)
      guard let reason else {
        _ = budget.reserve(-bytes)
        return nil
      }
      let limit = LimitReached(reason: reason, eventsDone: 0, eventsInAll: subject.eventCount)
      return Decision(answer: .unknown(limit), engine: .wingGong)
    }

    mutating func alternate() -> Decision {
      if let missing { return missing }
      let clock = ContinuousClock()
      var lastStart = clock.now
      // Optional: dropped, its tables make room for the sweep.
      var search: Search<M>? = Search(subject, budget: budget)
      /// What was reached before the memory was full; the engine that gets it all comes last.
      var short: Decision?
      var isSweepShort = false
      /// What the search has taken, and the sweep gets at every turn, in which it begins anew.
      var searching = Duration.zero
      // A long valid history takes some steps an operation, and is not lost for that.
      var last = firstSteps + 8 * subject.judged.count
      while true {
        if let outcome = search?.run(until: last), let ended = search {
          let found = decision(outcome, of: ended)
          guard found.isLostForMemory else { return found }
          short = found.further(than: short)
          steps = ended.steps
          search = nil
        }
        // Short of memory beside the search, it is tried again when that has given up its own.
        if search == nil || !isSweepShort {
          searching += clock.now - lastStart
          let part = search == nil ? budget : budget.part(time: searching)
          var run = SweepRun(subject, budget: part)
          var found = decision(run.run(), of: run)
          found.steps += steps + (search?.steps ?? 0)
          let isOver = search == nil || budget.exceeded() != nil
          switch found.limit?.reason {
          case .memory where !isOver:
            isSweepShort = true
            short = found.further(than: short)
          case .time where !isOver: break
          case nil, .time, .memory, .interrupted, .checkerFailed, .noMonitor:
            search?.abandon()
            return found.further(than: short)
          }
        }
        guard let going = search else { preconditionFailure("the sweep is asked last") }
        last = isSweepShort ? Int.max : max(last * 2, going.steps * 2)
        lastStart = clock.now
      }
    }

    private var firstSteps: Int { Decider.firstSteps }

    private func decision(_ outcome: SearchOutcome, of search: Search<M>) -> Decision {
      let answer: Decision.Answer
      switch outcome {
      case .valid(let order): answer = .valid(order: order)
      case .invalid:
        let completion = search.furthestPlace.flatMap { subject.operations[$0].completion }
        answer = .invalid(Finding(reached: completion))
      case .unknown(let reason):
        answer = .unknown(
          LimitReached(
            reason: reason, eventsDone: search.furthest, eventsInAll: search.eventCount))
      }
      return Decision(answer: answer, engine: .wingGong, steps: search.steps)
    }

    private func decision(_ outcome: SweepOutcome, of run: SweepRun<M>) -> Decision {
      let answer: Decision.Answer
      switch outcome {
      case .valid(let order): answer = .valid(order: order)
      // No more than a place to begin at: what was open there had its outcome, which the history
      // up to there does not know, and a fitted model rejects what is ruled out only later.
      case .invalid(let end, _): answer = .invalid(Finding(reached: end))
      case .unknown(let reason):
        answer = .unknown(
          LimitReached(
            reason: reason, eventsDone: run.eventsDone, eventsInAll: run.eventCount))
      }
      return Decision(answer: answer, engine: .sweep, steps: run.steps)
    }
  }
}

extension Decision {
  fileprivate var limit: LimitReached? {
    guard case .unknown(let limit) = answer else { return nil }
    return limit
  }

  fileprivate var isLostForMemory: Bool {
    guard case .memory = limit?.reason else { return false }
    return true
  }

  /// Itself, unless it gave up before `other` did: then that, for the same reason.
  fileprivate func further(than other: Decision?) -> Decision {
    guard let other, let limit, let otherLimit = other.limit,
      otherLimit.eventsDone * max(1, limit.eventsInAll)
        > limit.eventsDone * max(1, otherLimit.eventsInAll)
    else { return self }
    var further = other
    further.steps = max(steps, other.steps)
    further.answer = .unknown(
      LimitReached(
        reason: limit.reason, eventsDone: otherLimit.eventsDone,
        eventsInAll: otherLimit.eventsInAll))
    return further
  }
}
