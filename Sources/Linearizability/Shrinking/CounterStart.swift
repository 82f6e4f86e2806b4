// Leaving reads of a counter out, and additions that no read left can tell from its start.
//
// Reads are pure. An addition that completed before every read left was invoked stands before
// all of them in any order, and the counter may as well start with it. One that was invoked after
// every read left had completed stands after them all. One that stands after a read in any order,
// since that saw too little for it, stands after all of them if that holds of each. And where one
// read is left, one without which that saw too much stands before it.
// "Too little" and "too much" are said of the start, all that must stand before the read, and
// whatever else may, if it makes the sum less, or more.

import History

struct CounterStart: Relaxation {
  private struct Addition {
    var place: Int
    var amount: Int128
    var invocation: Int
    /// `Int.max` where it is not known.
    var completion: Int
  }
  private struct Read {
    var place: Int
    var sum: Int128
    var invocation: Int
    var completion: Int
    /// The least and the greatest that the sum can be.
    var least: Int128 = 0
    var greatest: Int128 = 0

    func mayFollow(_ addition: Addition) -> Bool { addition.invocation < completion }
    func mustFollow(_ addition: Addition) -> Bool { addition.completion < invocation }
    func cannotHaveSeen(_ addition: Addition) -> Bool {
      !mayFollow(addition)
        || (!mustFollow(addition)
          && (addition.amount > 0
            ? least + addition.amount > sum : greatest + addition.amount < sum))
    }
    func mustHaveSeen(_ addition: Addition) -> Bool {
      mustFollow(addition)
        || (mayFollow(addition)
          && (addition.amount > 0
            ? greatest - addition.amount < sum : least - addition.amount > sum))
    }
  }

  private let operations: [Operation]
  private let initial: Int128
  private var reads: [Read] = []
  private var additions: [Addition] = []

  init(_ subject: Subject<CounterModel>) {
    operations = subject.operations
    initial = subject.model.initial
    for one in subject.judged {
      let completion = one.completion ?? Int.max
      switch one.action {
      case .read(let sum):
        reads.append(
          Read(
            place: one.place, sum: Int128(sum), invocation: one.invocation, completion: completion))
      case .add(let amount):
        additions.append(
          Addition(
            place: one.place, amount: Int128(amount), invocation: one.invocation,
            completion: completion))
      }
    }
  }

  /// The reads, and one thing more: what goes with no read.
  var count: Int { reads.count + 1 }

  func relaxing(_ range: Range<Int>) -> Relaxed? {
    let left = reads.indices.filter { !range.contains($0) }.map { reads[$0] }
    return left.isEmpty ? nil : explaining(left)
  }

  func keeping(_ wanted: Set<Int>) -> Relaxed? {
    let left = reads.filter { wanted.contains($0.invocation) }
    return left.isEmpty ? nil : explaining(left)
  }

  /// The history of these reads alone.
  private func explaining(_ reads: [Read]) -> Relaxed? {
    var reads = reads
    var left = additions.filter { $0.amount != 0 }
    var start = initial
    while true {
      let before = left.count
      for number in reads.indices {
        (reads[number].least, reads[number].greatest) = (start, start)
        for addition in left where reads[number].mayFollow(addition) {
          let isCertain = reads[number].mustFollow(addition)
          if isCertain || addition.amount < 0 { reads[number].least += addition.amount }
          if isCertain || addition.amount > 0 { reads[number].greatest += addition.amount }
        }
      }
      left.removeAll { addition in reads.allSatisfy { $0.cannotHaveSeen(addition) } }
      if left.count == before {
        // One kind at a time: what went above changes the bounds that these rest on.
        let seen = left.filter { addition in
          reads.count == 1
            ? reads[0].mustHaveSeen(addition) : reads.allSatisfy { $0.mustFollow(addition) }
        }
        let places = Set(seen.map(\.place))
        start += seen.reduce(0) { $0 + $1.amount }
        left.removeAll { places.contains($0.place) }
      }
      if left.count == before { break }
    }
    // Where no number of 64 bits says it, it stays as it was.
    guard let start = Int64(exactly: start) else { return nil }
    let places = (reads.map(\.place) + left.map(\.place)).sorted()
    if places.count == operations.count { return nil }
    return Relaxed(operations: places.map { operations[$0] }, initial: .some(.integer(start)))
  }
}

extension CounterModel: Relaxable {
  static func relaxations(of subject: Subject<CounterModel>) -> [any Relaxation] {
    [CounterStart(subject)]
  }

  func starting(at initial: Value) throws(CheckError) -> CounterModel {
    try CounterModel(initial: initial)
  }
}
