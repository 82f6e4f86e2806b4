// Leaving values out of the history of a queue, stack or priority queue, soundly.
//
// A value is *away* where no order has a copy of it inside: where as many required operations
// took it as had put it in, all of them completed, and no insertion of it of unknown outcome was
// yet invoked; or where the container was found empty, and every required operation on the value
// lies wholly before or wholly after. Between two such instants (or from one on) lies a *stay*.
//
// *A stay can be left out.* In an order, take away the copies that it puts in wherever they are
// inside, and the required operations that put them in or take them out, which are all of the
// stay's. What else put one in or took one out, is of unknown outcome and need not happen. All
// other operations find first, on top or least what they found before, or nothing.
// *An insertion can be left out* when no required removal of its value completed after it was
// invoked: its copy is never taken for certain, so take that copy away in the same manner.
// *A removal of unknown outcome changes nothing* where each value has at least as many required
// removals as insertions: those take all copies.
// *Empty removals* are pure.
//
// What is inside at first stays, so a value that is must be away once before stays are left out.

import History

struct ContainerRemoval: Relaxation {
  private struct Item {
    var place: Int
    var action: ContainerAction
    var invocation: Int
    /// `Int.max` where it is not known.
    var completion: Int
    /// What goes with it: itself alone, ...
    var stay = Item.alone
    static let alone = -1
    /// ... nothing, since it cannot go, ...
    static let none = -2

    var isRequired: Bool { completion < Int.max }
  }

  /// Removals that found nothing.
  private struct Empties {
    private let invocations: [Int]
    /// The first completion of one from here on.
    private var completions: [Int]

    init(_ empties: [Item]) {
      let sorted = empties.sorted { $0.invocation < $1.invocation }
      invocations = sorted.map(\.invocation)
      completions = sorted.map(\.completion)
      for position in completions.indices.dropLast().reversed() {
        completions[position] = min(completions[position], completions[position + 1])
      }
    }

    /// Whether one lies wholly between two events.
    func hasOne(after start: Int, before end: Int) -> Bool {
      var (low, high) = (0, invocations.count)
      while low < high {
        let middle = (low + high) / 2
        if invocations[middle] > start { high = middle } else { low = middle + 1 }
      }
      return low < invocations.count && completions[low] < end
    }
  }

  private let operations: [Operation]
  private let contents: [Value]
  private var items: [Item]
  private var numbersOf: [Value: [Int]] = [:]
  private var stays = 0

  init<M: Model>(
    _ subject: Subject<M>, contents: [Value]
  ) where M.Action == ContainerAction {
    operations = subject.operations
    self.contents = contents
    items = subject.judged.map {
      Item(
        place: $0.place, action: $0.action, invocation: $0.invocation,
        completion: $0.completion ?? Int.max)
    }
    let empties = Empties(items.filter { $0.action == .removeNothing })
    for number in items.indices {
      switch items[number].action {
      case .insert(let value), .remove(let value):
        numbersOf[value, default: []].append(number)
      case .removeUnknown: items[number].stay = Item.none
      case .removeNothing: break
      }
    }
    let held = Dictionary(grouping: contents) { $0 }.mapValues(\.count)
    // In order of time, so that chunks are neighbours.
    for numbers in numbersOf.values.sorted(by: { ($0.first ?? 0) < ($1.first ?? 0) }) {
      guard let first = numbers.first else { continue }
      findStays(of: numbers, held: held[value(first)] ?? 0, empties: empties)
    }
  }

  private func value(_ number: Int) -> Value {
    switch items[number].action {
    case .insert(let value), .remove(let value): value
    case .removeNothing, .removeUnknown: .absent
    }
  }

