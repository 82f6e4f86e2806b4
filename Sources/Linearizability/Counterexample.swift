// Why a key is not linearizable, as few operations as tell it.

import History

/// What kind of fault a counterexample shows, where that is clear.
public enum Anomaly: String, Sendable, CaseIterable {
  /// The value had been overwritten before the operation that saw it began.
  case staleRead = "stale read"
  /// Nobody ever wrote the value.
  case readFromNowhere = "read from nowhere"
  /// The only writes of the value are recorded as failed.
  case readOfFailedWrite = "read of a failed write"
  /// The value was written only after the operation that saw it had completed.
  case futureRead = "future read"
  /// More compare-and-sets took a value away than it was made.
  case lostUpdate = "lost update"
}

/// A part of a key's history that no order explains.
///
/// It was made by relaxations only, each of which keeps every linearizable history
/// linearizable: so where this is not, neither is the whole.
public struct Counterexample: Sendable, Equatable {
  /// The key; nil in a history about one object.
  public var key: String?
  /// Invocation indexes of the operations that take part.
  public var operations: [Int]
  /// Those that contradict each other most plainly, in the order of the explanation; they may
  /// stand outside `history`, as a failed write does.
  public var keyOperations: [Int]
  /// The operations as they were relaxed: what is `info` here may be `ok` in the history.
  public var history: [Operation]
  /// Where `history` starts, if what came before it was left out and counted in; nil when it
  /// starts where the whole does.
  public var initial: Value?
  /// Invocation indexes of those in `history` that are shown in part: a read or transaction
  /// without the elements or registers that play no part.
  public var abridged: [Int]
  /// The kind of fault, where it is clear.
  public var anomaly: Anomaly?
  /// The reason, in words.
  public var explanation: String
  /// How orders of these operations break off: for each state in which one does, one order.
  public var orders: [BrokenOrder]
  /// The completion before which the history is linearizable; nil when time ran out before it
  /// was found.
  public var longestPrefix: Int?
  /// Whether no single relaxation that was tried leaves it invalid; false when time ran out.
  public var isMinimal: Bool
}

/// An order of a counterexample's operations, as far as the model and real time allow it.
public struct BrokenOrder: Sendable, Equatable {
  /// Invocation indexes in the order in which they take effect.
  public var operations: [Int]
  /// The state after each, in words.
  public var states: [String]
  /// The operation that must come next, since it completes first.
  public var due: Int
  /// Those that could come next.
  public var candidates: [Candidate]

  /// An operation that could come next, and does not help.
  public struct Candidate: Sendable, Equatable {
    /// The index of its invocation.
    public var operation: Int
    /// Whether the model accepts it there, though it leads no further.
    public var isPossible: Bool
    /// Why it does not help, in words.
    public var reason: String
  }
}
