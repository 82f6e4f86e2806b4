// Starting the history of a semaphore, or of a mutex, later: soundly.
//
// Choose an instant. What completed before it is *past*, what was invoked before it and did not
// is *open*, the rest is to come. The past alone leaves s permits taken. In any order, at the
// place after the last of the past, s and what the open ones before that place add are taken,
// all from 0 to the capacity; what is to come stands after it. Open ones are concurrent with each
// other and with that place, so those before it can all stand there; and if s is in range they
// can stand in an order that stays in range: release while none is free, else acquire while some
// acquire is left. So the past can be left out, and the history starts with s taken.
//
// If s is too large, at least s less the capacity of the open ones must be releases before that
// place. Make all open releases `info`, which is a relaxation; then they are all alike, and so
// many of them can be left out, any; and s is the capacity then. The same with acquires below 0.
//
// An acquire of unknown outcome is of no use where no release is required: without it there are
// fewer permits taken, and a release that finds none taken then need not happen. Nor is a
// release of use where no acquire is required.

import History

struct PermitStart: Relaxation {
  private let operations: [Operation]
  private let judged: [Judged<MutexAction>]
  /// The required ones in the order of their completions.
  private let required: [Judged<MutexAction>]
  private let taken: Int
  private let capacity: Int
  private let value: @Sendable (Int) -> Value

  init<M: Model>(
    _ subject: Subject<M>, taken: Int, capacity: Int, value: @escaping @Sendable (Int) -> Value
  ) where M.Action == MutexAction {
    operations = subject.operations
    judged = subject.judged
    required = judged.filter(\.isRequired).sorted { $0.completion ?? 0 < $1.completion ?? 0 }
    self.taken = taken
    self.capacity = capacity
    self.value = value
  }

  /// The required ones, and one thing more: what goes with none of them.
  var count: Int { required.count + 1 }

  func relaxing(_ range: Range<Int>) -> Relaxed? {
    guard let last = range.last else { return nil }
    if last == required.count { return range.count == 1 ? starting(after: Int.min) : nil }
    guard let completion = required[last].completion else { return nil }
    return starting(after: completion)
  }

  func keeping(_ wanted: Set<Int>) -> Relaxed? {
    let first = wanted.min() ?? Int.max
    let past = required.prefix { $0.completion ?? Int.max < first }
    // Where that instant leaves too much open, an earlier one may not.
    for one in past.reversed().prefix(64) {
      guard let completion = one.completion else { break }
      if let relaxed = starting(after: completion) { return relaxed }
    }
    return nil
  }

  /// The history from right after the event `instant`.
  private func starting(after instant: Int) -> Relaxed? {
    var start = taken
    var openAcquires: [Judged<MutexAction>] = []
    var openReleases: [Judged<MutexAction>] = []
    var left: Set<Int> = []
    var loosened: Set<Int> = []
    for one in judged {
      if one.completion ?? Int.max <= instant {
        start += one.action == .acquire ? 1 : -1
        continue
      }
      left.insert(one.place)
      guard one.invocation < instant else { continue }
      switch one.action {
      case .acquire: openAcquires.append(one)
      case .release: openReleases.append(one)
      }
    }
    if start > capacity {
      guard start - capacity <= openReleases.count else { return nil }
      for one in openReleases.prefix(start - capacity) { left.remove(one.place) }
      loosened = Set(openReleases.map(\.place))
      start = capacity
    } else if start < 0 {
      guard -start <= openAcquires.count else { return nil }
      for one in openAcquires.prefix(-start) { left.remove(one.place) }
      loosened = Set(openAcquires.map(\.place))
      start = 0
    }
    leaveOutTheUseless(from: &left, loosened: loosened)
    if left.count == operations.count { return nil }
    let looser = left.sorted().map { place in
      var operation = operations[place]
      if loosened.contains(place) { operation.forgetCompletion() }
      return operation
    }
    return Relaxed(
      operations: looser, initial: .some(value(start)))
  }

  private func leaveOutTheUseless(from left: inout Set<Int>, loosened: Set<Int>) {
    func isRequired(_ one: Judged<MutexAction>) -> Bool {
      one.isRequired && !loosened.contains(one.place)
    }
    func someIsRequired(_ action: MutexAction) -> Bool {
      judged.contains { $0.action == action && isRequired($0) && left.contains($0.place) }
    }
    let (acquires, releases) = (someIsRequired(.acquire), someIsRequired(.release))
    for one in judged where !isRequired(one) {
      let isUseful = one.action == .acquire ? releases : acquires
      if !isUseful { left.remove(one.place) }
    }
  }
}

extension SemaphoreModel: Relaxable {
  static func relaxations(of subject: Subject<SemaphoreModel>) -> [any Relaxation] {
    let model = subject.model
    return [
      PermitStart(subject, taken: model.initial, capacity: model.capacity) { .integer(Int64($0)) }
    ]
  }

  func starting(at initial: Value) throws(CheckError) -> SemaphoreModel {
    try SemaphoreModel(initial: initial, capacity: capacity)
  }
}

extension MutexModel: Relaxable {
  static func relaxations(of subject: Subject<MutexModel>) -> [any Relaxation] {
    [PermitStart(subject, taken: subject.model.initial ? 1 : 0, capacity: 1) { .boolean($0 == 1) }]
  }

  func starting(at initial: Value) throws(CheckError) -> MutexModel {
    try MutexModel(initial: initial)
  }
}
