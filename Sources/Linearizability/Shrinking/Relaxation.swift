// Ways of leaving things out of a history that keep every linearizable history linearizable.
// Here: what they have in common, those that any model allows, and which a model has. Not here:
// what only one kind of object allows (files beside this one), which to try when (Shrinker.swift).
//
// Plain deletion is none: without a write, a sound read comes from nowhere.

import History

/// The operations of one key, fewer or looser than they were.
struct Relaxed {
  var operations: [Operation]
  /// Where the object starts now, if it is not where it did.
  var initial: Value? = .none
}

/// A kind of relaxation of one history, which can be had thing by thing.
protocol Relaxation {
  /// How many things can be relaxed, more or less independently; they are in order of time.
  var count: Int { get }
  /// The history without the things of `range`, and without what must go with them; nil where
  /// nothing goes, or not soundly.
  func relaxing(_ range: Range<Int>) -> Relaxed?
  /// The history with little beside the operations invoked at `wanted`.
  func keeping(_ wanted: Set<Int>) -> Relaxed?
}

/// A model that knows more to leave out than pure operations.
protocol Relaxable: Model {
  /// What can be relaxed in `subject`, what takes most first.
  static func relaxations(of subject: Subject<Self>) -> [any Relaxation]
  /// The same object, started at `initial`, which a relaxation of it asked for.
  func starting(at initial: Value) throws(CheckError) -> Self
}

extension Relaxable {
  func starting(at initial: Value) throws(CheckError) -> Self { self }
}

extension Subject {
  /// What can be relaxed, what takes most first.
  ///
  /// Of a model that says nothing itself: everything, with what may have seen it, where its
  /// actions have footprints; pure operations otherwise; answers in any case.
  func relaxations() -> [any Relaxation] {
    func own<N: Relaxable>(_ model: N) -> [any Relaxation]? {
      (self as? Subject<N>).map(N.relaxations)
    }
    let loosening = Loosening(self)
    if let model = model as? any Relaxable, let own = own(model) { return own + [loosening] }
    if let removal = Removal(footprintsOf: self) { return [removal, loosening] }
    return [PureRemoval(self), loosening]
  }

  /// The subject that `relaxed` is, by the same model, moved where that asks for it.
  func relaxed(to relaxed: Relaxed) throws(CheckError) -> Subject {
    func moved<N: Relaxable>(_ model: N, to initial: Value) throws(CheckError) -> M {
      let model = try model.starting(at: initial)
      guard let model = model as? M else { preconditionFailure("a model became another") }
      return model
    }
    var model = self.model
    if let initial = relaxed.initial, let movable = model as? any Relaxable {
      model = try moved(movable, to: initial)
    }
    return try Subject(model: model, operations: relaxed.operations).withoutTheIdle()
  }

  /// Without what says nothing, and without what was invoked after all that must be explained:
  /// an order ends there as well.
  private func withoutTheIdle() throws(CheckError) -> Subject {
    let last = judged.lazy.compactMap(\.completion).max() ?? Int.min
    let kept = judged.filter { $0.invocation < last }
    if kept.count == operations.count { return self }
    return try Subject(model: model, operations: kept.map { operations[$0.place] })
  }

  /// The operations of those judged ones that are not `gone`.
  func remaining(_ gone: [Bool]) -> [Operation] {
    zip(judged, gone).compactMap { one, isGone in isGone ? nil : operations[one.place] }
  }

  /// Up to the completion `last`: what was open then may still happen, unless it is known to have
  /// failed; then it never did, and what it saw is left out. Prefixes of linearizable histories
  /// are linearizable.
  func prefix(until last: Int) -> [Operation] {
    var prefix: [Operation] = []
    for operation in operations.prefix(while: { $0.invocation < last }) {
      if let completion = operation.completion, completion <= last {
        prefix.append(operation)
      } else if operation.outcome != .fail {
        prefix.append(operation)
        prefix[prefix.count - 1].forgetCompletion()
      }
    }
    return prefix
  }
}

/// Leaves out pure operations: in an order, all others see what they saw.
struct PureRemoval: Relaxation {
  private let operations: [Operation]
  private let pure: [Int]

  init<M: Model>(_ subject: Subject<M>) {
    operations = subject.operations
    pure = subject.judged.filter { subject.model.isPure($0.action) }.map(\.place)
  }

  var count: Int { pure.count }

  func relaxing(_ range: Range<Int>) -> Relaxed? {
    leavingOut(Set(pure[range]))
  }

  func keeping(_ wanted: Set<Int>) -> Relaxed? {
    leavingOut(Set(pure.filter { !wanted.contains(operations[$0].invocation) }))
  }

  private func leavingOut(_ places: Set<Int>) -> Relaxed? {
    if places.isEmpty { return nil }
    return Relaxed(
      operations: operations.indices.filter { !places.contains($0) }.map { operations[$0] })
  }
}

/// Makes `info` of operations: whatever happened is among what may have.
struct Loosening: Relaxation {
  private let operations: [Operation]
  private let places: [Int]

  init<M: Model>(_ subject: Subject<M>) {
    operations = subject.operations
    places = subject.judged.map(\.place).filter { subject.operations[$0].outcome == .ok }
  }

  var count: Int { places.count }

  func relaxing(_ range: Range<Int>) -> Relaxed? {
    if range.isEmpty { return nil }
    var looser = operations
    for place in places[range] { looser[place].forgetCompletion() }
    return Relaxed(operations: looser)
  }

  func keeping(_ wanted: Set<Int>) -> Relaxed? { nil }
}

extension Operation {
  /// Nobody knows how it ended.
  mutating func forgetCompletion() {
    outcome = .info
    result = .absent
    observed = Optional.none
    differs = false
    completion = nil
    completedAt = nil
  }
}
