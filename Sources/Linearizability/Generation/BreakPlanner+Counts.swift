// Breaks of locks and counters. The arguments stand in Break.swift.

import History

extension BreakPlanner {
  /// Failed acquires of one lock that are made to succeed, as few as prove that it was too full.
  func overfull() -> [Int: Edit]? {
    var acquires: [String?: Tally] = [:]  // by completion
    var releases: [String?: Tally] = [:]  // by invocation
    for operation in operations {
      if operation.function == "acquire", operation.outcome == .ok {
        acquires[operation.key, default: Tally()].add(at: operation.end)
      } else if operation.function == "release", operation.outcome != .fail {
        releases[operation.key, default: Tally()].add(at: operation.invocation)
      }
    }
    for key in byKey.keys {
      acquires[key]?.finish()
      releases[key]?.finish()
    }
    let room: Int64 = shape.model == .semaphore ? Int64(shape.capacity) : 1
    func plan(_ place: Int, atMost: Int64) -> [Int: Edit]? {
      let last = operations[place]
      guard last.function == "acquire", last.outcome == .fail, let end = last.completion
      else { return nil }
      let held =
        (acquires[last.key]?.sum(before: end + 1) ?? 0)
        - (releases[last.key]?.sum(before: end) ?? 0)
      let missing = room + 1 - held
      guard missing >= 1, missing <= atMost else { return nil }
      var edits: [Int: Edit] = [:]
      let places = byKey[last.key] ?? []
      for other in places[..<places.countBelow(place + 1)].reversed().lazy.map({ operations[$0] }) {
        guard edits.count < missing else { break }
        guard other.function == "acquire", other.outcome == .fail, other.end <= end else {
          continue
        }
        edits[other.invocation] = Edit(result: token(at: other), outcome: .ok)
      }
      return edits.count == Int(missing) ? edits : nil
    }
    for limit in [operations.count / 20, Int.max] {
      for atMost: Int64 in [1, 4, 64] {
        if let edits = nearest(within: limit, { plan($0, atMost: atMost) }) { return edits }
      }
    }
    return nil
  }

  /// What `acquire` would hand out now: a fenced lock's next token, else nothing.
  private func token(at acquire: Operation) -> Value {
    guard shape.model == .fencedLock else { return .absent }
    for place in (byKey[acquire.key] ?? []).reversed() {
      let other = operations[place]
      if other.end < acquire.invocation, case .integer(let token) = other.result {
        return .integer(token + 1)
      }
    }
    return 1
  }

  func doubleToken(_ place: Int) -> [Int: Edit]? {
    let second = operations[place]
    guard second.function == "acquire", second.outcome == .ok else { return nil }
    let found = last(byKey[second.key] ?? [], before: place) { first in
      first.function == "acquire" && first.outcome == .ok && first.end < second.invocation
    }
    return found.map { [second.invocation: Edit(result: operations[$0].result)] }
  }

  func wrongCount() -> [Int: Edit]? {
    var sure: [String?: Tally] = [:]  // by completion
    var possible: [String?: Tally] = [:]  // by invocation
    for operation in operations where operation.function == "add" && operation.outcome != .fail {
      // The generator adds nothing below 1, so that a sum over more operations is never less.
      guard case .integer(let amount) = operation.argument else { continue }
      possible[operation.key, default: Tally()].add(amount, at: operation.invocation)
      if operation.outcome == .ok {
        sure[operation.key, default: Tally()].add(amount, at: operation.end)
      }
    }
    for key in byKey.keys {
      sure[key]?.finish()
      possible[key]?.finish()
    }
    return nearest { place in
      let reader = operations[place]
      guard reader.function == "read", reader.outcome == .ok else { return nil }
      let least = sure[reader.key]?.sum(before: reader.invocation) ?? 0
      let most = possible[reader.key]?.sum(before: reader.end) ?? 0
      return [reader.invocation: Edit(result: .integer(least > 0 ? least - 1 : most + 1))]
    }
  }
}
