// Configurations of one event of a sweep, those that others cover left out.
// Here: rows of memory, comparing, finding. Not here: what leads from one to another
// (Sweep+Moves.swift).

/// How a configuration lies in memory, in words of 64 bits:
///
///     0           state | offers made when the state was last set blindly
///     1           its last node in the log | the next row of its bucket
///     2 …         slots of operations that are placed
///     2 + w …     slots of operations that may be placed before the last blind set
///     2 + 2w …    counts of `info` operations used, 32 bits each
struct RowLayout: Equatable {
  var maskWords: Int
  var countSlots: Int

  var free: Int { 2 + maskWords }
  var counts: Int { 2 + 2 * maskWords }
  var stride: Int { counts + (countSlots + 1) / 2 }
}

typealias Row = UnsafeMutablePointer<UInt64>

extension UnsafeMutablePointer<UInt64> {
  @inline(__always) var state: Int32 {
    get { Int32(truncatingIfNeeded: self[0]) }
    nonmutating set {
      self[0] = self[0] & ~0xffff_ffff | UInt64(UInt32(bitPattern: newValue))
    }
  }
  @inline(__always) var since: UInt32 {
    get { UInt32(truncatingIfNeeded: self[0] >> 32) }
    nonmutating set { self[0] = self[0] & 0xffff_ffff | UInt64(newValue) << 32 }
  }
  @inline(__always) var node: Int32 {
    get { Int32(truncatingIfNeeded: self[1]) }
    nonmutating set {
      self[1] = self[1] & ~0xffff_ffff | UInt64(UInt32(bitPattern: newValue))
    }
  }
  @inline(__always) var link: Int32 {
    get { Int32(truncatingIfNeeded: self[1] >> 32) }
    nonmutating set {
      self[1] = self[1] & 0xffff_ffff | UInt64(UInt32(bitPattern: newValue)) << 32
    }
  }
  @inline(__always) func count(_ slot: Int, _ layout: RowLayout) -> UInt32 {
    UInt32(truncatingIfNeeded: self[layout.counts + (slot >> 1)] >> UInt64((slot & 1) * 32))
  }
  @inline(__always) func increment(count slot: Int, _ layout: RowLayout) {
    self[layout.counts + (slot >> 1)] += 1 << UInt64((slot & 1) * 32)
  }
  /// At most what the count is.
  @inline(__always) func take(_ change: UInt32, fromCount slot: Int, _ layout: RowLayout) {
    self[layout.counts + (slot >> 1)] -= UInt64(change) << UInt64((slot & 1) * 32)
  }
}

/// Configurations none of which covers another.
///
/// A configuration stands for all that its slots to choose from allow. It covers another in the
/// same state if it can do all that the other can: its pure operations are placed, or may be,
/// wherever the other's are; its blind ones are placed alike or are still to choose from; its
/// rigid ones are placed alike; and it used no more `info` operations of any class.
///
/// Rows are kept by insertion, and one that is covered later is marked dead, so that a cursor
/// over them stays right. Few are compared one by one; many by hash of what must be equal.
struct ConfigurationSet: ~Copyable {
  static let dead: Int32 = -2
  private static var scanned: Int { 16 }

  private(set) var layout: RowLayout
  private(set) var count = 0
  private(set) var deadCount = 0
  private var capacity = 32
  private var memory: UnsafeMutablePointer<UInt64>  // owned; `capacity` rows
  private var buckets: [Int32] = []  // a power of two, at least `count`; -1 ends a chain
  private var isHashed = false
  /// Which bits of a hash are used: all; a test takes some away to make rows collide.
  private let hashMask: UInt64

  init(_ layout: RowLayout, hashMask: UInt64 = .max) {
    self.layout = layout
    self.hashMask = hashMask
    memory = .allocate(capacity: capacity * layout.stride)
  }

  deinit { memory.deallocate() }

