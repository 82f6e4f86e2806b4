// The dumb twin: tries every order of a register's operations, with every choice of those whose
// outcome is unknown. Shares no code with the checker, not even the model.

import History

struct EveryOrder {
  private enum Effect {
    case read(Value)
    case write(Value)
    case cas(Value, Value)
    case differs(Value, and: Value?)
  }
  private struct Item {
    var effect: Effect
    var begin: Int
    var end: Int
    var isOptional: Bool
  }

  private var items: [Item] = []
  private let initial: Value

  /// Whether some order explains `operations`, starting at `initial`.
  static func explains(_ operations: [Operation], initial: Value) -> Bool {
    var twin = EveryOrder(initial: initial)
    for operation in operations {
      guard let effect = effect(of: operation) else { continue }
      let isInfo = operation.outcome == .info
      twin.items.append(
        Item(
          effect: effect, begin: operation.invocation,
          end: isInfo ? Int.max : operation.completion!, isOptional: isInfo))
    }
    return twin.search(placed: 0, state: initial)
  }

  private init(initial: Value) { self.initial = initial }

  private static func effect(of operation: Operation) -> Effect? {
    switch (operation.function, operation.outcome) {
    case ("read", .ok): return .read(operation.result)
    case ("read", _): return nil
    case ("write", .fail): return nil
    case ("write", _): return .write(operation.argument)
    case ("cas", .fail):
      guard case .list(let pair) = operation.argument else { fatalError("no pair") }
      if operation.differs { return .differs(pair[0], and: operation.observed) }
      if let observed = operation.observed { return .read(observed) }
      return nil
    case ("cas", _):
      guard case .list(let pair) = operation.argument else { fatalError("no pair") }
      return .cas(pair[0], pair[1])
    default: fatalError("no such function")
    }
  }

  private func search(placed: UInt32, state: Value) -> Bool {
    var allPlaced = true
    for number in items.indices where placed & (1 << number) == 0 {
      if !items[number].isOptional { allPlaced = false }
    }
    if allPlaced { return true }
    for number in items.indices where placed & (1 << number) == 0 {
      // Nothing that is still to be placed may have ended before this one began.
      let isFree = items.indices.allSatisfy {
        placed & (1 << $0) != 0 || items[$0].end > items[number].begin
      }
      guard isFree, let next = apply(items[number].effect, to: state) else { continue }
      if search(placed: placed | 1 << number, state: next) { return true }
    }
    return false
  }

  /// The state after `effect`, or `.none`: a bare `nil` may be `Value`'s own.
  private func apply(_ effect: Effect, to state: Value) -> Value? {
    let after: Value? = .some(state)
    switch effect {
    case .read(let value): if value == state { return after }
    case .write(let value): return .some(value)
    case .cas(let old, let new): if old == state { return .some(new) }
    case .differs(let old, let seen):
      if old != state && (seen == Optional.none || seen == after) { return after }
    }
    return Optional.none
  }
}
