// Makes a counterexample small by relaxations, each proved by an engine.
// Here: what is tried, in which order, for how long. Not here: what a relaxation is
// (Relaxation.swift), words (Explanation.swift).
//
// A relaxation keeps every linearizable history linearizable, so "still invalid" proves that the
// whole is. Few histories are asked about that are as long as the whole: a guess at what matters
// is made first, wider and wider, and what is tried after that is small.

import History

/// Shrinks the invalid history of one key.
struct Shrinker<M: Model> {
  /// What one question may take once the first guess is made. One that takes longer is left open.
  private static var probeTime: Duration { .milliseconds(250) }
  /// After so many open questions no more are asked.
  private static var openQuestionsAllowed: Int { 6 }

  private let whole: Subject<M>
  private let finding: Finding
  private let budget: Budget
  private var isOutOfTime = false
  private var openQuestions = 0
  /// Questions asked.
  private(set) var probes = 0
  /// The completion that makes the history invalid, once it is known.
  private var prefixEnd: Int?
  /// What is left, and where it starts if that was moved.
  private var draft: Subject<M>
  private var initial: Value?

  /// A shrinker of `subject`, which a search found invalid.
  ///
  /// - Parameter finding: what the engine knows, to begin at.
  init(_ subject: Subject<M>, finding: Finding, budget: Budget) {
    whole = subject
    self.finding = finding
    self.budget = budget
    draft = subject
  }

  /// Shrinks as far as the budget goes.
  ///
  /// - Complexity: some hundred checks of some ten operations, mostly; a few of the whole where
  ///   the engine named no core.
  mutating func run(key: String?) throws(CheckError) -> Counterexample {
    if try !guess(around: finding.core) {
      try replace(by: Relaxed(operations: shortestPrefix()))
      try window()
    }
    try shrink()
    let operations = draft.operations
    let explanation = try Explanation(
      of: draft, within: whole, initial: initial, abridged: abridged, key: key, budget: budget)
    return Counterexample(
      key: key, operations: operations.map(\.invocation), keyOperations: explanation.keyOperations,
      history: operations, initial: initial, abridged: abridged, anomaly: explanation.anomaly,
      explanation: explanation.text, orders: explanation.orders, longestPrefix: prefixEnd,
      isMinimal: !isOutOfTime && openQuestions == 0)
  }

  /// Those of whose argument or result only a part is left.
  private var abridged: [Int] {
    let shown = Dictionary(uniqueKeysWithValues: draft.operations.map { ($0.invocation, $0) })
    return whole.operations.filter { operation in
      guard let left = shown[operation.invocation] else { return false }
      let saysMore = left.outcome == .ok && left.result != operation.result
      return saysMore || left.argument != operation.argument
    }.map(\.invocation)
  }

  // MARK: Questions

  private enum Answer { case invalid, valid, open }

  /// Whether an engine proves `subject` invalid.
  private mutating func ask(_ subject: Subject<M>, time: Duration?) throws(CheckError) -> Answer {
    guard !isOutOfTime, budget.exceeded() == nil else {
      isOutOfTime = true
      return .open
    }
    probes += 1
    let budget = time.map { self.budget.part(time: $0) } ?? self.budget
    switch try Decider(engine: nil, budget: budget).decide(subject).answer {
    case .invalid: return .invalid
    case .valid: return .valid
    case .unknown:
      openQuestions += 1
      if time == nil || openQuestions >= Self.openQuestionsAllowed { isOutOfTime = true }
      return .open
    }
  }

  /// Takes `relaxed` for what is left if it is invalid.
  private mutating func take(_ relaxed: Relaxed?) throws(CheckError) -> Bool {
    guard let relaxed, !isOutOfTime else { return false }
    let subject = try draft.relaxed(to: relaxed)
    guard try ask(subject, time: Self.probeTime) == .invalid else { return false }
    draft = subject
    if let moved = relaxed.initial { initial = .some(moved) }
    return true
  }

  /// Takes `relaxed` for what is left; it is known to be invalid.
  private mutating func replace(by relaxed: Relaxed) throws(CheckError) {
    draft = try draft.relaxed(to: relaxed)
    if let moved = relaxed.initial { initial = .some(moved) }
  }

  // MARK: Prefix

