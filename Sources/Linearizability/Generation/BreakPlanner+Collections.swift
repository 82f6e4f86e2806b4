// Breaks of queues, stacks, priority queues and lists. The arguments stand in Break.swift.

import History

extension BreakPlanner {
  private static let removals: Set<String> = ["dequeue", "pop", "delete-min"]

  private func isRemoval(_ operation: Operation) -> Bool {
    Self.removals.contains(operation.function)
  }

  /// A removal that gave something out.
  private func isTaker(_ operation: Operation) -> Bool {
    isRemoval(operation) && operation.outcome == .ok && operation.result != .absent
  }

  func duplicateRemoval() -> [Int: Edit]? {
    var takes: [Thing: Tally] = [:]  // by completion
    for taker in operations where isTaker(taker) {
      takes[Thing(key: taker.key, value: taker.result), default: Tally()].add(at: taker.end)
    }
    for thing in takes.keys { takes[thing]?.finish() }
    return nearest { place in
      let second = operations[place]
      guard isRemoval(second), second.outcome == .ok else { return nil }
      let found = last(byKey[second.key] ?? [], before: place) { first in
        guard isTaker(first), first.result != second.result else { return false }
        let thing = Thing(key: first.key, value: first.result)
        let taken = takes[thing]?.sum(before: second.end) ?? 0
        let put = makers[thing]?.count(before: second.end) ?? 0
        return taken + 1 > put
      }
      return found.map { [second.invocation: Edit(result: operations[$0].result)] }
    }
  }

  func swap(_ place: Int) -> [Int: Edit]? {
    let later = operations[place]
    guard isTaker(later), let after = source(of: later) else { return nil }
    let found = last(byKey[later.key] ?? [], before: place) { earlier in
      guard isTaker(earlier), earlier.end < later.invocation, let before = source(of: earlier)
      else { return false }
      // The later removal is to give out what the earlier one gave, and what was put in once is
      // taken once in a valid history.
      let wasInside = before.end < earlier.invocation
      switch shape.model {
      case .stack: return wasInside && after.end < before.invocation
      case .priorityQueue:
        guard case .integer(let inside) = earlier.result, case .integer(let taken) = later.result
        else { return false }
        return wasInside && inside < taken
      case .queue: return before.end < after.invocation
      case .register, .casRegister, .multiRegister, .counter, .mutex, .ownedMutex, .fencedLock,
        .semaphore, .set, .appendList, .kv, .unknownReadRegister:
        return false
      }
    }
    guard let found else { return nil }
    return [
      operations[found].invocation: Edit(result: later.result),
      later.invocation: Edit(result: operations[found].result),
    ]
  }

  /// The one operation that put in what `taker` took, if it is the only one.
  private func source(of taker: Operation) -> Operation? {
    guard let spans = makers[Thing(key: taker.key, value: taker.result)],
      spans.places.count == 1, let place = spans.places.first
    else { return nil }
    return operations[place]
  }

  func falselyEmpty() -> [Int: Edit]? {
    var put: [String?: Tally] = [:]
    var taken: [String?: Tally] = [:]
    for operation in operations {
      if isRemoval(operation) {
        let mayTake = isTaker(operation) || operation.outcome == .info
        if mayTake { taken[operation.key, default: Tally()].add(at: operation.invocation) }
      } else if operation.outcome == .ok {
        put[operation.key, default: Tally()].add(at: operation.end)
      }
    }
    for key in byKey.keys {
      put[key]?.finish()
      taken[key]?.finish()
    }
    return nearest { place in
      let taker = operations[place]
      guard isTaker(taker) else { return nil }
      let inside = put[taker.key]?.sum(before: taker.invocation) ?? 0
      let gone = (taken[taker.key]?.sum(before: taker.end) ?? 0) - 1  // but for this one
      return inside > gone ? [taker.invocation: Edit(result: .absent)] : nil
    }
  }

  // MARK: - Lists

  private func list(_ reader: Operation) -> [Value]? {
    guard reader.outcome == .ok, reader.function == "read", case .list(let list) = reader.result
    else { return nil }
    return list
  }

  /// The append of `value` if there is but one.
  private func append(of value: Value, key: String?) -> Operation? {
    guard let spans = makers[Thing(key: key, value: value)], spans.places.count == 1 else {
      return nil
    }
    return spans.places.first.map { operations[$0] }
  }

  func truncatedList(_ place: Int) -> [Int: Edit]? {
    let reader = operations[place]
    guard let list = list(reader), !list.isEmpty else { return nil }
    var due = 0
    for place in byKey[reader.key] ?? [] {
      let other = operations[place]
      if other.invocation > reader.invocation { break }
      if other.function == "append", other.outcome == .ok, other.end < reader.invocation {
        due += 1
      }
    }
    return due > 0 ? [reader.invocation: Edit(result: .list(Array(list.prefix(due - 1))))] : nil
  }

  func lostFromList(_ place: Int) -> [Int: Edit]? {
    let reader = operations[place]
    guard let list = list(reader) else { return nil }
    // Before the last: a list cut at its end is a stale one.
    for position in list.indices.reversed() where position < list.count - 1 || list.count == 1 {
      let value = list[position]
      let due = (makers[Thing(key: reader.key, value: value)]?.places ?? []).count {
        operations[$0].outcome == .ok && operations[$0].end < reader.invocation
      }
      guard list.count(where: { $0 == value }) <= due else { continue }
      var rest = list
      rest.remove(at: position)
      return [reader.invocation: Edit(result: .list(rest))]
    }
    return nil
  }

  func duplicateInList(_ place: Int) -> [Int: Edit]? {
    let reader = operations[place]
    guard let list = list(reader), let end = reader.completion else { return nil }
    for value in list.reversed().prefix(64) {
      let shown = list.count { $0 == value }
      let put = makers[Thing(key: reader.key, value: value)]?.count(before: end) ?? 0
      if shown + 1 > put { return [reader.invocation: Edit(result: .list(list + [value]))] }
    }
    return nil
  }

  func outOfOrder(_ place: Int) -> [Int: Edit]? {
    let reader = operations[place]
    guard let list = list(reader) else { return nil }
    for right in list.indices.reversed() {
      guard let late = append(of: list[right], key: reader.key) else { continue }
      for left in list[..<right].indices.suffix(64).reversed() {
        guard let early = append(of: list[left], key: reader.key), early.end < late.invocation
        else { continue }
        var turned = list
        turned.swapAt(left, right)
        return [reader.invocation: Edit(result: .list(turned))]
      }
    }
    return nil
  }
}
