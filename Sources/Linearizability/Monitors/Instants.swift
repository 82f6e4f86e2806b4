// The instants at which events stand, as small numbers, and sets of them.
// Here: what intervals are measured in. Not here: whose intervals (ContainerPairing.swift).

import History

/// The events of one key numbered in the order of real time, some numbers left over at most.
///
/// An instant between two events is as good as the earlier of them to everything that monitors
/// ask: intervals are closed and critical intervals open, and both begin and end at events.
struct Instants {
  /// By judged operation: when it was invoked.
  private(set) var starts: [Int32]
  /// By judged operation: when it completed; `never` where the outcome is unknown.
  private(set) var ends: [Int32]
  /// After the last.
  let never: Int32

  /// Numbers the events of `judged` from `first` on; what is below is for what was before.
  ///
  /// - Complexity: linear where the events of the key lie close together, O(n log n) otherwise.
  init<Action>(_ judged: [Judged<Action>], first: Int) {
    starts = Array(repeating: 0, count: judged.count)
    ends = Array(repeating: 0, count: judged.count)
    var (least, most) = (Int.max, Int.min)
    for one in judged {
      least = min(least, one.invocation)
      most = max(most, one.completion ?? one.invocation)
    }
    let (spread, overflows) = most.subtractingReportingOverflow(least)
    if judged.isEmpty || (!overflows && spread < judged.count * 8) {
      never = Int32(first + (judged.isEmpty ? 0 : spread + 1))
      for (number, one) in judged.enumerated() {
        starts[number] = Int32(first + one.invocation - least)
        ends[number] = one.completion.map { Int32(first + $0 - least) } ?? never
      }
      return
    }
    var events: [(index: Int, code: Int32)] = []
    events.reserveCapacity(judged.count * 2)
    for (number, one) in judged.enumerated() {
      events.append((one.invocation, Int32(number) << 1))
      if let completion = one.completion { events.append((completion, Int32(number) << 1 | 1)) }
    }
    events.sort { $0.index < $1.index }
    never = Int32(first + events.count)
    for number in judged.indices { ends[number] = never }
    for (rank, (_, code)) in events.enumerated() {
      let instant = Int32(first + rank)
      if code & 1 == 0 { starts[Int(code >> 1)] = instant } else { ends[Int(code >> 1)] = instant }
    }
  }
}

/// A set of instants that finds the next and the previous member.
///
/// A tree of bits, 64 to a word: all operations take O(log₆₄ n), four words for ten million.
struct InstantSet {
  /// Bottom first; a bit of a level stands for a word of the one below that is not zero.
  private var levels: [[UInt64]]

  /// A set of instants below `count`: all of them, or none.
  init(count: Int, full: Bool) {
    levels = []
    var bits = count
    repeat {
      let words = (bits + 63) / 64
      var level = [UInt64](repeating: full ? .max : 0, count: max(1, words))
      if full, bits % 64 != 0 { level[words - 1] = (1 << UInt64(bits % 64)) - 1 }
      if bits == 0 { level[0] = 0 }
      levels.append(level)
      bits = level.count
    } while bits > 1
  }

  mutating func insert(_ instant: Int32) {
    var place = Int(instant)
    for level in levels.indices {
      let word = place >> 6
      let wasEmpty = levels[level][word] == 0
      levels[level][word] |= 1 << UInt64(place & 63)
      if !wasEmpty { return }
      place = word
    }
  }

  mutating func remove(_ instant: Int32) {
    var place = Int(instant)
    for level in levels.indices {
      let word = place >> 6
      levels[level][word] &= ~(1 << UInt64(place & 63))
      if levels[level][word] != 0 { return }
      place = word
    }
  }

  /// Takes out all instants strictly between `after` and `before`.
  mutating func removeAll(after: Int32, before: Int32) {
    var next = next(from: after + 1)
    while let instant = next, instant < before {
      remove(instant)
      next = self.next(from: instant + 1)
    }
  }

  /// The first member from `instant` on.
  func next(from instant: Int32) -> Int32? {
    var place = Int(instant)
    var level = 0
    while level < levels.count {
      let word = place >> 6
      guard word < levels[level].count else { return nil }
      let bits = levels[level][word] & (UInt64.max << UInt64(place & 63))
      if bits != 0 {
        var found = word << 6 | bits.trailingZeroBitCount
        while level > 0 {
          level -= 1
          found = found << 6 | levels[level][found].trailingZeroBitCount
        }
        return Int32(found)
      }
      place = word + 1
      level += 1
    }
    return nil
  }

  /// The last member up to `instant`.
  func previous(from instant: Int32) -> Int32? {
    var place = Int(instant)
    var level = 0
    while level < levels.count, place >= 0 {
      let word = place >> 6
      let bits = levels[level][word] & (UInt64.max >> UInt64(63 - place & 63))
      if bits != 0 {
        var found = word << 6 | (63 - bits.leadingZeroBitCount)
        while level > 0 {
          level -= 1
          found = found << 6 | (63 - levels[level][found].leadingZeroBitCount)
        }
        return Int32(found)
      }
      place = word - 1
      level += 1
    }
    return nil
  }
}

/// The positions of `keys` in the order of the keys, equal ones as they stand.
///
/// - Parameter limit: more than any key.
/// - Complexity: linear in both counts.
func positions(sortedBy keys: [Int32], below limit: Int) -> [Int32] {
  var first = [Int32](repeating: 0, count: limit + 1)
  for key in keys { first[Int(key) + 1] += 1 }
  for key in 0..<limit { first[key + 1] += first[key] }
  var sorted = [Int32](repeating: 0, count: keys.count)
  for (position, key) in keys.enumerated() {
    sorted[Int(first[Int(key)])] = Int32(position)
    first[Int(key)] += 1
  }
  return sorted
}
