// How the orders of a counterexample's operations end, as a page shows it.

extension HistoryPage {
  /// One order that the model and real time allow, as far as it goes.
  public struct Order: Sendable, Equatable {
    /// Invocation indexes, in the order in which they take effect.
    public var operations: [Int]
    /// The state after each, as text.
    public var states: [String]
    /// The operation that must come next, for it completes first.
    public var due: Int
    /// Those that could come next, and why each does not help.
    public var candidates: [Candidate]

    /// An order that ends ahead of `due`.
    ///
    /// - Precondition: as many states as operations.
    public init(operations: [Int], states: [String], due: Int, candidates: [Candidate]) {
      precondition(
        operations.count == states.count,
        "\(operations.count) operations lead to \(states.count) states")
      self.operations = operations
      self.states = states
      self.due = due
      self.candidates = candidates
    }
  }

  /// An operation that could come next at the end of an order.
  public struct Candidate: Sendable, Equatable {
    /// The index of its invocation.
    public var operation: Int
    /// Whether the model accepts it there, though it leads no further.
    public var isPossible: Bool
    /// Why it does not help, such as "reads 7, but the state is 9".
    public var reason: String

    /// A candidate that does not help for `reason`.
    public init(operation: Int, isPossible: Bool, reason: String) {
      self.operation = operation
      self.isPossible = isPossible
      self.reason = reason
    }
  }
}