  var bytes: Int { capacity * layout.stride * 8 + buckets.count * 4 }
  /// Bytes that the next insertion takes on top, while what it outgrows is still there.
  var bytesToGrow: Int {
    let forRows = count == capacity ? 2 * capacity * layout.stride * 8 : 0
    return forRows + (count >= buckets.count && count >= Self.scanned ? (count + 1) * 16 : 0)
  }

  /// Bytes that `reserve` takes for so many rows.
  func bytesToReserve(_ rows: Int) -> Int { rows > capacity ? rows * layout.stride * 8 : 0 }

  /// Empties it, and makes room for so many rows.
  mutating func removeAll(reserving rows: Int) {
    removeAll()
    guard rows > capacity else { return }
    memory.deallocate()
    memory = .allocate(capacity: rows * layout.stride)
    capacity = rows
  }

  @inline(__always)
  func row(_ number: Int) -> Row { memory + number &* layout.stride }

  mutating func removeAll() {
    (count, deadCount, isHashed) = (0, 0, false)
  }

  /// Puts a copy of `row` at the end, without comparing it.
  @inline(__always)
  mutating func append(_ row: Row) {
    if count == capacity { grow() }
    let new = memory + count &* layout.stride
    for word in 0..<layout.stride { new[word] = row[word] }
    count += 1
  }

  /// Puts a copy of `row` at the end unless it is covered; those that it covers die.
  ///
  /// - Returns: its number, or -1 when it is covered.
  mutating func insert(_ row: Row, _ slots: borrowing SlotTable) -> Int {
    if count >= Self.scanned { return insertHashed(row, slots) }
    for other in 0..<count {
      let old = self.row(other)
      guard old.state == row.state else { continue }
      if covers(old, row, slots) { return -1 }
      if covers(row, old, slots) { kill(old) }
    }
    append(row)
    return count - 1
  }

  @inline(__always)
  private mutating func kill(_ row: Row) {
    row.state = Self.dead
    deadCount += 1
  }

  private mutating func insertHashed(_ row: Row, _ slots: borrowing SlotTable) -> Int {
    if !isHashed || count >= buckets.count { rehash(slots) }
    var bucket = hash(row, slots)
    var previous: Int32 = -1
    var other = buckets[bucket]
    while other >= 0 {
      let old = self.row(Int(other))
      let next = old.link
      if old.state == row.state {
        if covers(old, row, slots) { return -1 }
        if covers(row, old, slots) { kill(old) }
      }
      if old.state == Self.dead {
        if previous < 0 { buckets[bucket] = next } else { self.row(Int(previous)).link = next }
      } else {
        previous = other
      }
      other = next
    }
    append(row)
    if count > buckets.count {
      rehash(slots)
      bucket = hash(row, slots)
    } else {
      self.row(count - 1).link = buckets[bucket]
      buckets[bucket] = Int32(count - 1)
    }
    return count - 1
  }

  private mutating func rehash(_ slots: borrowing SlotTable) {
    var size = 64
    while size < 2 * (count + 1) { size *= 2 }
    buckets = Array(repeating: -1, count: size)
    isHashed = true
    for number in 0..<count {
      let row = self.row(number)
      guard row.state != Self.dead else { continue }
      let bucket = hash(row, slots)
      row.link = buckets[bucket]
      buckets[bucket] = Int32(number)
    }
  }

  private func hash(_ row: Row, _ slots: borrowing SlotTable) -> Int {
    var mixed = UInt64(UInt32(bitPattern: row.state)) &* 0x9e37_79b9_7f4a_7c15
    for word in 0..<layout.maskWords {
      mixed = (mixed ^ (row[2 + word] & slots.rigid(word))) &* 0xbf58_476d_1ce4_e5b9
      mixed ^= mixed >> 31
    }
    return Int(truncatingIfNeeded: mixed & hashMask & UInt64(buckets.count - 1))
  }

