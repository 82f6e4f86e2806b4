// The dumb twin for generated histories: every order of a few operations on any of the objects.
// Shares no code with the generator, the models or the searches.

import History

/// One key's operations as closures on a state, which is a `Value` for all objects.
struct GenerationOracle {
  private struct Item {
    var invocation: Int
    var end: Int
    /// The state after it, or `.none` when it could not have ended so.
    var apply: (Value) -> Value?
  }

  private var items: [Item] = []
  private let start: Value

  /// Whether every key of `history` has an order; `capacity` is a semaphore's.
  static func explains(_ history: History, capacity: Int64) -> Bool {
    history.operationsByKey.values.allSatisfy {
      let twin = GenerationOracle($0, model: history.header.model ?? "", capacity: capacity)
      return twin.search(placed: 0, state: twin.start)
    }
  }

  /// Why `order` proves nothing of `operations`, or nil.
  static func flaw(
    in order: [Int], of operations: [Operation], model: String, capacity: Int64
  ) -> String? {
    let twin = GenerationOracle(operations, model: model, capacity: capacity)
    var rest = Dictionary(uniqueKeysWithValues: twin.items.map { ($0.invocation, $0) })
    var state = twin.start
    var latest = Int.min
    for index in order {
      guard let item = rest.removeValue(forKey: index) else { return "\(index) has no place" }
      guard item.end > latest else { return "\(index) stands too late" }
      latest = max(latest, index)
      guard let next = item.apply(state) else { return "\(index) is impossible in \(state)" }
      state = next
    }
    return rest.values.first { $0.end < Int.max }.map { "\($0.invocation) is missing" }
  }

  private init(_ operations: [Operation], model: String, capacity: Int64) {
    start =
      switch model {
      case "counter", "mutex", "semaphore": 0
      case "owned-mutex": -1
      case "fenced-lock": .list([-1, 0])
      case "set", "queue", "stack", "priority-queue", "append-list": .list([])
      case "multi-register": .list(Array(repeating: .absent, count: 16))
      default: .absent
      }
    for operation in operations {
      let room = model == "semaphore" ? capacity : 1
      guard let apply = Self.effect(of: operation, model: model, room: room) else { continue }
      items.append(
        Item(
          invocation: operation.invocation,
          end: operation.outcome == .info ? Int.max : operation.completion!, apply: apply))
    }
  }

  private func search(placed: UInt32, state: Value) -> Bool {
    if items.indices.allSatisfy({ placed & 1 << $0 != 0 || items[$0].end == Int.max }) {
      return true
    }
    for number in items.indices where placed & 1 << number == 0 {
      let isFree = items.indices.allSatisfy {
        placed & 1 << $0 != 0 || items[$0].end > items[number].invocation
      }
      guard isFree, let next = items[number].apply(state) else { continue }
      if search(placed: placed | 1 << number, state: next) { return true }
    }
    return false
  }

  private static func effect(
    of operation: Operation, model: String, room: Int64
  ) -> ((Value) -> Value?)? {
    if operation.outcome == .fail {
      guard let seen = operation.observed else { return nil }
      return { $0 == seen ? .some($0) : Optional.none }
    }
    switch model {
    case "register", "cas-register", "unknown-read-register", "counter", "kv":
      return value(operation, model: model)
    case "mutex", "semaphore", "owned-mutex", "fenced-lock":
      return lock(operation, model: model, room: room)
    case "multi-register": return transaction(operation)
    default: return collection(operation, model: model)
    }
  }

  /// A look at the state: `ok` ones demand what they saw, others say nothing.
  private static func look(
    _ operation: Operation, _ see: @escaping (Value) -> Value
  ) -> ((Value) -> Value?)? {
    guard operation.outcome == .ok else { return nil }
    return { see($0) == operation.result ? .some($0) : Optional.none }
  }

