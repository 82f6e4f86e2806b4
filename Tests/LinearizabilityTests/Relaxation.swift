// Changes of histories that must keep a verdict, for every model.
// Here: the changes, each with its reason. Not here: the histories (ModelMetamorphicTests.swift).

import History
import Support

@testable import Linearizability

/// A change that keeps every linearizable history linearizable.
enum Relaxation: String, CaseIterable {
  /// An operation began earlier: fewer had completed before it. (Of a lock that knows its
  /// owner, too: an order says nothing of processes but whose operations they are.)
  case earlier
  /// An operation completed later.
  case later
  /// Nobody knows any more how an `ok` one ended.
  case forgotten
  /// One of unknown outcome more: it need not have happened.
  case moreUnknown
  /// One more that failed and saw nothing.
  case moreFailed
  /// What changes nothing is left out.
  case withoutRead
  /// The history breaks off, and what is open then may have happened.
  case prefix
  /// Two invocations, or two completions, that follow each other change places.
  case swapped

  func apply(
    to operations: [Operation], model: ModelName, using random: inout SplitMix64
  ) -> [Operation]? {
    var changed = operations
    guard let place = operations.indices.randomElement(using: &random) else { return nil }
    let last = (operations.map { max($0.invocation, $0.completion ?? 0) }.max() ?? 0) + 1
    switch self {
    case .earlier:
      changed.spread()
      changed[place].invocation =
        8
        * Int.random(
          in: 0...operations[place].invocation, using: &random) + 1
    case .later:
      guard let completion = operations[place].completion else { return nil }
      changed.spread()
      changed[place].completion = 8 * Int.random(in: completion...last, using: &random) + 1
    case .forgotten:
      guard operations[place].outcome == .ok else { return nil }
      changed[place].forgetCompletion()
    case .moreUnknown:
      changed.append(operations[place].again(using: &random, before: last))
      changed[changed.count - 1].forgetCompletion()
    case .moreFailed:
      changed.append(operations[place].again(using: &random, before: last))
      let end = changed.count - 1
      changed[end].forgetCompletion()
      changed[end].outcome = .fail
      changed[end].completion = changed[end].invocation + 2
    case .withoutRead:
      guard operations[place].isLook, operations[place].outcome == .ok else { return nil }
      changed.remove(at: place)
    case .prefix: return operations.cut(after: operations[place].invocation)
    case .swapped:
      changed.swapNeighbours(of: place)
    }
    return changed.inOrder()
  }
}

/// A change that keeps every history that is not linearizable so.
enum Restriction: String, CaseIterable {
  /// An operation began later.
  case laterBegin
  /// An operation completed earlier.
  case earlierEnd
  /// What may have happened is left out: then it did not.
  case withoutUnknown
  /// What may have happened did, and was over at the end.
  case known
  /// Operations are appended after all the others: prefixes of linearizable histories are.
  case appended
  /// Something that changes nothing is added: without it there was no order either.
  case moreReads
  case swapped

  func apply(
    to operations: [Operation], model: ModelName, using random: inout SplitMix64
  ) -> [Operation]? {
    var changed = operations
    guard let place = operations.indices.randomElement(using: &random) else { return nil }
    let last = (operations.map { max($0.invocation, $0.completion ?? 0) }.max() ?? 0) + 1
    let (begin, end) = (operations[place].invocation, operations[place].completion ?? last)
    switch self {
    case .laterBegin:
      changed.spread()
      changed[place].invocation = 8 * Int.random(in: begin..<end, using: &random) + 1
    case .earlierEnd:
      guard operations[place].outcome == .ok else { return nil }
      changed.spread()
      changed[place].completion = 8 * Int.random(in: begin..<end, using: &random) + 2
      if changed[place].invocation == changed[place].completion { return nil }
    case .withoutUnknown:
      guard operations[place].outcome == .info else { return nil }
      changed.remove(at: place)
    case .known:
      guard operations[place].outcome == .info, operations[place].saysNothingWhenOK(model) else {
        return nil
      }
      changed[place].outcome = .ok
      changed[place].completion = last + 1
    case .appended:
      var more = operations[place].again(using: &random, before: 1)
      guard more.outcome == .ok else { return nil }
      more.invocation = last + 1
      more.completion = last + 2
      changed.append(more)
    case .moreReads:
      guard operations[place].isLook, operations[place].outcome == .ok else { return nil }
      changed.append(operations[place].again(using: &random, before: last))
    case .swapped:
      changed.swapNeighbours(of: place)
    }
    return changed.inOrder()
  }
}

extension Operation {
  /// Whether it changes nothing, whatever the model.
  fileprivate var isLook: Bool { ["read", "contains", "get"].contains(function) }

  /// Whether an `ok` of it tells nothing but that it happened.
  fileprivate func saysNothingWhenOK(_ model: ModelName) -> Bool {
    switch function {
    case "write", "put", "append", "add", "remove", "enqueue", "push", "insert", "release": true
    case "acquire": model != .fencedLock
    default: false
    }
  }

  /// A copy by a process of its own, at another time before `last`, as long as it was.
  fileprivate func again(using random: inout SplitMix64, before last: Int) -> Operation {
    var copy = self
    let length = (completion ?? invocation + 1) - invocation
    copy.process = 1_000_000 + Int.random(in: 0..<1_000_000, using: &random)
    copy.invocation = Int.random(in: 0..<max(1, last), using: &random)
    if completion != nil { copy.completion = copy.invocation + length }
    return copy
  }
}

extension [Operation] {
  /// Makes room between events.
  fileprivate mutating func spread() {
    for place in indices {
      self[place].invocation *= 8
      self[place].completion = self[place].completion.map { $0 * 8 + 4 }
    }
  }

  /// Changes an invocation with the next event if that is one, too, and so a completion.
  fileprivate mutating func swapNeighbours(of place: Int) {
    let begin = self[place].invocation
    if let other = firstIndex(where: { $0.invocation == begin + 1 }) {
      self[place].invocation = begin + 1
      self[other].invocation = begin
    }
    guard let end = self[place].completion,
      let other = firstIndex(where: { $0.completion == end + 1 })
    else { return }
    self[other].completion = end
    self[place].completion = end + 1
  }

  /// In the order of invocations, with each index once: where two events stand at one, the
  /// invocation comes first, since intervals are closed.
  fileprivate func inOrder() -> [Operation] {
    var marks = indices.flatMap { place in
      [(self[place].invocation, 0, place)] + (self[place].completion.map { [($0, 1, place)] } ?? [])
    }
    marks.sort { $0 < $1 }
    var copy = self
    for (index, mark) in marks.enumerated() {
      if mark.1 == 0 { copy[mark.2].invocation = index } else { copy[mark.2].completion = index }
    }
    return copy.sorted { $0.invocation < $1.invocation }
  }
}
