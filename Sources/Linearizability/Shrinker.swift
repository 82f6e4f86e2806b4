// Makes a counterexample small by relaxations, each proved by a search.
// Here: which relaxations, in which order. Not here: removing writes soundly (Removal.swift),
// words (Explanation.swift).
//
// A relaxation keeps every linearizable history linearizable, so "still invalid" proves that the
// whole is. Plain deletion is none: without a write, a sound read comes from nowhere.

import History

/// Shrinks the invalid history of one key.
struct Shrinker<M: Model> {
  private let whole: Subject<M>
  private let finding: Finding
  private let budget: Budget
  private var isOutOfTime = false
  /// The completion that makes the history invalid, once it is known.
  private var prefixEnd: Int?

  /// A shrinker of `subject`, which a search found invalid.
  ///
  /// - Parameter finding: what the engine knows, to begin at.
  init(_ subject: Subject<M>, finding: Finding, budget: Budget) {
    whole = subject
    self.finding = finding
    self.budget = budget
  }

  /// Shrinks as far as the budget goes.
  mutating func run(key: String?) throws(CheckError) -> Counterexample {
    let start: [Operation]
    if let core = try core() { start = core } else { start = try window(of: shortestPrefix()) }
    let operations = try greedy(start)
    let explanation = try Explanation(
      of: Subject(model: whole.model, operations: operations), within: whole.operations,
      key: key, budget: budget)
    return Counterexample(
      key: key, operations: operations.map(\.invocation), keyOperations: explanation.keyOperations,
      history: operations, anomaly: explanation.anomaly, explanation: explanation.text,
      orders: explanation.orders, longestPrefix: prefixEnd,
      isMinimal: !isOutOfTime)
  }

  /// Whether a search proves `operations` invalid; a spent budget proves nothing.
  private mutating func isInvalid(_ operations: [Operation]) throws(CheckError) -> Bool {
    guard !isOutOfTime, budget.exceeded() == nil else {
      isOutOfTime = true
      return false
    }
    let subject = try Subject(model: whole.model, operations: operations)
    switch try Decider(engine: nil, budget: budget).decide(subject).answer {
    case .invalid: return true
    case .valid: return false
    case .unknown:
      isOutOfTime = true
      return false
    }
  }

  // MARK: Core

  /// The operations that an engine named as invalid by themselves, if they are.
  private mutating func core() throws(CheckError) -> [Operation]? {
    guard let core = finding.core, let removal = Removal(whole) else { return nil }
    let kept = removal.keeping(places: core)
    return try isInvalid(kept) ? kept : nil
  }

  // MARK: Prefix

  /// The history up to the first completion that nothing can explain.
  ///
  /// Prefixes of linearizable histories are linearizable, so it is found by galloping on from
  /// where the search came to, then halving. (What the search foresees it gives up early, so the
  /// history may well be valid up to there; it is seldom invalid before.)
  private mutating func shortestPrefix() throws(CheckError) -> [Operation] {
    let completions = whole.judged.compactMap(\.completion).sorted()
    if let end = finding.end {
      prefixEnd = end
      return prefix(until: end)
    }
    guard var known = completions.indices.last else { return whole.operations }
    var low = completions.firstIndex { $0 >= finding.reached ?? Int.min } ?? 0
    var stride = 1
    while low + stride - 1 < known {
      let probe = low + stride - 1
      if try isInvalid(prefix(until: completions[probe])) {
        known = probe
        break
      }
      if isOutOfTime { return prefix(until: completions[known]) }
      low = probe + 1
      stride *= 2
    }
    while low < known {
      let middle = (low + known) / 2
      if try isInvalid(prefix(until: completions[middle])) {
        known = middle
      } else {
        low = middle + 1
      }
      if isOutOfTime { break }
    }
    if !isOutOfTime { prefixEnd = completions[known] }
    return prefix(until: completions[known])
  }

  /// What was open at `last` may still happen, unless it is known to have failed: then it never
  /// did, and what it saw is left out.
  private func prefix(until last: Int) -> [Operation] {
    var operations: [Operation] = []
    for operation in whole.operations.prefix(while: { $0.invocation < last }) {
      if let completion = operation.completion, completion <= last {
        operations.append(operation)
      } else if operation.outcome != .fail {
        operations.append(operation)
        operations[operations.count - 1].forgetCompletion()
      }
    }
    return operations
  }

  // MARK: Window

  /// Leaves out all that lies long before the end, if what is left is still invalid.
  private mutating func window(of operations: [Operation]) throws(CheckError) -> [Operation] {
    let subject = try Subject(model: whole.model, operations: operations)
    guard let removal = Removal(subject) else { return operations }
    var size = 8
    while size < removal.setterCount {
      let kept = removal.keepingLastSetters(size)
      if try isInvalid(kept) { return kept }
      if isOutOfTime { break }
      size *= 4
    }
    return operations
  }

  // MARK: One by one

  /// Tries to leave out or loosen everything, in chunks and then one by one, until nothing goes.
  private mutating func greedy(_ start: [Operation]) throws(CheckError) -> [Operation] {
    // What says nothing goes at once.
    var operations = try Subject(model: whole.model, operations: start).judged.map {
      start[$0.place]
    }
    var chunk = max(1, operations.count / 2)
    while true {
      var changed = false
      var end = operations.count
      while end > 0, !isOutOfTime {
        let range = max(0, end - chunk)..<end
        end = range.lowerBound
        let subject = try Subject(model: whole.model, operations: operations)
        let smaller = removing(range, from: subject)
        if let smaller, try isInvalid(smaller) {
          operations = smaller
          changed = true
          end = min(end, operations.count)
        }
      }
      if isOutOfTime { return operations }
      if chunk > 1 {
        chunk = max(1, chunk / 2)
      } else if !changed {
        let before = operations
        operations = try loosening(operations)
        if operations == before || isOutOfTime { return operations }
      }
    }
  }

  /// `subject`'s operations without those of `range`, as far as they can be left out.
  private func removing(_ range: Range<Int>, from subject: Subject<M>) -> [Operation]? {
    if let removal = Removal(subject) { return removal.removing(places: range) }
    // Without footprints only pure operations can go.
    let pure = Set(
      subject.judged.lazy.filter { range.contains($0.place) && subject.model.isPure($0.action) }
        .map(\.place))
    guard !pure.isEmpty else { return nil }
    return subject.operations.indices.filter { !pure.contains($0) }.map { subject.operations[$0] }
  }

  /// Makes `info` of every operation whose outcome does not matter.
  private mutating func loosening(_ start: [Operation]) throws(CheckError) -> [Operation] {
    var operations = start
    for place in operations.indices where operations[place].outcome == .ok && !isOutOfTime {
      var looser = operations
      looser[place].forgetCompletion()
      if try isInvalid(looser) { operations = looser }
    }
    return operations
  }
}

extension Operation {
  /// Nobody knows how it ended: whatever happened is among what may have.
  mutating func forgetCompletion() {
    outcome = .info
    result = .absent
    observed = nil
    differs = false
    completion = nil
    completedAt = nil
  }
}
