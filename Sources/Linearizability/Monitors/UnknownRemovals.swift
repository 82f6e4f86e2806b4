// Removals of unknown outcome, for monitors whose method does not say whose value they took.

import History

/// Decides what can be decided cheaply of a stack or priority queue with removals of unknown
/// outcome, by attempts at which of the values that stay they took.
///
/// - *Valid* if some attempt has an order: one without them, one where they take what had to be
///   gone, one where all of them take something.
/// - *Invalid* if there is no order even where each value that stays may go as early as the first
///   of those removals allows, at will: every order is one of those too. Or if more values had to
///   be gone by some time than such removals had begun.
/// - Otherwise nothing is said, and the search must tell.
struct UnknownRemovals {
  /// A value that stays although it had to be gone.
  private struct Debt {
    var value: Int
    /// By when, and the operations that say so.
    var deadline: Int32
    var creditors: [Int32]
  }

  /// With more pairs of values to look at than this, nothing is said.
  private static let mostPairs = 200_000_000

  let pairing: ContainerPairing
  /// The verdict, by numbers, on a pairing all of whose removals are settled.
  let attempt: (ContainerPairing) -> MonitorVerdict
  /// Whether the first value, if it stays, must be gone before the second is removed.
  let mustGo: (_ staying: Int, _ removed: Int) -> Bool

  func verdict() -> MonitorVerdict? {
    let plain = attempt(pairing)
    let unknown = pairing.unknownRemovals
    guard let first = unknown.first, case .invalid = plain else { return plain }
    let staying = (0..<pairing.count).filter(pairing.stays)
    var relaxed = pairing
    for value in staying { relaxed.take(value, by: first) }
    if case .invalid(let core) = attempt(relaxed) {
      return .invalid(core: core.filter { $0 != Int(first) } + unknown.map(Int.init))
    }
    let (pairs, overflows) = staying.count.multipliedReportingOverflow(by: pairing.count)
    guard !overflows, pairs < Self.mostPairs else { return nil }
    let debts = staying.compactMap(debt).sorted { $0.deadline < $1.deadline }
    var settled = pairing
    for (position, debt) in debts.enumerated() {
      guard position < unknown.count,
        pairing.instants.starts[Int(unknown[position])] < debt.deadline
      else { return .invalid(core: core(of: debts[...position])) }
      settled.take(debt.value, by: unknown[position])
    }
    if case .valid(let order) = attempt(settled) { return .valid(order: order) }
    let rest = staying.filter(settled.stays).sorted {
      pairing.insertEnd[$0] < pairing.insertEnd[$1]
    }
    for (value, number) in zip(rest, unknown.dropFirst(debts.count)) {
      settled.take(value, by: number)
    }
    if case .valid(let order) = attempt(settled) { return .valid(order: order) }
    return nil
  }

  private func debt(of value: Int) -> Debt? {
    var debt = Debt(value: value, deadline: pairing.never, creditors: [])
    for other in 0..<pairing.count
    where pairing.removeEnd[other] < debt.deadline && mustGo(value, other) {
      debt.deadline = pairing.removeEnd[other]
      debt.creditors = pairing.operations(of: [other])
    }
    for number in pairing.empties
    where pairing.instants.starts[Int(number)] > pairing.insertEnd[value] {
      if pairing.instants.ends[Int(number)] < debt.deadline {
        debt.deadline = pairing.instants.ends[Int(number)]
        debt.creditors = [number]
      }
    }
    return debt.creditors.isEmpty ? nil : debt
  }

  /// All that had to be gone by the last deadline, and the removals that could have done it.
  private func core(of debts: ArraySlice<Debt>) -> [Int] {
    let deadline = debts.last?.deadline ?? 0
    let removals = pairing.unknownRemovals.filter {
      pairing.instants.starts[Int($0)] < deadline
    }
    let others = debts.flatMap { pairing.operations(of: [$0.value]) + $0.creditors }
    return Set(removals + others).sorted().map(Int.init)
  }
}