  /// The history up to the first completion that nothing can explain.
  ///
  /// It is found by galloping on from where the search came to, then halving. (What the search
  /// foresees it gives up early, so the history may well be valid up to there; it is seldom
  /// invalid before.)
  private mutating func shortestPrefix() throws(CheckError) -> [Operation] {
    let completions = whole.judged.compactMap(\.completion).sorted()
    guard var known = completions.indices.last else { return whole.operations }
    var low = completions.firstIndex { $0 >= finding.reached ?? Int.min } ?? 0
    var stride = 1
    while low + stride - 1 < known {
      let probe = low + stride - 1
      if try isInvalid(until: completions[probe]) {
        known = probe
        break
      }
      if isOutOfTime { return whole.prefix(until: completions[known]) }
      low = probe + 1
      stride *= 2
    }
    while low < known {
      let middle = (low + known) / 2
      if try isInvalid(until: completions[middle]) { known = middle } else { low = middle + 1 }
      if isOutOfTime { break }
    }
    if !isOutOfTime { prefixEnd = completions[known] }
    return whole.prefix(until: completions[known])
  }

  private mutating func isInvalid(until last: Int) throws(CheckError) -> Bool {
    let subject = try Subject(model: whole.model, operations: whole.prefix(until: last))
    return try ask(subject, time: nil) == .invalid
  }

  // MARK: Guess

  /// Leaves out all that lies long before the end, if what is left is still invalid.
  private mutating func window() throws(CheckError) {
    let byTime = draft.judged.map(\.place)
    let due = draft.judged.filter(\.isRequired).max { $0.completion ?? 0 < $1.completion ?? 0 }
    var size = 4
    while size < byTime.count, !isOutOfTime {
      if try guess(around: byTime.suffix(size) + [due?.place ?? 0]) { return }
      size *= 4
    }
  }

  /// Leaves out all that does not belong to the operations at `places`, if what is left is
  /// still invalid.
  private mutating func guess(around places: [Int]?) throws(CheckError) -> Bool {
    guard let places else { return false }
    let wanted = Set(places.map { draft.operations[$0].invocation })
    var guess = draft
    var moved: Value?
    for kind in 0... {
      let relaxations = guess.relaxations()
      guard kind < relaxations.count else { break }
      guard let smaller = relaxations[kind].keeping(wanted) else { continue }
      guess = try guess.relaxed(to: smaller)
      if let initial = smaller.initial { moved = .some(initial) }
    }
    guard try ask(guess, time: nil) == .invalid else { return false }
    draft = guess
    if let moved { initial = .some(moved) }
    return true
  }

  // MARK: Thing by thing

  /// Relaxes everything, in chunks and then one by one, until nothing goes.
  private mutating func shrink() throws(CheckError) {
    while !isOutOfTime {
      openQuestions = 0  // what was open may be closed now
      var changed = try cutEnd()
      for kind in draft.relaxations().indices where !isOutOfTime {
        if try relax(kind) { changed = true }
      }
      if !changed { return }
    }
  }

  /// Cuts at the first completion that leaves it invalid.
  private mutating func cutEnd() throws(CheckError) -> Bool {
    let completions = draft.judged.compactMap(\.completion).sorted()
    var (low, high) = (0, completions.count - 1)  // invalid until `high`
    var changed = false
    while low < high, !isOutOfTime {
      let middle = (low + high) / 2
      if try take(Relaxed(operations: draft.prefix(until: completions[middle]))) {
        high = middle
        changed = true
      } else {
        low = middle + 1
      }
    }
    return changed
  }

  private mutating func relax(_ kind: Int) throws(CheckError) -> Bool {
    var relaxation = draft.relaxations()[kind]
    var changed = false
    var chunk = max(1, relaxation.count / 2)
    while true {
      var end = relaxation.count
      while end > 0, !isOutOfTime {
        let range = max(0, end - chunk)..<end
        end = range.lowerBound
        if try take(relaxation.relaxing(range)) {
          relaxation = draft.relaxations()[kind]
          changed = true
          end = min(end, relaxation.count)
        }
      }
      if chunk == 1 || isOutOfTime { return changed }
      chunk = max(1, min(chunk / 2, relaxation.count / 2))
    }
  }
}
