// Tells the kind of fault that a counterexample shows, where footprints make it clear.

import History

/// The kind of fault, and the operations that contradict each other.
struct Diagnosis {
  /// Each is held against the whole history; where shrinking ran out of time there are many.
  private static var suspectsTried: Int { 32 }

  private(set) var anomaly: Anomaly
  private(set) var operations: [Int]
  private(set) var text: String

  /// Nil when the kind is not clear.
  ///
  /// - Parameters:
  ///   - core: the relaxed operations that are invalid.
  ///   - whole: all operations of the key, to tell what was never written from what was relaxed
  ///     away.
  ///   - due: operations at which the search ended: the first to be suspected.
  init?<M: Model>(
    of core: Subject<M>, within whole: Subject<M>, due: [Operation]
  ) throws(CheckError) {
    let first = whole.model.initial
    let all = try Self.effects(of: whole.operations, model: whole.model)
    let left = try Self.effects(of: core.operations, model: whole.model)
    if let found = Self.lostUpdate(left, all: all, first: first) {
      self = found
      return
    }
    let suspects = Set(due.map(\.invocation))
    let observers = left.filter { $0.need != nil && $0.operation.outcome != .info }
    let ordered =
      observers.filter { suspects.contains($0.operation.invocation) }
      + observers.suffix(Self.suspectsTried).reversed().filter {
        !suspects.contains($0.operation.invocation)
      }
    for observer in ordered {
      if let found = Self.judge(observer, all: all, first: first) {
        self = found
        return
      }
    }
    return nil
  }

  private init(_ anomaly: Anomaly, _ operations: [Operation], _ text: String) {
    self.anomaly = anomaly
    self.operations = operations.map(\.invocation)
    self.text =
      "\(anomaly.rawValue.first?.uppercased() ?? "")\(anomaly.rawValue.dropFirst()): "
      + text
  }

  /// What one operation needs and makes; a failed one, what it would have made.
  private struct Effect<State: Hashable & Sendable> {
    var operation: Operation
    var need: State?
    var make: State?
    var failed: Bool
  }

  private static func effects<M: Model>(
    of operations: [Operation], model: M
  ) throws(CheckError) -> [Effect<M.State>] {
    var effects: [Effect<M.State>] = []
    for operation in operations {
      var attempt = operation
      let saysNothing = try model.action(of: operation) == nil
      let failed = operation.outcome == .fail && saysNothing
      // What it might have done. Not `ok`: it has no result, and many an `ok` must have one.
      if failed { attempt.outcome = .info }
      let action: M.Action?
      do {
        action = try model.action(of: attempt)
      } catch {
        // Since it did not happen, nobody has looked whether it was sound.
        guard failed else { throw error }
        continue
      }
      guard let action, let footprint = model.footprint(of: action) else { continue }
      if failed && footprint.makes == nil { continue }
      var need: M.State?
      if case .exactly(let state) = footprint.demand { need = state }
      effects.append(
        Effect(operation: operation, need: need, make: footprint.makes, failed: failed))
    }
    return effects
  }

  /// More operations that take a state away than times it can have been made.
  private static func lostUpdate<State>(
    _ left: [Effect<State>], all: [Effect<State>], first: State
  ) -> Diagnosis? {
    let takers = left.filter { $0.need != nil && $0.make != nil && $0.operation.outcome == .ok }
    for (state, takers) in Dictionary(grouping: takers, by: \.need) where takers.count > 1 {
      guard let state else { continue }
      let makers = all.count { !$0.failed && $0.make == state }
      let times = makers + (state == first ? 1 : 0)
      guard times > 0, takers.count > times else { continue }
      let names = takers.map(\.operation.words).joined(separator: ", ")
      return Diagnosis(
        .lostUpdate, takers.map(\.operation),
        "\(names) all found \(state), which was there \(times == 1 ? "once" : "\(times) times").")
    }
    return nil
  }

  private static func judge<State>(
    _ observer: Effect<State>, all: [Effect<State>], first: State
  ) -> Diagnosis? {
    guard let need = observer.need else { return nil }
    let it = observer.operation
    let makers = all.filter {
      $0.make == need && !$0.failed && $0.operation.invocation != it.invocation
    }
    let name = "\(it.words) cannot be placed: "
    if makers.isEmpty && need != first {
      if let failed = all.first(where: { $0.make == need && $0.failed })?.operation {
        return Diagnosis(
          .readOfFailedWrite, [failed, it],
          "\(name)only \(failed.words) set \(need), and that did not happen.")
      }
      return Diagnosis(.readFromNowhere, [it], "\(name)nothing ever set \(need).")
    }
    let early = makers.filter { $0.operation.invocation < it.completion ?? Int.max }
    if early.isEmpty && need != first, let maker = makers.first?.operation {
      return Diagnosis(
        .futureRead, [it, maker],
        "\(name)it completed at \(it.completionWords), before \(maker.words), the first to set "
          + "\(need), was invoked.")
    }
    return stale(it, need: need, makers: early.map(\.operation), all: all, name: name)
  }

  /// Whether all that set the state was overwritten before `it` began.
  private static func stale<State>(
    _ it: Operation, need: State, makers: [Operation], all: [Effect<State>], name: String
  ) -> Diagnosis? {
    let hider = all.lazy.filter { effect in
      effect.make != nil && effect.operation.outcome == .ok
        && effect.operation.completion ?? Int.max < it.invocation
    }.map(\.operation).max { $0.invocation < $1.invocation }
    guard let hider,
      makers.allSatisfy({
        $0.outcome == .ok && $0.completion ?? Int.max < hider.invocation
      })
    else { return nil }
    let maker = makers.max { $0.invocation < $1.invocation }
    let origin = maker.map { "\($0.words) had set it" } ?? "it was there at the start"
    return Diagnosis(
      .staleRead, [maker, hider, it].compactMap { $0 },
      "\(name)\(origin), but process \(hider.process)'s \(hider.shortWords) (index "
        + "\(hider.invocation)) had completed at \(hider.completionWords), and nothing set "
        + "\(need) again that could come between.")
  }
}
