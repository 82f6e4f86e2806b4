// Who made which value when: what the proofs of breaks are looked up in.

import History

/// One value of one register, element or collection.
struct Thing: Hashable {
  var key: String?
  /// Which of a multi-register's registers, or of a set's elements.
  var register = Value.absent
  var value: Value

  /// The same place with another value.
  func holding(_ value: Value) -> Thing { Thing(key: key, register: register, value: value) }
  /// The place, whatever it holds.
  var place: Thing { holding(.absent) }
}

/// Some operations in the order of their invocations.
struct Spans {
  private(set) var places: [Int] = []
  private(set) var invocations: [Int] = []
  private var latest: [Int] = []  // the latest completion up to here; `Int.max` if open for ever

  mutating func append(_ operation: Operation, at place: Int) {
    places.append(place)
    invocations.append(operation.invocation)
    latest.append(max(latest.last ?? Int.min, operation.end))
  }

  /// How many were invoked before `index`.
  func count(before index: Int) -> Int { invocations.countBelow(index) }

  /// Whether one of them is open at some instant from `start` to `end`.
  func overlap(from start: Int, to end: Int) -> Bool {
    let count = count(before: end + 1)
    return count > 0 && latest[count - 1] >= start
  }
}

/// A sum that grows with the events of one key.
struct Tally {
  private var entries: [(index: Int, amount: Int64)] = []
  private var indexes: [Int] = []
  private var sums: [Int64] = []

  mutating func add(_ amount: Int64 = 1, at index: Int) { entries.append((index, amount)) }

  mutating func finish() {
    entries.sort { $0.index < $1.index }
    var sum: Int64 = 0
    for entry in entries {
      sum &+= entry.amount
      indexes.append(entry.index)
      sums.append(sum)
    }
    entries = []
  }

  /// The sum of what was added before `index`.
  func sum(before index: Int) -> Int64 {
    let count = indexes.countBelow(index)
    return count == 0 ? 0 : sums[count - 1]
  }
}

extension [Int] {
  /// How many are less than `limit`, if they are in order.
  func countBelow(_ limit: Int) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if self[middle] < limit { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

extension Operation {
  /// When it was over at the latest: `Int.max` for one that may still take effect.
  var end: Int { outcome == .info ? Int.max : completion ?? Int.max }

  /// The values it leaves behind, or may leave: what it adds, puts in or sets.
  var makes: [Thing] {
    guard outcome != .fail else { return [] }
    switch function {
    case "write", "put", "enqueue", "push", "insert", "append":
      return [Thing(key: key, value: argument)]
    case "cas": return argument.pair.map { [Thing(key: key, value: $0.1)] } ?? []
    case "add": return [Thing(key: key, register: argument, value: .boolean(true))]
    case "remove": return [Thing(key: key, register: argument, value: .boolean(false))]
    case "txn":
      return argument.steps.filter(\.isWrite).map {
        Thing(key: key, register: $0.register, value: $0.value)
      }
    default: return []
    }
  }

  /// What it saw for certain, and at which of its steps.
  var sees: [(step: Int, thing: Thing)] {
    guard outcome == .ok else { return [] }
    switch function {
    case "read", "get", "dequeue", "pop", "delete-min":
      return [(0, Thing(key: key, value: result.leadingToken))]
    case "contains":
      return [(0, Thing(key: key, register: argument, value: result.pair?.1 ?? .absent))]
    case "txn":
      let steps = result.steps
      return steps.indices.compactMap { place in
        let step = steps[place]
        let isOwn = steps[..<place].contains { $0.isWrite && $0.register == step.register }
        if step.isWrite || isOwn { return nil }
        return (place, Thing(key: key, register: step.register, value: step.value))
      }
    default: return []
    }
  }
}

/// One step of a transaction.
struct TransactionStep {
  var isWrite: Bool
  var register: Value
  var value: Value
}

extension Value {
  /// A transaction's steps.
  var steps: [TransactionStep] {
    members.compactMap {
      let step = $0.members
      guard step.count == 3 else { return nil }
      return TransactionStep(isWrite: step[0] == .text("w"), register: step[1], value: step[2])
    }
  }

  /// The members of a list.
  var members: [Value] {
    guard case .list(let members) = self else { return [] }
    return members
  }

  /// Of a text of a key-value store the token that was put last; other values are themselves.
  var leadingToken: Value {
    guard case .text(let text) = self, let end = text.firstIndex(of: ".") else { return self }
    return .text(String(text[...end]))
  }
}