  /// Numbers the stays of one value.
  private mutating func findStays(of numbers: [Int], held: Int, empties: Empties) {
    let sorted = numbers.sorted { items[$0].invocation < items[$1].invocation }
    let lastRemoval =
      sorted.filter { items[$0].action == .remove(value($0)) }.map { items[$0].completion }.max()
      ?? Int.min
    let firstUnknown =
      sorted.first { !items[$0].isRequired }.map { items[$0].invocation } ?? Int.max
    var inside = held
    var latest = Int.min  // completion so far
    var stay = held == 0 ? nextStay() : Item.none
    for number in sorted where items[number].isRequired {
      let item = items[number]
      if latest > Int.min {
        let isBalanced = latest < item.invocation && inside == 0 && latest < firstUnknown
        if isBalanced || empties.hasOne(after: latest, before: item.invocation) {
          stay = nextStay()
        }
      }
      switch item.action {
      case .insert:
        inside += 1
        items[number].stay = item.invocation > lastRemoval ? Item.alone : stay
      case .remove, .removeNothing, .removeUnknown:
        inside -= 1
        items[number].stay = stay
      }
      latest = max(latest, item.completion)
    }
    for number in sorted where !items[number].isRequired {
      items[number].stay = items[number].invocation > lastRemoval ? Item.alone : Item.none
    }
  }

  private mutating func nextStay() -> Int {
    stays += 1
    return stays - 1
  }

  var count: Int { items.count }

  func relaxing(_ range: Range<Int>) -> Relaxed? {
    var goes = [Bool](repeating: false, count: stays)
    for number in range where items[number].stay >= 0 { goes[items[number].stay] = true }
    let gone = items.indices.map { number in
      let stay = items[number].stay
      return stay >= 0 ? goes[stay] : stay == Item.alone && range.contains(number)
    }
    return gone.contains(true) ? remaining(gone) : nil
  }

  func keeping(_ wanted: Set<Int>) -> Relaxed? {
    var isKept = [Bool](repeating: false, count: stays)
    for item in items where item.stay >= 0 && wanted.contains(item.invocation) {
      isKept[item.stay] = true
    }
    let gone = items.map { item in
      item.stay >= 0
        ? !isKept[item.stay] : item.stay == Item.alone && !wanted.contains(item.invocation)
    }
    return remaining(gone)
  }

  /// What is not `gone`, without what then is of unknown outcome and of no use.
  private func remaining(_ gone: [Bool]) -> Relaxed {
    var gone = gone
    var areSpare = false
    let held = Dictionary(grouping: contents) { $0 }.mapValues(\.count)
    areSpare = held.contains { numbersOf[$0.key] == nil }
    for (value, numbers) in numbersOf {
      var spare = held[value] ?? 0
      let last =
        numbers.lazy.filter { !gone[$0] && items[$0].action == .remove(value) }
        .map { items[$0].completion }.max() ?? Int.min
      for number in numbers where !gone[number] {
        switch items[number].action {
        case .insert:
          if !items[number].isRequired, items[number].invocation > last {
            gone[number] = true
          } else {
            spare += 1
          }
        case .remove: spare -= 1
        case .removeNothing, .removeUnknown: break
        }
      }
      if spare > 0 { areSpare = true }
    }
    if !areSpare {
      for number in items.indices where items[number].action == .removeUnknown {
        gone[number] = true
      }
    }
    return Relaxed(
      operations: zip(items, gone).compactMap { item, isGone in
        isGone ? nil : operations[item.place]
      })
  }
}

extension QueueModel: Relaxable {
  static func relaxations(of subject: Subject<QueueModel>) -> [any Relaxation] {
    [ContainerRemoval(subject, contents: subject.model.contents)]
  }
}

extension StackModel: Relaxable {
  static func relaxations(of subject: Subject<StackModel>) -> [any Relaxation] {
    [ContainerRemoval(subject, contents: subject.model.contents)]
  }
}

extension PriorityQueueModel: Relaxable {
  static func relaxations(of subject: Subject<PriorityQueueModel>) -> [any Relaxation] {
    [ContainerRemoval(subject, contents: subject.model.contents)]
  }
}
