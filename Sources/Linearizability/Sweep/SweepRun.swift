// A sweep over a history that is there as a whole.

/// How a sweep ended.
enum SweepOutcome {
  /// Places in the order in which they take effect.
  case valid(order: [Int])
  /// No order explains the history up to this completion, of the operation at this place, and
  /// some order explains all before it.
  case invalid(at: Int, place: Int)
  case unknown(LimitReached.Reason)
}

/// Sweeps over the operations of one key.
struct SweepRun<M: Model> {
  private let subject: Subject<M>
  private let budget: Budget

  /// Configurations entered.
  private(set) var steps = 0
  /// The most configurations that were possible at once.
  private(set) var widest = 0
  /// Events passed, of `eventCount`.
  private(set) var eventsDone = 0
  private(set) var eventCount = 0

  init(_ subject: Subject<M>, budget: Budget) {
    self.subject = subject
    self.budget = budget
  }

  private struct Stamped {
    var index: Int
    var number: Int32
    var isCompletion: Bool
  }

  /// Runs to the end or to a limit.
  mutating func run() -> SweepOutcome {
    let judged = subject.judged
    let bytes = judged.count * (2 * MemoryLayout<Stamped>.stride + 16)
    if let reason = budget.reserve(bytes) { return .unknown(reason) }
    defer { _ = budget.reserve(-bytes) }
    var events: [Stamped] = []
    events.reserveCapacity(judged.count * 2)
    for (number, one) in judged.enumerated() {
      events.append(Stamped(index: one.invocation, number: Int32(number), isCompletion: false))
      if let completion = one.completion {
        events.append(Stamped(index: completion, number: Int32(number), isCompletion: true))
      }
    }
    events.sort { $0.index < $1.index }
    eventCount = events.count
    var sweep = Sweep(model: subject.model, budget: budget)
    defer { steps = sweep.steps }
    var slotOf = [Int32](repeating: -1, count: judged.count)
    var order: [Int] = []
    for event in events {
      let number = Int(event.number)
      let one = judged[number]
      if !event.isCompletion {
        let action = sweep.alphabet.retain(one.action)
        if let completion = one.completion {
          slotOf[number] = Int32(sweep.call(action, completion: completion, tag: one.place))
        } else {
          sweep.offer(action, tag: one.place)
        }
      } else {
        switch sweep.complete(Int(slotOf[number])) {
        case .going: break
        case .invalid: return .invalid(at: event.index, place: one.place)
        case .unknown(let reason): return .unknown(reason)
        }
        widest = max(widest, sweep.width)
        order += sweep.takeSettled()
      }
      eventsDone += 1
    }
    sweep.finish()
    order += sweep.takeSettled()
    return .valid(order: order)
  }
}
