// The dumb twin for containers and sets: tries every order of the operations, with every choice
// of those whose outcome is unknown. Shares no code with the checker, not even the models.

import History

/// A kind of object that holds several values.
enum ContainerKind: String, CaseIterable {
  case queue, stack, priorityQueue, set

  var insert: String {
    [.queue: "enqueue", .stack: "push", .priorityQueue: "insert"][self] ?? "add"
  }
  var remove: String {
    [.queue: "dequeue", .stack: "pop", .priorityQueue: "delete-min"][self] ?? "remove"
  }
}

struct ContainerOracle {
  let kind: ContainerKind
  private var items: [Operation] = []

  /// Whether some order explains `operations`, where the container first holds `initial`.
  static func explains(_ kind: ContainerKind, _ operations: [Operation], initial: [Value]) -> Bool {
    var oracle = ContainerOracle(kind: kind)
    oracle.items = operations.filter { $0.outcome != .fail }
    return oracle.search(left: Array(oracle.items.indices), held: initial)
  }

  private init(kind: ContainerKind) { self.kind = kind }

  private func search(left: [Int], held: [Value]) -> Bool {
    let owed = left.filter { items[$0].outcome == .ok }
    if owed.isEmpty { return true }
    let earliestEnd = owed.map { items[$0].completion! }.min()!
    for (position, number) in left.enumerated() where items[number].invocation <= earliestEnd {
      guard let after = outcome(of: items[number], on: held) else { continue }
      var rest = left
      rest.remove(at: position)
      if search(left: rest, held: after) { return true }
    }
    return false
  }

  /// What is held after `operation`, or nil if it could not have ended so.
  private func outcome(of operation: Operation, on held: [Value]) -> [Value]? {
    if kind == .set { return setOutcome(of: operation, on: held) }
    if operation.function == kind.insert { return held + [operation.argument] }
    let due: Int?
    switch kind {
    case .queue: due = held.isEmpty ? nil : 0
    case .stack: due = held.isEmpty ? nil : held.count - 1
    case .priorityQueue, .set: due = held.indices.min { number(held[$0]) < number(held[$1]) }
    }
    guard let due else {
      return operation.outcome == .info || operation.result == .absent ? held : nil
    }
    if operation.outcome == .ok && operation.result != held[due] { return nil }
    var rest = held
    rest.remove(at: due)
    return rest
  }

  private func setOutcome(of operation: Operation, on held: [Value]) -> [Value]? {
    let element = operation.argument
    let isIn = held.contains(element)
    var said: Bool?
    if case .list(let members) = operation.result, members.count == 2, members[0] == element,
      case .boolean(let truth) = members[1]
    {
      said = truth
    }
    if operation.outcome == .info { said = nil }
    switch operation.function {
    case "add":
      if said == isIn { return nil }
      return isIn ? held : held + [element]
    case "remove":
      if let said, said != isIn { return nil }
      return held.filter { $0 != element }
    case "contains":
      if let said, said != isIn { return nil }
      return held
    default:
      guard operation.outcome == .ok else { return held }
      guard case .list(let members) = operation.result, members.count == held.count,
        members.allSatisfy(held.contains), held.allSatisfy(members.contains)
      else { return nil }
      return held
    }
  }

  private func number(_ value: Value) -> Int64 {
    guard case .integer(let number) = value else { fatalError("no number") }
    return number
  }
}
