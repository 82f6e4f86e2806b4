// Leaving puts and appends of a key out soundly: with all gets that may have seen them.
//
// In an order, what a get saw is the last put before it (or the first text) and the appends
// between the two. Leave out some puts and appends, and every get that saw something of one of
// them. The put that a get which remains saw is still the last before it, and its appends still
// follow: so the order explains what remains. A get cannot have seen something of a put that its
// text does not begin with, of an append that its text does not hold, of what was invoked after
// it completed, or of what lies wholly before a required put that lies wholly before it.

import History

struct TextRemoval: Relaxation {
  private struct Item {
    var place: Int
    var action: KVAction
    var invocation: Int
    /// `Int.max` where it is not known.
    var completion: Int
    /// For a get: the latest invocation of a required put that completed before it began.
    var barrier = Int.min

    /// What it puts or appends.
    var text: [UInt8]? {
      switch action {
      case .put(.text(let text)), .append(let text): text
      case .put, .get: nil
      }
    }

    /// What it got.
    var seen: [UInt8]? {
      if case .get(.text(let seen)) = action { return seen }
      return nil
    }

    /// Whether a get may have seen something of `setter`.
    func maySee(_ setter: Item) -> Bool {
      guard let seen, setter.completion >= barrier, setter.invocation < completion else {
        return false
      }
      return seen.shows(setter.action)
    }
  }

  private let operations: [Operation]
  private let initial: KVState
  private var items: [Item]

  init(_ subject: Subject<KVModel>) {
    operations = subject.operations
    initial = subject.model.initial
    items = subject.judged.map {
      Item(
        place: $0.place, action: $0.action, invocation: $0.invocation,
        completion: $0.completion ?? Int.max)
    }
    findBarriers()
  }

  private mutating func findBarriers() {
    let puts = items.filter {
      if case .put = $0.action { return $0.completion < Int.max }
      return false
    }.sorted { $0.completion < $1.completion }
    var next = 0
    var latest = Int.min
    for number in items.indices.sorted(by: { items[$0].invocation < items[$1].invocation }) {
      while next < puts.count, puts[next].completion < items[number].invocation {
        latest = max(latest, puts[next].invocation)
        next += 1
      }
      items[number].barrier = latest
    }
  }

  var count: Int { items.count }

  /// Nil where leaving them out would make a reason of its own: a text that could be put
  /// together from what was put and appended, and then could not.
  func relaxing(_ range: Range<Int>) -> Relaxed? {
    if range.isEmpty { return nil }
    var gone = [Bool](repeating: false, count: count)
    for number in range { gone[number] = true }
    close(&gone)
    return stranded(gone).isEmpty ? remaining(gone) : nil
  }

  /// With the puts and appends that the texts of the gets can be made of.
  func keeping(_ wanted: Set<Int>) -> Relaxed? {
    var kept = items.map { wanted.contains($0.invocation) }
    while true {
      var gone = kept.map { !$0 }
      close(&gone)
      var changed = false
      for get in stranded(gone) {
        let hider = items.indices.last { items[$0].invocation == items[get].barrier }
        for number in makers(of: get) + [hider].compactMap({ $0 }) where !kept[number] {
          kept[number] = true
          changed = true
        }
      }
      if !changed { return remaining(gone) }
    }
  }

  /// Of equal puts or appends that show in a text, the last ones that were invoked before the get
  /// completed; as many of each as may show.
  private func makers(of get: Int) -> [Int] {
    guard let seen = items[get].seen else { return [] }
    var left: [KVAction: Int] = [:]
    var makers: [Int] = []
    for number in items.indices.reversed()
    where items[number].invocation < items[get].completion && seen.shows(items[number].action) {
      let action = items[number].action
      let size = max(1, items[number].text?.count ?? 1)
      let room = left[action] ?? max(1, seen.count / size)
      if room > 0 { makers.append(number) }
      left[action] = room - 1
    }
    return makers
  }

