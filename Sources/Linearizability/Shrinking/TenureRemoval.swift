// Leaving tenures out of the history of a lock that knows its holder, soundly.
//
// A *tenure* is an acquire and the release of the same process that follows it, or an acquire
// that nothing follows, where no other operation of that process can stand between them or, in
// the second case, after it: all others completed before the acquire was invoked, or were invoked
// after the release had completed. In any order nobody but the holder can do anything until the
// lock is released. So a tenure's two operations are neighbours there, and nothing comes after one
// that does not end (nor does it, if its release has no place). Without it the lock is free where
// it was taken and given back, and its last token is less or the same, which allows more.

import History

struct TenureRemoval: Relaxation {
  private let operations: [Operation]
  /// By tenure, the places of its operations.
  private var tenures: [[Int]] = []

  init<M: Model>(_ subject: Subject<M>) {
    operations = subject.operations
    let byProcess = Dictionary(grouping: subject.judged) { subject.operations[$0.place].process }
    for own in byProcess.values {
      let sorted = own.sorted { $0.invocation < $1.invocation }
      var latest = Int.min  // completion of those before
      var position = 0
      while position < sorted.count {
        let first = sorted[position]
        defer {
          latest = max(latest, first.completion ?? Int.max)
          position += 1
        }
        let isAcquire = operations[first.place].function == "acquire"
        guard isAcquire, latest < first.invocation else { continue }
        let after = sorted.dropFirst(position + 1)
        guard let second = after.first else {
          tenures.append([first.place])
          continue
        }
        guard operations[second.place].function == "release",
          first.completion ?? Int.max < second.invocation,
          after.dropFirst().first?.invocation ?? Int.max > second.completion ?? Int.max - 1
        else { continue }
        tenures.append([first.place, second.place])
      }
    }
    tenures.sort { $0[0] < $1[0] }
  }

  var count: Int { tenures.count }

  func relaxing(_ range: Range<Int>) -> Relaxed? {
    range.isEmpty ? nil : leavingOut(tenures[range])
  }

  func keeping(_ wanted: Set<Int>) -> Relaxed? {
    leavingOut(
      tenures.filter { !$0.contains { wanted.contains(operations[$0].invocation) } })
  }

  private func leavingOut(_ gone: some Sequence<[Int]>) -> Relaxed? {
    let places = Set(gone.joined())
    if places.isEmpty { return nil }
    return Relaxed(
      operations: operations.indices.filter { !places.contains($0) }.map { operations[$0] })
  }
}

extension OwnedMutexModel: Relaxable {
  static func relaxations(of subject: Subject<OwnedMutexModel>) -> [any Relaxation] {
    [TenureRemoval(subject)]
  }
}

extension FencedLockModel: Relaxable {
  static func relaxations(of subject: Subject<FencedLockModel>) -> [any Relaxation] {
    [TenureRemoval(subject)]
  }
}