  private static func value(_ operation: Operation, model: String) -> ((Value) -> Value?)? {
    let argument = operation.argument
    switch operation.function {
    case "write", "put": return { _ in .some(argument) }
    case "cas":
      guard case .list(let pair) = argument else { fatalError("no pair") }
      return { $0 == pair[0] ? .some(pair[1]) : Optional.none }
    case "add":
      return { .some(.integer($0.number + argument.number)) }
    case "append":
      return {
        guard case .text(let text) = $0 else { return .some(argument) }
        guard case .text(let more) = argument else { fatalError("no text") }
        return .some(.text(text + more))
      }
    default:
      if model == "unknown-read-register", operation.result == .absent { return nil }
      return look(operation) { $0 }
    }
  }

  private static func lock(
    _ operation: Operation, model: String, room: Int64
  ) -> ((Value) -> Value?)? {
    let isAcquire = operation.function == "acquire"
    let me = Value.integer(Int64(operation.process))
    switch model {
    case "owned-mutex":
      return isAcquire
        ? { $0 == -1 ? .some(me) : Optional.none } : { $0 == me ? .some(-1) : Optional.none }
    case "fenced-lock":
      // Anybody may release, and tokens may skip: the weakest of what such locks promise.
      return { state in
        guard case .list(let parts) = state else { fatalError("no list") }
        if !isAcquire { return parts[0] == -1 ? Optional.none : .some(.list([-1, parts[1]])) }
        guard parts[0] == -1 else { return Optional.none }
        guard operation.outcome == .ok else {
          return .some(.list([me, parts[1]]))
        }
        let grows = operation.result.number > parts[1].number
        return grows ? .some(.list([me, operation.result])) : Optional.none
      }
    default:
      return {
        let held = $0.number + (isAcquire ? 1 : -1)
        return (0...room).contains(held) ? .some(.integer(held)) : Optional.none
      }
    }
  }

  private static func transaction(_ operation: Operation) -> ((Value) -> Value?)? {
    let steps = (operation.outcome == .ok ? operation.result : operation.argument).members
    return { state in
      var registers = state.members
      for step in steps.map(\.members) {
        let register = Int(step[1].number)
        if step[0] == .text("w") {
          registers[register] = step[2]
        } else if operation.outcome == .ok, registers[register] != step[2] {
          return Optional.none
        }
      }
      return .some(.list(registers))
    }
  }

  private static func collection(
    _ operation: Operation, model: String
  ) -> ((Value) -> Value?)? {
    let (argument, result) = (operation.argument, operation.result)
    switch operation.function {
    case "read": return look(operation) { $0 }
    case "contains":
      return look(operation) { .list([argument, .boolean($0.members.contains(argument))]) }
    case "append", "enqueue", "push", "insert": return { .some(.list($0.members + [argument])) }
    case "add", "remove":
      return { state in
        let rest = state.members.filter { $0 != argument }
        let isThere = rest.count < state.members.count
        let isAdd = operation.function == "add"
        if operation.outcome == .ok, case .list(let pair) = result,
          pair[1] != .boolean(isAdd != isThere)
        {
          return Optional.none
        }
        return .some(.list((isAdd ? rest + [argument] : rest).sorted { $0.number < $1.number }))
      }
    default:
      return { state in
        var members = state.members
        var taken = Value.absent
        if !members.isEmpty {
          let place =
            switch model {
            case "queue": 0
            case "stack": members.count - 1
            default: members.indices.min { members[$0].number < members[$1].number }!
            }
          taken = members.remove(at: place)
        }
        return operation.outcome == .info || taken == result ? .some(.list(members)) : Optional.none
      }
    }
  }
}

extension Value {
  fileprivate var number: Int64 {
    guard case .integer(let number) = self else { fatalError("no number: \(self)") }
    return number
  }
  fileprivate var members: [Value] {
    guard case .list(let members) = self else { fatalError("no list: \(self)") }
    return members
  }
}
