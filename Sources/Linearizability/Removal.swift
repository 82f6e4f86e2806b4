// Leaving writes out of a history soundly: with all that may have seen them.
//
// Take any order that explains the history. Leave out some operations that set the state, and
// every operation that saw a state which one of them had set. What remains saw a state set by
// something that remains (or the first state), and nothing that remains now stands between the
// two that did not before: so the order still explains it. An operation r cannot have seen what
// w set if w was invoked after r completed, or if some required setter lies wholly between them.
// Observations by inequality see everything and go first; they are pure.

import History

/// The operations of one key by what they set and see.
struct Removal<M: Model> {
  private let subject: Subject<M>
  private let first: M.State
  private var needs: [M.State?] = []
  private var makes: [M.State?] = []
  private var seesMore: [Bool] = []
  /// By operation: the latest invocation of a required setter that completed before it began.
  private var barriers: [Int] = []

  /// Nil when some operation has no footprint: then nothing is known of who saw what.
  init?(_ subject: Subject<M>) {
    self.subject = subject
    first = subject.model.initial
    for one in subject.judged {
      guard let footprint = subject.model.footprint(of: one.action) else { return nil }
      makes.append(footprint.makes)
      switch footprint.demand {
      case .anything:
        needs.append(nil)
        seesMore.append(false)
      case .exactly(let state):
        needs.append(state)
        seesMore.append(false)
      case .other:
        needs.append(nil)
        seesMore.append(true)
      }
    }
    findBarriers()
  }

  private mutating func findBarriers() {
    let setters = subject.judged.indices.filter {
      makes[$0] != nil && subject.judged[$0].isRequired
    }
    .sorted { subject.judged[$0].completion ?? 0 < subject.judged[$1].completion ?? 0 }
    barriers = Array(repeating: Int.min, count: subject.judged.count)
    var next = 0
    var latest = Int.min
    for number in subject.judged.indices.sorted(by: {
      subject.judged[$0].invocation < subject.judged[$1].invocation
    }) {
      while next < setters.count,
        let completion = subject.judged[setters[next]].completion,
        completion < subject.judged[number].invocation
      {
        latest = max(latest, subject.judged[setters[next]].invocation)
        next += 1
      }
      barriers[number] = latest
    }
  }

  /// How many operations can set the state.
  var setterCount: Int { makes.count { $0 != nil } }

  /// The operations without those at `places`, or nil when leaving them out would make a reason
  /// of its own: something that is needed and was set would be set by nobody.
  func removing(places: Range<Int>) -> [Operation]? {
    var gone = subject.judged.map { places.contains($0.place) }
    guard gone.contains(true) else { return nil }
    close(&gone)
    return stranded(gone).isEmpty ? remaining(gone) : nil
  }

  /// Only the operations at `places`, with what must stay because of them.
  func keeping(places: [Int]) -> [Operation] {
    let wanted = Set(places)
    let setters = subject.judged.indices.filter { makes[$0] != nil }
    var kept = Set(subject.judged.indices.filter { wanted.contains(subject.judged[$0].place) })
    while true {
      var gone = subject.judged.indices.map { !kept.contains($0) }
      close(&gone)
      let before = kept.count
      for number in stranded(gone) { kept.formUnion(explaining(number, among: setters)) }
      if kept.count == before { return remaining(gone) }
    }
  }

  /// The last `count` setters, with what only they can explain.
  ///
  /// What is needed there keeps one setter, the latest before the need, and the one that hides
  /// it: or a stale read would look as if it came from nowhere.
  func keepingLastSetters(_ count: Int) -> [Operation] {
    let setters = subject.judged.indices.filter { makes[$0] != nil }
    let start = subject.judged[setters[setters.count - count]].invocation
    var kept: Set<Int> = []
    while true {
      var gone = subject.judged.indices.map { number in
        subject.judged[number].invocation < start && !kept.contains(number)
      }
      close(&gone)
      let before = kept.count
      for number in stranded(gone) {
        kept.formUnion(explaining(number, among: setters))
      }
      if kept.count == before { return remaining(gone) }
    }
  }

  /// The latest setter of what `number` needs that was invoked before it completed, and the
  /// latest that hides it.
  private func explaining(_ number: Int, among setters: [Int]) -> [Int] {
    let end = subject.judged[number].completion ?? Int.max
    let maker = setters.last {
      makes[$0] == needs[number] && $0 != number && subject.judged[$0].invocation < end
    }
    let hider = setters.last {
      subject.judged[$0].invocation == barriers[number] && subject.judged[$0].isRequired
    }
    return [maker, hider].compactMap { $0 }
  }

  /// Adds to `gone` all that may have seen what is gone.
  private func close(_ gone: inout [Bool]) {
    // Of the setters gone, by what they set: from the earliest invocation to the last completion.
    var spans: [M.State: (invocation: Int, completion: Int)] = [:]
    func note(_ number: Int) {
      guard let state = makes[number] else { return }
      let one = subject.judged[number]
      let span = spans[state] ?? (Int.max, Int.min)
      spans[state] = (
        min(span.invocation, one.invocation), max(span.completion, one.completion ?? Int.max)
      )
    }
    for number in gone.indices where gone[number] { note(number) }
    guard !spans.isEmpty else { return }  // pure operations go alone
    for number in gone.indices where seesMore[number] { gone[number] = true }
    var changed = true
    while changed {
      changed = false
      for number in gone.indices where !gone[number] {
        guard let need = needs[number], let span = spans[need],
          span.completion >= barriers[number],
          span.invocation < subject.judged[number].completion ?? Int.max
        else { continue }
        gone[number] = true
        note(number)
        changed = true
      }
    }
  }

  /// Operations that stay and need what was set, and now is set by nobody that stays.
  private func stranded(_ gone: [Bool]) -> [Int] {
    var made: Set<M.State> = [first]
    var wasMade: Set<M.State> = []
    for number in gone.indices {
      guard let state = makes[number] else { continue }
      wasMade.insert(state)
      if !gone[number] { made.insert(state) }
    }
    return gone.indices.filter { number in
      guard !gone[number], let need = needs[number] else { return false }
      return wasMade.contains(need) && !made.contains(need)
    }
  }

  private func remaining(_ gone: [Bool]) -> [Operation] {
    zip(subject.judged, gone).compactMap { one, isGone in
      isGone ? nil : subject.operations[one.place]
    }
  }
}
