// The protocol every model keeps: what one object may do, one operation after the other.
// Here: the contract. Not here: the models themselves (Models/), choosing one (ModelName.swift).

import History

/// A sequential object: the states it can be in, and what each operation makes of them.
///
/// A model judges no order and no time; it must be a pure function, and must never trap on what
/// a history can hold.
public protocol Model: Sendable {
  /// What the object remembers: small, since the search compares and hashes it.
  associatedtype State: Hashable & Sendable
  /// All that `step` needs of an operation. Operations with equal actions are interchangeable
  /// to the search, so an action must name the process if (and only if) the object knows it.
  associatedtype Action: Hashable & Sendable

  /// The state before the first operation.
  var initial: State { get }

  /// What `operation` did to the object, or may have done when its outcome is `info`.
  ///
  /// - Returns: nil when it says nothing: it certainly did not happen and observed nothing. A
  ///   `fail` that did observe something returns a pure action, which must have a place in the
  ///   order like an `ok`.
  /// - Throws: `CheckError` when the model does not know the function or the value's shape.
  func action(of operation: Operation) throws(CheckError) -> Action?

  /// The state after `action` in `state`, or nil when the object could not have answered so.
  func step(_ state: State, _ action: Action) -> State?

  /// Whether `action` leaves *every* state in which it is legal unchanged: reads, negative
  /// answers. A write of the value that happens to be there is not pure.
  func isPure(_ action: Action) -> Bool

  /// What `action` asks and does, when the state is one value that actions set as a whole.
  ///
  /// - Returns: nil (the default) when this model's actions are not of that kind. The search
  ///   takes its short cuts only where every action of a key has a footprint.
  func footprint(of action: Action) -> Footprint<State>?

  /// This model with what it can learn from all of a key's operations, to have fewer states; nil
  /// when it learns nothing.
  ///
  /// It may merge states that no observation among `operations` tells apart, and may reject at
  /// once what those observations rule out later; it must accept exactly the same histories.
  /// Witnesses are verified by the model as it was.
  func fitted(to operations: [Operation]) -> Self?
}

/// What a monitor found, by places of operations (see `Judged.place`).
enum MonitorVerdict: Equatable {
  /// Linearizable in this order, which `Witness` re-checks.
  case valid(order: [Int])
  /// Not linearizable, and neither are these operations by themselves with all that must then
  /// stay with them; the places to begin shrinking at.
  case invalid(core: [Int])
}

/// A model with an exact algorithm that needs no search for some histories.
protocol Monitored: Model {
  /// The verdict on one key's operations, or nil where the algorithm's precondition, which is
  /// proved here, does not hold.
  ///
  /// - Parameter judged: the operations that matter, in the order of their invocations; those
  ///   without a completion are of unknown outcome.
  func monitor(_ judged: [Judged<Action>]) -> MonitorVerdict?
}

extension Model {
  /// Nil: nothing is learned.
  public func fitted(to operations: [Operation]) -> Self? { nil }

  /// Nil: nothing is known but `step`.
  public func footprint(of action: Action) -> Footprint<State>? { nil }
}

/// What an action asks of a state that is one value, and what it sets it to.
///
/// It must say the same as `step`: where `demand` is met the action is legal, and leads to
/// `makes`, or leaves the state as it is when that is nil.
public struct Footprint<State: Hashable & Sendable>: Hashable, Sendable {
  /// The states in which an action is legal.
  public enum Demand: Hashable, Sendable {
    /// All of them.
    case anything
    /// This one alone.
    case exactly(State)
    /// Some, which only `step` knows: an observation that is not by equality.
    case other
  }

  /// Where the action is legal.
  public var demand: Demand
  /// The state it leads to; nil when it is pure.
  public var makes: State?

  /// A footprint of an action legal where `demand` is met that leads to `makes`.
  public init(demand: Demand, makes: State?) {
    self.demand = demand
    self.makes = makes
  }
}