  /// Adds to `gone` all gets that may have seen what is gone.
  private func close(_ gone: inout [Bool]) {
    let setters = items.indices.filter { gone[$0] && items[$0].text != nil }
      .sorted { items[$0].completion < items[$1].completion }
    // From each setter on, the earliest invocation: where to stop looking.
    var earliest = [Int](repeating: Int.max, count: setters.count + 1)
    for position in setters.indices.reversed() {
      earliest[position] = min(earliest[position + 1], items[setters[position]].invocation)
    }
    for number in gone.indices where !gone[number] && items[number].seen != nil {
      let get = items[number]
      var (low, high) = (0, setters.count)
      while low < high {
        let middle = (low + high) / 2
        if items[setters[middle]].completion < get.barrier {
          low = middle + 1
        } else {
          high = middle
        }
      }
      while low < setters.count, earliest[low] < get.completion, !gone[number] {
        gone[number] = get.maySee(items[setters[low]])
        low += 1
      }
    }
  }

  /// Gets that stay whose text could be put together from all, and cannot from what stays.
  private func stranded(_ gone: [Bool]) -> [Int] {
    let gets = gone.indices.filter { !gone[$0] && items[$0].seen != nil }
    if gets.isEmpty { return [] }
    let before = Pieces(items.lazy.map(\.action), initial: initial)
    let after = Pieces(
      items.indices.lazy.filter { !gone[$0] }.map { items[$0].action }, initial: initial)
    return gets.filter { number in
      guard let seen = items[number].seen else { return false }
      return !after.make(seen) && before.make(seen)
    }
  }

  private func remaining(_ gone: [Bool]) -> Relaxed {
    Relaxed(
      operations: zip(items, gone).compactMap { item, isGone in
        isGone ? nil : operations[item.place]
      })
  }
}

/// What texts can be made of.
private struct Pieces {
  private var puts: Set<[UInt8]> = []
  private var appends: Set<[UInt8]> = []
  private var lengths: [Int] = []
  private var startsAbsent = false

  init(_ actions: some Sequence<KVAction>, initial: KVState) {
    switch initial {
    case .text(let text): puts.insert(text)
    case .absent, .prefix, .other: startsAbsent = true
    }
    for action in actions {
      switch action {
      case .put(.text(let text)): puts.insert(text)
      case .append(let text): appends.insert(text)
      case .put, .get: break
      }
    }
    lengths = Set(appends.lazy.map(\.count)).subtracting([0]).sorted()
  }

  /// Whether `text` is a put and some appends, in whatever order and number.
  func make(_ text: [UInt8]) -> Bool {
    var reached = [Bool](repeating: false, count: text.count + 1)
    for length in 0...text.count where puts.contains(Array(text[..<length])) {
      reached[length] = true
    }
    if startsAbsent {
      if text.isEmpty { return reached[0] || appends.contains([]) }
      reached[0] = true  // the first append makes it a text
    }
    for start in 0..<text.count where reached[start] {
      for length in lengths where start + length <= text.count && !reached[start + length] {
        reached[start + length] = appends.contains(Array(text[start..<(start + length)]))
      }
    }
    return reached[text.count]
  }
}

extension [UInt8] {
  /// Whether this text may have come of `action`: begins with what was put, or holds what was
  /// appended.
  fileprivate func shows(_ action: KVAction) -> Bool {
    switch action {
    case .put(.text(let text)): return starts(with: text)
    case .append(let text):
      guard let first = text.first else { return true }
      guard text.count <= count else { return false }
      return (0...(count - text.count)).contains {
        self[$0] == first && self[$0...].starts(with: text)
      }
    case .put, .get: return false
    }
  }
}

extension KVModel: Relaxable {
  static func relaxations(of subject: Subject<KVModel>) -> [any Relaxation] {
    [TextRemoval(subject)]
  }
}
