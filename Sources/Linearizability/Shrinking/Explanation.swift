// A counterexample in words: what contradicts what, and where the search ends.
// Here: the dead ends and the sentences. Not here: telling the kind of fault (Diagnosis.swift).

import History

/// What is said of a counterexample.
struct Explanation {
  private static var deadEndsShown: Int { 4 }
  private static var rejectionsShown: Int { 6 }
  private static var abridgedShown: Int { 8 }
  private static var searchTime: Duration { .seconds(1) }

  private(set) var text: String
  private(set) var anomaly: Anomaly?
  private(set) var keyOperations: [Int]
  private(set) var orders: [BrokenOrder] = []

  /// Explains `core`, which is invalid and was relaxed out of `whole`.
  ///
  /// - Parameters:
  ///   - initial: where it starts, if it was moved there.
  ///   - abridged: invocations of operations that it shows in part.
  init<M: Model>(
    of core: Subject<M>, within whole: Subject<M>, initial: Value?, abridged: [Int], key: String?,
    budget: Budget
  ) throws(CheckError) {
    var search = Search(core, budget: budget.part(time: Self.searchTime), deadEndsWanted: 64)
    _ = search.run()
    let deadEnds = search.deadEnds
    let diagnosis = try Diagnosis(
      of: core, within: whole, due: deadEnds.map { core.operations[$0.due] })
    var paragraphs = [Self.claim(key: key, count: core.operations.count)]
    if let initial {
      paragraphs.append("It starts at \(initial): what was there before is counted in.")
    }
    if !abridged.isEmpty {
      paragraphs.append(Self.words(abridged: abridged))
    }
    if let diagnosis { paragraphs.append(diagnosis.text) }
    let (words, orders) = Self.describe(deadEnds, of: core)
    paragraphs += words
    self.orders = orders
    text = paragraphs.joined(separator: "\n")
    anomaly = diagnosis?.anomaly
    keyOperations =
      diagnosis?.operations ?? deadEnds.first.map { [core.operations[$0.due].invocation] } ?? []
  }

  private static func claim(key: String?, count: Int) -> String {
    let subject = key.map { "Key \($0)" } ?? "The object"
    let what =
      count == 1
      ? "this operation alone contradicts the model and real time"
      : "no order of these \(count) operations agrees with the model and with real time"
    return "\(subject) is not linearizable: \(what)."
  }

  /// What is shown in part, and why that may be.
  private static func words(abridged: [Int]) -> String {
    let shown = abridged.prefix(abridgedShown).map { "\($0)" }.joined(separator: ", ")
    let more = abridged.count > abridgedShown ? ", ..." : ""
    return abridged.count == 1
      ? "Of the operation at index \(shown) only the part that matters is shown."
      : "Of the operations at indexes \(shown)\(more) only the parts that matter are shown."
  }

  /// A paragraph for each state in which the order breaks off.
  private static func describe<M: Model>(
    _ deadEnds: [DeadEnd], of core: Subject<M>
  ) -> ([String], [BrokenOrder]) {
    let judged = Dictionary(uniqueKeysWithValues: core.judged.map { ($0.place, $0) })
    var seen: Set<M.State> = []
    var paragraphs: [String] = []
    var orders: [BrokenOrder] = []
    for deadEnd in deadEnds {
      var state = core.model.initial
      var states: [String] = []
      for place in deadEnd.order {
        guard let one = judged[place], let next = core.model.step(state, one.action) else {
          preconditionFailure("a dead end places what the model rejects")
        }
        state = next
        states.append("\(state)")
      }
      guard seen.insert(state).inserted else { continue }
      guard seen.count <= deadEndsShown else {
        paragraphs.append("Other orders end in yet other states.")
        break
      }
      let candidates = candidates(deadEnd, state: state, of: core)
      paragraphs.append(describe(deadEnd, state: state, of: core, candidates: candidates))
      orders.append(
        BrokenOrder(
          operations: deadEnd.order.map { core.operations[$0].invocation }, states: states,
          due: core.operations[deadEnd.due].invocation, candidates: candidates))
    }
    return (paragraphs, orders)
  }

  /// Why each operation that could come next does not help.
  private static func candidates<M: Model>(
    _ deadEnd: DeadEnd, state: M.State, of core: Subject<M>
  ) -> [BrokenOrder.Candidate] {
    let placed = Set(deadEnd.order)
    let end = core.operations[deadEnd.due].completion ?? Int.max
    return core.judged.filter { !placed.contains($0.place) && $0.invocation < end }.map { one in
      let isPossible = core.model.step(state, one.action) != nil
      return BrokenOrder.Candidate(
        operation: core.operations[one.place].invocation, isPossible: isPossible,
        reason: core.operations[one.place].words
          + (isPossible ? " is possible, but leads no further" : " is not possible there"))
    }
  }

  private static func describe<M: Model>(
    _ deadEnd: DeadEnd, state: M.State, of core: Subject<M>, candidates: [BrokenOrder.Candidate]
  ) -> String {
    let order = deadEnd.order.map { "\(core.operations[$0].invocation)" }
    let start =
      order.isEmpty
      ? "At the start the state is \(state)"
      : "After \(order.joined(separator: ", ")) the state is \(state)"
    var rejections = candidates.prefix(rejectionsShown).map(\.reason)
    if candidates.count > rejectionsShown {
      rejections.append("\(candidates.count - rejectionsShown) more do not help either")
    }
    return "\(start), and \(core.operations[deadEnd.due].shortWords) must come before its "
      + "completion: \(rejections.joined(separator: "; "))."
  }
}

extension Operation {
  /// `read of 7 by process 4 (index 812, 12.318 s)`.
  var words: String { "\(shortWords) by process \(process) (index \(invocation), \(time))" }

  /// `read of 7`.
  var shortWords: String {
    let value = argument == .absent ? result : argument
    switch outcome {
    case .ok: return "\(function) of \(value)"
    case .info: return "\(function) of \(value) (outcome unknown)"
    case .fail:
      let saw = observed.map { " that saw \($0)" } ?? ""
      return "failed \(function) of \(value)\(saw)"
    }
  }

  private var time: String { Self.text(invokedAt) }

  /// `11.002 s`, when it completed.
  var completionWords: String { completedAt.map { Self.text($0) } ?? "no time" }

  /// In seconds to the millisecond, rounded down; a history in its first millisecond in `ns`.
  private static func text(_ nanoseconds: Int64) -> String {
    guard abs(nanoseconds) >= 1_000_000 else { return "\(nanoseconds) ns" }
    let milliseconds = nanoseconds / 1_000_000
    let fraction = "\(abs(milliseconds % 1000))"
    let zeros = String(repeating: "0", count: 3 - fraction.count)
    return "\(milliseconds / 1000).\(zeros)\(fraction) s"
  }
}
