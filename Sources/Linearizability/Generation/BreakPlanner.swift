// Finds the place for a break: the nearest at which its proof holds.
// Here: what all breaks share. Not here: each break (BreakPlanner+….swift) and why it holds
// (Break.swift).

import History

/// Plans the edits of one break on a finished history.
struct BreakPlanner {
  let operations: [Operation]
  let shape: GenerationShape
  private let target: Int
  /// All that make a thing.
  private(set) var makers: [Thing: Spans] = [:]
  /// By place of things: `ok` operations that certainly set it. Not of collections.
  private(set) var setters: [Thing: Spans] = [:]
  /// The places of a key's operations.
  private(set) var byKey: [String?: [Int]] = [:]

  init(_ operations: [Operation], shape: GenerationShape, near fraction: Double) {
    self.operations = operations
    self.shape = shape
    let wanted = max(0, min(1, fraction)) * Double(operations.count)
    target = max(0, min(operations.count - 1, Int(wanted)))
    for (place, operation) in operations.enumerated() {
      byKey[operation.key, default: []].append(place)
      for thing in operation.makes {
        makers[thing, default: Spans()].append(operation, at: place)
        // An append leaves a text's first token, and a list's elements, as they are.
        if operation.outcome == .ok && operation.function != "append" {
          setters[thing.place, default: Spans()].append(operation, at: place)
        }
      }
    }
  }

  /// The edits, by the invocations' indexes; nil when there is no place.
  func plan(_ kind: Break) -> [Int: Edit]? {
    switch kind {
    case .staleRead:
      if shape.model == .appendList { return nearest(truncatedList) }
      if shape.model == .set {
        return nearest { staleRead($0, initially: false, only: .boolean(true)) }
      }
      return nearest({ staleRead($0, initially: false) }, or: { staleRead($0, initially: true) })
    case .lostWrite:
      return nearest({ lostWrite($0, initially: false) }, or: { lostWrite($0, initially: true) })
    case .dirtyRead: return nearest(dirtyRead)
    case .readFromNowhere, .phantomElement: return nearest(readFromNowhere)
    case .futureRead: return futureRead()
    case .duplicate:
      switch shape.model {
      case .casRegister, .unknownReadRegister: return nearest { repeatedSwap($0, isSame: true) }
      case .appendList: return nearest(duplicateInList)
      case .queue, .stack, .priorityQueue: return duplicateRemoval()
      case .register, .multiRegister, .counter, .mutex, .ownedMutex, .fencedLock, .semaphore,
        .set, .kv:
        return nil
      }
    case .swap: return nearest(swap)
    case .lostUpdate: return nearest { repeatedSwap($0, isSame: false) }
    case .twoOwners, .overCapacity: return overfull()
    case .lostElement:
      switch shape.model {
      case .set: return nearest { staleRead($0, initially: false, only: .boolean(false)) }
      case .appendList: return nearest(lostFromList)
      case .register, .casRegister, .multiRegister, .counter, .mutex, .ownedMutex, .fencedLock,
        .semaphore, .queue, .stack, .priorityQueue, .kv, .unknownReadRegister:
        return falselyEmpty()
      }
    case .outOfOrder: return nearest(outOfOrder)
    case .doubleToken: return nearest(doubleToken)
    case .tornTransaction: return nearest(tornTransaction)
    case .wrongCount: return wrongCount()
    }
  }

  /// The first plan that `attempt` gives, going away from the wanted place on both sides.
  func nearest(
    within limit: Int = Int.max, _ attempt: (Int) -> [Int: Edit]?
  ) -> [Int: Edit]? {
    for distance in 0..<min(limit, operations.count) {
      for place in distance == 0 ? [target] : [target - distance, target + distance]
      where operations.indices.contains(place) {
        if let edits = attempt(place) { return edits }
      }
    }
    return nil
  }

  /// The better kind of plan if there is one near the wanted place, or the other one near it, or
  /// any.
  private func nearest(
    _ better: (Int) -> [Int: Edit]?, or other: (Int) -> [Int: Edit]?
  ) -> [Int: Edit]? {
    let near = max(16, operations.count / 20)
    return nearest(within: near, better) ?? nearest(within: near, other) ?? nearest(better)
      ?? nearest(other)
  }

  /// Whether `thing` was made by one operation alone.
  func isMadeOnce(_ thing: Thing) -> Bool { makers[thing]?.places.count == 1 }

  /// The last place up to `before` in `places` that satisfies `condition`, of the last 64.
  func last(_ places: [Int], before: Int, where condition: (Operation) -> Bool) -> Int? {
    let end = places.countBelow(before)
    return places[max(0, end - 64)..<end].last { condition(operations[$0]) }
  }

  /// `operation` as it would be if it had seen `value` at `step`.
  func seeing(_ value: Value, at step: Int, of operation: Operation) -> Edit {
    if operation.function == "txn" {
      var steps = operation.result.members
      var members = steps[step].members
      members[2] = value
      steps[step] = .list(members)
      return Edit(result: .list(steps))
    }
    if operation.function == "contains" { return Edit(result: .list([operation.argument, value])) }
    return Edit(result: value)
  }
}
