// Configurations that lead nowhere, so that the search enters none twice.

/// Visited configurations, stored whole: a colliding fingerprint would make a wrong `invalid`.
///
/// A configuration is a key (next event, state, slot mask) and the counts of `info` operations
/// used. Of two with the same key, the one that used no more of any class can do all the other
/// can; so a key holds its Pareto-minimal vectors of counts only.
///
/// Invariants: `capacity` is a power of two, and `table` holds as many places; at most half of
/// them are taken, or seven of eight once it may not grow any more, so every probe ends. A place is the key's words and the head of its list of vectors,
/// plus one; 0 there marks an empty place. Expected O(1) a look-up, times the vectors of one key.
struct VisitedSet {
  private let keyWords: Int
  private let vectorWidth: Int
  private var table: [UInt64]
  private var capacity = 1024
  private(set) var count = 0
  private var isDense = false
  /// Which bits of a hash are used: all; a test takes some away to make keys collide.
  private let hashMask: UInt64
  /// Nodes of the lists: the next node plus one, then the counts.
  private var nodes: [UInt32] = []
  private var freeNode = 0  // plus one

  private var stride: Int { keyWords + 1 }
  private var nodeWords: Int { vectorWidth + 1 }

  /// A set of keys of `keyWords` words with vectors of `vectorWidth` counts.
  init(keyWords: Int, vectorWidth: Int, hashMask: UInt64 = .max) {
    self.hashMask = hashMask
    self.keyWords = keyWords
    self.vectorWidth = vectorWidth
    table = Array(repeating: 0, count: capacity * (keyWords + 1))
  }

  /// Bytes held.
  var bytes: Int { table.count * 8 + nodes.capacity * 4 }

  /// Bytes that the next insertion may take on top, at most, while what it outgrows is still there.
  var bytesToGrow: Int {
    let forTable = count + 1 > room ? table.count * 16 : 0
    let forNodes = nodes.count + nodeWords > nodes.capacity ? nodes.capacity * 8 : 0
    return forTable + forNodes
  }

  /// Keys that the table takes before it grows.
  private var room: Int { isDense ? capacity / 8 * 7 : capacity / 2 }

  /// Makes do without growing, as long as that goes; whether it goes for the next insertion.
  mutating func makeDense() -> Bool {
    isDense = true
    return bytesToGrow == 0
  }

  /// Whether a configuration was inserted that can do all that this one can.
  func covers(_ key: [UInt64], _ vector: [UInt32]) -> Bool {
    if count == 0 { return false }
    let place = find(key)
    var node = Int(table[place + keyWords])
    if vectorWidth == 0 { return node != 0 }
    while node != 0 {
      let base = (node - 1) * nodeWords
      if isBelow(base, vector) { return true }
      node = Int(nodes[base])
    }
    return false
  }

  /// Remembers a configuration, and forgets those that it covers.
  mutating func insert(_ key: [UInt64], _ vector: [UInt32]) {
    if count + 1 > room { grow() }
    let place = find(key)
    let head = Int(table[place + keyWords])
    if head == 0 {
      for word in 0..<keyWords { table[place + word] = key[word] }
      count += 1
    }
    guard vectorWidth > 0 else {
      table[place + keyWords] = 1
      return
    }
    var kept = 0
    var node = head
    while node != 0 {
      let base = (node - 1) * nodeWords
      let next = Int(nodes[base])
      if isAbove(base, vector) {
        nodes[base] = UInt32(freeNode)
        freeNode = node
      } else {
        nodes[base] = UInt32(kept)
        kept = node
      }
      node = next
    }
    table[place + keyWords] = UInt64(newNode(vector, next: kept))
  }

  private mutating func newNode(_ vector: [UInt32], next: Int) -> Int {
    let node: Int
    if freeNode != 0 {
      node = freeNode
      freeNode = Int(nodes[(node - 1) * nodeWords])
    } else {
      node = nodes.count / nodeWords + 1
      nodes.append(contentsOf: repeatElement(0, count: nodeWords))
    }
    let base = (node - 1) * nodeWords
    nodes[base] = UInt32(next)
    for position in 0..<vectorWidth { nodes[base + 1 + position] = vector[position] }
    return node
  }

  private func isBelow(_ base: Int, _ vector: [UInt32]) -> Bool {
    for position in 0..<vectorWidth where nodes[base + 1 + position] > vector[position] {
      return false
    }
    return true
  }

  private func isAbove(_ base: Int, _ vector: [UInt32]) -> Bool {
    for position in 0..<vectorWidth where nodes[base + 1 + position] < vector[position] {
      return false
    }
    return true
  }

  /// Where `key` stands in `table`, or the empty place where it would.
  private func find(_ key: [UInt64]) -> Int {
    var slot = hash(key) & (capacity - 1)
    while true {
      let place = slot * stride
      if table[place + keyWords] == 0 { return place }
      var word = 0
      while word < keyWords, table[place + word] == key[word] { word += 1 }
      if word == keyWords { return place }
      slot = (slot + 1) & (capacity - 1)
    }
  }

  private func hash(_ key: [UInt64]) -> Int {
    var mixed: UInt64 = 0
    for word in 0..<keyWords {
      mixed = (mixed ^ key[word]) &* 0x9e37_79b9_7f4a_7c15
      mixed ^= mixed >> 32
    }
    return Int(truncatingIfNeeded: mixed & hashMask)
  }

  private mutating func grow() {
    let old = table
    capacity *= 2
    table = Array(repeating: 0, count: capacity * stride)
    var key = [UInt64](repeating: 0, count: keyWords)
    for start in Swift.stride(from: 0, to: old.count, by: stride)
    where old[start + keyWords] != 0 {
      for word in 0..<keyWords { key[word] = old[start + word] }
      let place = find(key)
      for word in 0...keyWords { table[place + word] = old[start + word] }
    }
  }
}
