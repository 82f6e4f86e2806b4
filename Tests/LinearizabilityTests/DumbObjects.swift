// The dumb twins of locks, counters, lists, keys and transactions: what each may do next, said as
// plainly as can be, and every order tried. Shares no code with the checker, not even the models.

import History

/// A sequential object in one state.
protocol DumbObject {
  /// The states after `operation`, which was invoked with its argument and, if `ok`, returned its
  /// result; more than one where the object may choose, none where it could not have done so.
  func after(_ operation: Operation) -> [Self]
  /// Whether an operation that failed saw something.
  static func observes(failed operation: Operation) -> Bool
}

extension DumbObject {
  static func observes(failed operation: Operation) -> Bool { false }

  /// Whether some order of `operations`, with some of those of unknown outcome, explains them.
  func explains(_ operations: [Operation]) -> Bool {
    let items = operations.filter { $0.outcome != .fail || Self.observes(failed: $0) }
    return explains(items, placed: 0)
  }

  private func explains(_ items: [Operation], placed: UInt32) -> Bool {
    func end(_ item: Operation) -> Int {
      item.outcome == .info ? Int.max : item.completion!
    }
    let left = items.indices.filter { placed & (1 << $0) == 0 }
    if left.allSatisfy({ items[$0].outcome == .info }) { return true }
    for number in left {
      // Nothing that is still to be placed may have ended before this one began.
      guard left.allSatisfy({ end(items[$0]) > items[number].invocation }) else { continue }
      for next in after(items[number])
      where next.explains(items, placed: placed | 1 << number) {
        return true
      }
    }
    return false
  }
}

/// Locks of all kinds, and semaphores.
struct DumbLock: DumbObject {
  enum Kind { case ownerless, owned, fenced }
  var kind: Kind
  var capacity = 1
  var holders: [Int] = []
  var token: Int64?

  func after(_ operation: Operation) -> [DumbLock] {
    var next = self
    if operation.function == "acquire" {
      guard holders.count < capacity else { return [] }
      next.holders.append(operation.process)
      guard kind == .fenced else { return [next] }
      if operation.outcome == .ok {
        guard case .integer(let given) = operation.result, given > token ?? Int64.min else {
          return []
        }
        next.token = given
        return [next]
      }
      // Tests use tokens from 0 to 40.
      let least = token ?? -20
      return ((least + 1)...(least + 41)).map { given in
        next.token = given
        return next
      }
    }
    if kind == .ownerless {
      guard !holders.isEmpty else { return [] }
      next.holders.removeLast()
    } else {
      guard holders == [operation.process] else { return [] }
      next.holders = []
    }
    return [next]
  }
}

struct DumbCounter: DumbObject {
  var sum: Int64

  func after(_ operation: Operation) -> [DumbCounter] {
    if operation.function == "add", case .integer(let number) = operation.argument {
      return [DumbCounter(sum: sum + number)]
    }
    let saw = operation.outcome == .info ? .integer(sum) : operation.result
    return saw == .integer(sum) ? [self] : []
  }
}

struct DumbList: DumbObject {
  var members: [Value]

  func after(_ operation: Operation) -> [DumbList] {
    if operation.function == "append" { return [DumbList(members: members + [operation.argument])] }
    let saw = operation.outcome == .info ? .list(members) : operation.result
    return saw == .list(members) ? [self] : []
  }
}

struct DumbKey: DumbObject {
  var value: Value

  func after(_ operation: Operation) -> [DumbKey] {
    switch (operation.function, operation.argument, value) {
    case ("put", _, _): return [DumbKey(value: operation.argument)]
    case ("append", .text(let more), .text(let text)): return [DumbKey(value: .text(text + more))]
    case ("append", _, _): return [DumbKey(value: operation.argument)]
    default: return operation.outcome == .info || operation.result == value ? [self] : []
    }
  }
}

struct DumbRegisters: DumbObject {
  var values: [Value: Value]

  func after(_ operation: Operation) -> [DumbRegisters] {
    var next = self
    let shown = operation.outcome == .info ? operation.argument : operation.result
    guard case .list(let steps) = shown else { fatalError("no transaction") }
    for step in steps {
      guard case .list(let parts) = step else { fatalError("no step") }
      if parts[0] == .text("w") {
        next.values[parts[1]] = parts[2]
      } else if operation.outcome != .info, next.values[parts[1], default: .absent] != parts[2] {
        return []
      }
    }
    return [next]
  }
}

/// A register whose reads of null say nothing.
struct DumbUnknownRead: DumbObject {
  var value: Value

  static func observes(failed operation: Operation) -> Bool {
    operation.function == "cas" && (operation.observed != nil || operation.differs)
  }

  func after(_ operation: Operation) -> [DumbUnknownRead] {
    switch operation.function {
    case "write": return [DumbUnknownRead(value: operation.argument)]
    case "read":
      let says = operation.outcome == .ok && operation.result != .absent
      return !says || operation.result == value ? [self] : []
    default:
      guard case .list(let pair) = operation.argument else { fatalError("no pair") }
      if operation.outcome != .fail {
        return pair[0] == value ? [DumbUnknownRead(value: pair[1])] : []
      }
      if operation.differs && pair[0] == value { return [] }
      if let seen = operation.observed, seen != value { return [] }
      return [self]
    }
  }
}
