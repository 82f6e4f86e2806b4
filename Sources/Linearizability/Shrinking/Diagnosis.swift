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
    var effects = Effects(whole.model)
    let all = try effects.of(whole.operations)
    let left = try effects.of(core.operations)
    let states = effects.states
    self.init(left, all: all, due: Set(due.map(\.invocation))) { "\(states[$0])" }
  }

  private init?(
    _ left: [Effect], all: [Effect], due suspects: Set<Int>, words: (Int) -> String
  ) {
    if let found = Self.lostUpdate(left, all: all, words) {
      self = found
      return
    }
    let observers = left.filter { $0.need != nil && $0.operation.outcome != .info }
    let ordered =
      observers.filter { suspects.contains($0.operation.invocation) }
      + observers.suffix(Self.suspectsTried).reversed().filter {
        !suspects.contains($0.operation.invocation)
      }
    for observer in ordered {
      if let found = Self.judge(observer, all: all, words) {
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

  /// What one operation needs and makes; a failed one, what it would have made. States are numbers, so that
  /// what compares them is there once and not for every model; that at the start is 0.
  private struct Effect {
    var operation: Operation
    var need: Int?
    var make: Int?
    var failed: Bool
  }

  /// Numbers the states that operations need and make.
  private struct Effects<M: Model> {
    private let model: M
    private var numbers: [M.State: Int]
    /// The states, by their numbers.
    private(set) var states: [M.State]

    init(_ model: M) {
      self.model = model
      states = [model.initial]
      numbers = [model.initial: 0]
    }

    private mutating func number(_ state: M.State) -> Int {
      if let number = numbers[state] { return number }
      states.append(state)
      numbers[state] = states.count - 1
      return states.count - 1
    }

    mutating func of(_ operations: [Operation]) throws(CheckError) -> [Effect] {
      var effects: [Effect] = []
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
        var need: Int?
        if case .exactly(let state) = footprint.demand { need = number(state) }
        effects.append(
          Effect(
            operation: operation, need: need, make: footprint.makes.map { number($0) },
            failed: failed))
      }
      return effects
    }
  }

  /// More operations that take a state away than times it can have been made.
  private static func lostUpdate(
    _ left: [Effect], all: [Effect], _ words: (Int) -> String
  ) -> Diagnosis? {
    let takers = left.filter { $0.need != nil && $0.make != nil && $0.operation.outcome == .ok }
    let byState = Dictionary(grouping: takers) { $0.need ?? 0 }.sorted { $0.key < $1.key }
    for (state, takers) in byState where takers.count > 1 {
      let makers = all.count { !$0.failed && $0.make == state }
      let times = makers + (state == 0 ? 1 : 0)
      guard times > 0, takers.count > times else { continue }
      let names = takers.map(\.operation.words).joined(separator: ", ")
      return Diagnosis(
        .lostUpdate, takers.map(\.operation),
        "\(names) all found \(words(state)), which was there \(times == 1 ? "once" : "\(times) times")."
      )
    }
    return nil
  }

  private static func judge(
    _ observer: Effect, all: [Effect], _ words: (Int) -> String
  ) -> Diagnosis? {
    guard let need = observer.need else { return nil }
    let it = observer.operation
    let makers = all.filter {
      $0.make == need && !$0.failed && $0.operation.invocation != it.invocation
    }
    let name = "\(it.words) cannot be placed: "
    if makers.isEmpty && need != 0 {
      if let failed = all.first(where: { $0.make == need && $0.failed })?.operation {
        return Diagnosis(
          .readOfFailedWrite, [failed, it],
          "\(name)only \(failed.words) set \(words(need)), and that did not happen.")
      }
      return Diagnosis(.readFromNowhere, [it], "\(name)nothing ever set \(words(need)).")
    }
    let early = makers.filter { $0.operation.invocation < it.completion ?? Int.max }
    if early.isEmpty && need != 0, let maker = makers.first?.operation {
      return Diagnosis(
        .futureRead, [it, maker],
        "\(name)it completed at \(it.completionWords), before \(maker.words), the first to set "
          + "\(words(need)), was invoked.")
    }
    return stale(it, makers: early.map(\.operation), all: all, state: words(need), name: name)
  }

  /// Whether all that set the state was overwritten before `it` began.
  private static func stale(
    _ it: Operation, makers: [Operation], all: [Effect], state: String, name: String
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
        + "\(state) again that could come between.")
  }
}
