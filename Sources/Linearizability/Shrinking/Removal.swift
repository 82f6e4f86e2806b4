// Leaving writes out of a history soundly: with all that may have seen them.
//
// Take any order that explains the history. Leave out some operations that set cells, and every
// operation that saw a content which one of them had set. What remains saw contents set by
// something that remains (or the first ones), and nothing that remains now stands between the
// two that did not before: so the order still explains it. An operation r cannot have seen what
// w set in a cell if w was invoked after r completed, or if some required setter of that cell
// lies wholly between them. Observations by inequality see everything and go first; they are
// pure.

import History

/// The operations of one key by what they set and see.
struct Removal: Relaxation {
  private struct Span {
    var place: Int
    var invocation: Int
    /// `Int.max` where it is not known.
    var completion: Int
  }

  private let operations: [Operation]
  private let spans: [Span]
  private let cells: Cells
  /// By need: the latest invocation of a required setter of that cell that completed before the
  /// operation began.
  private let barriers: [Int]

  /// Nil when some operation has no footprint: then nothing is known of who saw what.
  init?<M: Model>(footprintsOf subject: Subject<M>) {
    guard let cells = Cells(footprintsOf: subject) else { return nil }
    self.init(subject, cells)
  }

  /// The operations of `subject`, each of which sees and sets what `cells` say.
  init<M: Model>(_ subject: Subject<M>, _ cells: Cells) {
    operations = subject.operations
    self.cells = cells
    spans = subject.judged.map {
      Span(place: $0.place, invocation: $0.invocation, completion: $0.completion ?? Int.max)
    }
    barriers = Self.barriers(spans, cells)
  }

  private static func barriers(_ spans: [Span], _ cells: Cells) -> [Int] {
    var barriers = [Int](repeating: Int.min, count: cells.needCount)
    var latest = [Int](repeating: Int.min, count: cells.cellCount)
    let byCompletion = spans.indices.filter {
      spans[$0].completion < Int.max && !cells.makes($0).isEmpty
    }.sorted { spans[$0].completion < spans[$1].completion }
    var next = 0
    for number in spans.indices.sorted(by: { spans[$0].invocation < spans[$1].invocation }) {
      while next < byCompletion.count,
        spans[byCompletion[next]].completion < spans[number].invocation
      {
        let setter = byCompletion[next]
        for pair in cells.makes(setter) {
          let cell = Int(cells.cellOf[Int(pair)])
          latest[cell] = max(latest[cell], spans[setter].invocation)
        }
        next += 1
      }
      for position in cells.needPositions(number) {
        barriers[position] = latest[Int(cells.cellOf[cells.need(at: position)])]
      }
    }
    return barriers
  }

  var count: Int { spans.count }

  /// Nil where leaving them out would make a reason of its own: something that is needed and was
  /// set would be set by nobody.
  func relaxing(_ range: Range<Int>) -> Relaxed? {
    if range.isEmpty { return nil }
    var gone = [Bool](repeating: false, count: count)
    for number in range { gone[number] = true }
    close(&gone)
    return stranded(gone).isEmpty ? remaining(gone) : nil
  }

  /// What is needed keeps one setter, the latest before the need, and the one that hides it: or a
  /// stale read would look as if it came from nowhere.
  func keeping(_ wanted: Set<Int>) -> Relaxed? {
    var kept = spans.map { wanted.contains($0.invocation) }
    while true {
      var gone = kept.map { !$0 }
      close(&gone)
      var changed = false
      for position in stranded(gone) {
        for number in explaining(position) where !kept[number] {
          kept[number] = true
          changed = true
        }
      }
      if !changed { return remaining(gone) }
    }
  }

  /// The latest setter of what is needed that was invoked before it is, and the latest that
  /// hides it.
  private func explaining(_ need: (number: Int, position: Int)) -> [Int] {
    let pair = Int32(cells.need(at: need.position))
    let cell = cells.cellOf[Int(pair)]
    let maker = spans.indices.last {
      $0 != need.number && cells.makes($0).contains(pair)
        && spans[$0].invocation < spans[need.number].completion
    }
    let hider = spans.indices.last {
      spans[$0].invocation == barriers[need.position]
        && cells.makes($0).contains { cells.cellOf[Int($0)] == cell }
    }
    return [maker, hider].compactMap { $0 }
  }

  /// Adds to `gone` all that may have seen what is gone.
  private func close(_ gone: inout [Bool]) {
    // By pair, of the setters gone: from the earliest invocation to the last completion.
    var first = [Int](repeating: Int.max, count: cells.pairCount)
    var last = [Int](repeating: Int.min, count: cells.pairCount)
    var isPure = true
    func note(_ number: Int) {
      for pair in cells.makes(number) {
        isPure = false
        first[Int(pair)] = min(first[Int(pair)], spans[number].invocation)
        last[Int(pair)] = max(last[Int(pair)], spans[number].completion)
      }
    }
    for number in gone.indices where gone[number] { note(number) }
    if isPure { return }  // they go alone
    for number in gone.indices where cells.seesMore[number] { gone[number] = true }
    var changed = true
    while changed {
      changed = false
      for number in gone.indices where !gone[number] {
        let mayHaveSeen = cells.needPositions(number).contains { position in
          let pair = cells.need(at: position)
          return last[pair] >= barriers[position] && first[pair] < spans[number].completion
        }
        guard mayHaveSeen else { continue }
        gone[number] = true
        note(number)
        changed = true
      }
    }
  }

  /// Needs of what stays that were set, and now are set by nobody that stays.
  private func stranded(_ gone: [Bool]) -> [(number: Int, position: Int)] {
    var isMade = cells.isFirst
    var wasMade = [Bool](repeating: false, count: cells.pairCount)
    for number in gone.indices {
      for pair in cells.makes(number) {
        wasMade[Int(pair)] = true
        if !gone[number] { isMade[Int(pair)] = true }
      }
    }
    return gone.indices.filter { !gone[$0] }.flatMap { number in
      cells.needPositions(number).filter { position in
        let pair = cells.need(at: position)
        return wasMade[pair] && !isMade[pair]
      }.map { (number, $0) }
    }
  }

  private func remaining(_ gone: [Bool]) -> Relaxed {
    Relaxed(
      operations: zip(spans, gone).compactMap { one, isGone in
        isGone ? nil : operations[one.place]
      })
  }
}
