// Breaks of what holds one value at a time: registers, transactions, texts, a set's elements.
// The arguments stand in Break.swift.

import History

extension BreakPlanner {
  /// The latest operation that set `thing`'s place and completed before `reader` was invoked.
  private func lastSetter(of thing: Thing, before reader: Operation) -> Operation? {
    guard let setters = setters[thing.place] else { return nil }
    return latest(setters, completedBefore: reader.invocation)
  }

  private func latest(_ spans: Spans, completedBefore index: Int) -> Operation? {
    let end = spans.count(before: index)
    for place in spans.places[max(0, end - 64)..<end].reversed()
    where operations[place].end < index {
      return operations[place]
    }
    return nil
  }

  /// What `setter` left at `thing`'s place.
  private func value(leftBy setter: Operation, at thing: Thing) -> Value? {
    setter.makes.last { $0.place == thing.place }?.value
  }

  /// Whether the window argument says that `thing` cannot be there for `reader`.
  private func isGone(_ thing: Thing, from setter: Operation, to reader: Operation) -> Bool {
    if value(leftBy: setter, at: thing) == thing.value { return false }
    guard let end = reader.completion else { return false }
    return makers[thing]?.overlap(from: setter.invocation, to: end) != true
  }

  /// A value that cannot be there for `reader`: once set before `setter` did or, if `initially`,
  /// what was there in the beginning.
  private func goneValue(
    like thing: Thing, from setter: Operation, to reader: Operation, initially: Bool
  ) -> Value? {
    let isSet = shape.model == .set
    if initially {
      let start = thing.holding(isSet ? .boolean(false) : .absent)
      // A read of null says nothing there.
      if shape.model == .unknownReadRegister { return Optional.none }
      return isGone(start, from: setter, to: reader) ? start.value : Optional.none
    }
    guard let setters = setters[thing.place] else { return Optional.none }
    let end = setters.count(before: setter.invocation)
    for place in setters.places[max(0, end - 32)..<end].reversed() {
      for older in operations[place].makes where older.place == thing.place {
        if isGone(older, from: setter, to: reader) { return older.value }
      }
    }
    // Of an element's two values the one it has to begin with needs no one who set it.
    let absent = thing.holding(.boolean(false))
    return isSet && isGone(absent, from: setter, to: reader) ? absent.value : Optional.none
  }

  /// With `only`, nothing but this value is seen.
  func staleRead(_ place: Int, initially: Bool, only: Value? = Optional.none) -> [Int: Edit]? {
    let reader = operations[place]
    for (step, thing) in reader.sees where isValue(thing) {
      guard let setter = lastSetter(of: thing, before: reader),
        let value = goneValue(like: thing, from: setter, to: reader, initially: initially),
        only == nil || only == value
      else { continue }
      return [reader.invocation: seeing(value, at: step, of: reader)]
    }
    return nil
  }

  /// Whether a reader's result is a value of this kind at all: a set may be read whole.
  private func isValue(_ thing: Thing) -> Bool {
    if case .list = thing.value { return false }
    return true
  }

  func lostWrite(_ place: Int, initially: Bool) -> [Int: Edit]? {
    let reader = operations[place]
    for (_, thing) in reader.sees {
      guard let setter = lastSetter(of: thing, before: reader), setter.function != "cas",
        value(leftBy: setter, at: thing) == thing.value,
        let older = goneValue(like: thing, from: setter, to: reader, initially: initially)
      else { continue }
      // Where others make the same value, nobody later can be said to have seen this one's.
      let end = isMadeOnce(thing) ? Int.max : reader.invocation
      var edits: [Int: Edit] = [:]
      var isUsed = false
      for place in byKey[thing.key] ?? [] {
        let other = operations[place]
        if other.end < setter.invocation || other.invocation > end { continue }
        if other.function == "cas", other.outcome == .ok, other.argument.pair?.0 == thing.value {
          isUsed = true
          break
        }
        for (step, seen) in other.sees where seen == thing {
          edits[other.invocation] = seeing(older, at: step, of: other)
        }
      }
      if !isUsed { return edits }
    }
    return nil
  }

  /// A second compare-and-set from the value that one before it took away.
  func repeatedSwap(_ place: Int, isSame: Bool) -> [Int: Edit]? {
    let second = operations[place]
    guard second.function == "cas", second.outcome != .info, let (old, new) = second.argument.pair
    else { return nil }
    let found = last(byKey[second.key] ?? [], before: place) { first in
      guard first.function == "cas", first.outcome == .ok, let pair = first.argument.pair,
        first.end < second.invocation, pair.0 != pair.1, pair.0 != old || second.outcome == .fail,
        isSame || pair.0 != new
      else { return false }
      return isGone(Thing(key: first.key, value: pair.0), from: first, to: second)
    }
    guard let found, let taken = operations[found].argument.pair else { return nil }
    let pair = Value.list([taken.0, isSame ? taken.1 : new])
    return [second.invocation: Edit(argument: pair, result: pair, outcome: .ok)]
  }

  func tornTransaction(_ place: Int) -> [Int: Edit]? {
    let reader = operations[place]
    let seen = reader.sees
    for (_, first) in seen {
      guard isMadeOnce(first), let writer = makers[first]?.places.first.map({ operations[$0] }),
        writer.invocation != reader.invocation
      else { continue }
      for (step, second) in seen where second.register != first.register {
        // Only a transaction that wrote there can be torn.
        guard value(leftBy: writer, at: second) != nil else { continue }
        for initially in [false, true] {
          guard
            let value = goneValue(like: second, from: writer, to: reader, initially: initially)
          else { continue }
          return [reader.invocation: seeing(value, at: step, of: reader)]
        }
      }
    }
    return nil
  }
}