  /// Whether `a` can do all that `b`, in the same state, can.
  @inline(__always)
  private func covers(_ a: Row, _ b: Row, _ slots: borrowing SlotTable) -> Bool {
    var mustLookBack = false
    for word in 0..<layout.maskWords {
      let (pure, blind) = (slots.pure[word], slots.blind[word])
      let (placedA, placedB) = (a[2 + word], b[2 + word])
      let (freeA, freeB) = (a[layout.free + word], b[layout.free + word])
      let differs = placedA ^ placedB
      // Rigid ones alike; blind ones alike or to choose from; no pure one less.
      if differs & ~pure & ~(blind & freeA) != 0 { return false }
      if placedB & pure & ~placedA != 0 { return false }
      if freeB & ~freeA & ~(pure & placedA) != 0 { return false }
      if freeB & pure & ~placedA != 0 { mustLookBack = true }
    }
    if mustLookBack && a.since < b.since { return false }
    return layout.countSlots == 0 || usesNoMore(a, b, slots)
  }

  /// Whether `a` has left all the `info` operations that `b` has, or blind ones in their place.
  ///
  /// A blind operation can stand in for a rigid one that sets the same state, wherever that is
  /// used from now on: it was offered already. Those after it move up, to members offered no
  /// later.
  private func usesNoMore(_ a: Row, _ b: Row, _ slots: borrowing SlotTable) -> Bool {
    for slot in 0..<layout.countSlots {
      let (usedByA, usedByB) = (a.count(slot, layout), b.count(slot, layout))
      guard usedByA > usedByB else { continue }
      let stand = slots.standIns[slot]
      guard stand >= 0, a.count(stand, layout) < b.count(stand, layout) else { return false }
      // All that want the same one, counted by the first of them.
      var wanted: UInt32 = 0
      for other in 0..<layout.countSlots where slots.standIns[other] == stand {
        let (moreA, moreB) = (a.count(other, layout), b.count(other, layout))
        if moreA > moreB { wanted += moreA - moreB }
      }
      if wanted > b.count(stand, layout) - a.count(stand, layout) { return false }
    }
    return true
  }

  private mutating func grow() {
    let larger = UnsafeMutablePointer<UInt64>.allocate(capacity: 2 * capacity * layout.stride)
    larger.update(from: memory, count: count * layout.stride)
    memory.deallocate()
    memory = larger
    capacity *= 2
  }

  /// Takes the dead away.
  mutating func compact() {
    guard deadCount > 0 else { return }
    var kept = 0
    for number in 0..<count where row(number).state != Self.dead {
      if kept != number { row(kept).update(from: row(number), count: layout.stride) }
      kept += 1
    }
    (count, deadCount, isHashed) = (kept, 0, false)
  }

  /// Gives back what a burst took and the steady state does not need.
  mutating func shrink() {
    guard capacity > 1024, count * 16 < capacity else { return }
    let smaller = max(32, count * 2)
    let new = UnsafeMutablePointer<UInt64>.allocate(capacity: smaller * layout.stride)
    new.update(from: memory, count: count * layout.stride)
    memory.deallocate()
    (memory, capacity, buckets, isHashed) = (new, smaller, [], false)
  }

  /// Lays all rows out anew, with room for more slots or counts.
  mutating func widen(to wider: RowLayout) {
    let new = UnsafeMutablePointer<UInt64>.allocate(capacity: capacity * wider.stride)
    new.initialize(repeating: 0, count: capacity * wider.stride)
    for number in 0..<count {
      let (from, to) = (row(number), new + number * wider.stride)
      (to[0], to[1]) = (from[0], from[1])
      for word in 0..<layout.maskWords {
        to[2 + word] = from[2 + word]
        to[wider.free + word] = from[layout.free + word]
      }
      for word in 0..<(layout.stride - layout.counts) {
        to[wider.counts + word] = from[layout.counts + word]
      }
    }
    memory.deallocate()
    (memory, layout, isHashed) = (new, wider, false)
  }
}
