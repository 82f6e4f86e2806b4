// Configurations of a counter's search that were entered, so that none is entered twice.

/// Visited configurations, stored whole and chained by hash. Expected O(1) a look-up, times the
/// configurations of one sum that cannot be compared.
struct CounterVisited {
  private struct Entry {
    var position: Int32
    var next: Int32
    var sum: Int64
    var adds: UInt64
    var placed: UInt64
    var used: UInt128
  }

  private let guards: UInt128
  private var entries: [Entry] = []
  /// By hash, the last entry, or -1. Its count is a power of two.
  private var heads = [Int32](repeating: -1, count: 1024)

  init(guards: UInt128) { self.guards = guards }

  /// Remembers a configuration whose placed adds are `adds`.
  ///
  /// - Returns: false when one was entered before that can do all that this one can.
  mutating func insert(_ configuration: CounterConfiguration, adds: UInt64) -> Bool {
    var entry = Entry(
      position: configuration.position, next: -1, sum: configuration.sum, adds: adds,
      placed: configuration.placed, used: configuration.used)
    var slot = hash(entry)
    var other = heads[slot]
    while other >= 0 {
      let known = entries[Int(other)]
      if known.position == entry.position, known.sum == entry.sum, known.adds == entry.adds,
        known.placed & entry.placed == entry.placed,
        ((entry.used | guards) &- known.used) & guards == guards
      {
        return false
      }
      other = known.next
    }
    if entries.count == heads.count { grow() }
    slot = hash(entry)
    entry.next = heads[slot]
    heads[slot] = Int32(entries.count)
    entries.append(entry)
    return true
  }

  private func hash(_ entry: Entry) -> Int {
    var mixed = UInt64(truncatingIfNeeded: Int64(entry.position)) &* 0x9e37_79b9_7f4a_7c15
    mixed = (mixed ^ (mixed >> 32) ^ UInt64(bitPattern: entry.sum)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 32) ^ entry.adds) &* 0x94d0_49bb_1331_11eb
    return Int(truncatingIfNeeded: (mixed ^ (mixed >> 32)) & UInt64(heads.count - 1))
  }

  private mutating func grow() {
    heads = Array(repeating: -1, count: heads.count * 2)
    for number in entries.indices {
      let slot = hash(entries[number])
      entries[number].next = heads[slot]
      heads[slot] = Int32(number)
    }
  }
}
