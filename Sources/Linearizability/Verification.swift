// A whole history's witness, read from anywhere, held against the model alone.

import History

/// The orders of a history's keys, which prove it linearizable if nothing is wrong with them.
public struct Verification: Sendable {
  /// By key, invocation indexes in the order in which the operations took effect.
  public var orders: [String?: [Int]]
  /// The model; nil to go by the history.
  public var model: ModelName?
  /// The state before the first operation; nil for the header's.
  public var initial: Value?
  /// How many a semaphore lets in; nil for the header's.
  public var capacity: Int?

  /// A verification of `orders`.
  public init(
    orders: [String?: [Int]], model: ModelName? = nil, initial: Value? = nil, capacity: Int? = nil
  ) {
    self.orders = orders
    self.model = model
    self.initial = initial
    self.capacity = capacity
  }

  /// The first thing wrong with the orders as a proof of `history`, or nil when they prove it.
  ///
  /// - Complexity: linear, plus one model step an operation.
  /// - Throws: `CheckError` when the model does not know an operation.
  public func flaw(in history: History) throws(CheckError) -> String? {
    let name: ModelName
    if let model { name = model } else { name = try ModelName.fitting(history) }
    return try name.visit(
      Visitor(orders: orders, history: history), initial: initial ?? history.header.initial,
      capacity: capacity ?? history.header.capacity)
  }

  private struct Visitor: ModelVisitor {
    let orders: [String?: [Int]]
    let history: History

    func visit<M: Model>(_ model: M) throws(CheckError) -> String? {
      let parts = KeyPart.all(of: history.operations)
      let known = Set(parts.map(\.key))
      if let stray = orders.keys.first(where: { !known.contains($0) }) {
        return "key \(stray ?? "null") is not in the history"
      }
      for part in parts {
        let flaw = try Witness.flaw(
          in: orders[part.key] ?? [], of: part.operations(of: history), model: model)
        if let flaw { return part.key.map { "key \($0): \(flaw)" } ?? flaw }
      }
      return nil
    }
  }
}
