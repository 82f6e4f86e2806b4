// Trees over instants for the stack's monitor: which instants are covered, and who waits for one.

/// How many intervals cover each instant, where intervals are only ever taken away.
///
/// A segment tree that keeps the least count below each node.
struct CoverTree {
  private let size: Int
  /// The least count of the leaves below a node, without what stands at the nodes above it.
  private var least: [Int32]
  /// To be added to all leaves below a node.
  private var pending: [Int32]
  /// The count of an instant that was reported already.
  private static let reported = Int32.max / 2

  /// The tree of `counts`, an instant each.
  init(counts: [Int32]) {
    var size = 1
    while size < counts.count { size *= 2 }
    self.size = size
    least = Array(repeating: Self.reported, count: size * 2)
    pending = Array(repeating: 0, count: size * 2)
    for (instant, count) in counts.enumerated() { least[size + instant] = count }
    for node in (1..<size).reversed() { least[node] = min(least[2 * node], least[2 * node + 1]) }
  }

  /// Appends to `free` all instants that nothing covers and that were not reported before.
  mutating func report(to free: inout [Int32]) { report(1, 0, to: &free) }

  /// Takes away an interval that covers `range`, not empty.
  mutating func uncover(_ range: ClosedRange<Int32>) {
    subtract(1, 0..<Int32(size), range)
  }

  private mutating func subtract(
    _ node: Int, _ span: Range<Int32>, _ range: ClosedRange<Int32>
  ) {
    if range.lowerBound <= span.lowerBound && span.upperBound - 1 <= range.upperBound {
      least[node] -= 1
      pending[node] -= 1
      return
    }
    let middle = (span.lowerBound + span.upperBound) / 2
    if range.lowerBound < middle { subtract(2 * node, span.lowerBound..<middle, range) }
    if range.upperBound >= middle { subtract(2 * node + 1, middle..<span.upperBound, range) }
    least[node] = min(least[2 * node], least[2 * node + 1]) + pending[node]
  }

  private mutating func report(_ node: Int, _ above: Int32, to free: inout [Int32]) {
    if least[node] + above > 0 { return }
    if node >= size {
      free.append(Int32(node - size))
      least[node] = Self.reported
      return
    }
    let above = above + pending[node]
    report(2 * node, above, to: &free)
    report(2 * node + 1, above, to: &free)
    least[node] = min(least[2 * node], least[2 * node + 1]) + pending[node]
  }
}

/// Closed intervals, each of which waits for an instant within.
struct WaitingIntervals {
  /// Whose intervals they are, in the order of their beginnings: the leaves of the tree.
  private let owners: [Int32]
  /// By instant: how many intervals have begun.
  private let begun: [Int32]
  private let size: Int
  /// The latest end of the intervals below a node; -1 for none.
  private var latest: [Int32]

  /// Intervals that begin before `limit`; those of which `starts` says more are left out.
  init(starts: [Int32], ends: [Int32], limit: Int) {
    let sorted = positions(
      sortedBy: starts.map { min($0, Int32(limit)) }, below: limit + 1)
    owners = Array(sorted.prefix { Int(starts[Int($0)]) < limit })
    var begun = [Int32](repeating: 0, count: limit)
    for owner in owners { begun[Int(starts[Int(owner)])] += 1 }
    for instant in begun.indices.dropFirst() { begun[instant] += begun[instant - 1] }
    self.begun = begun
    var size = 1
    while size < owners.count { size *= 2 }
    self.size = size
    latest = Array(repeating: -1, count: size * 2)
    for (leaf, owner) in owners.enumerated() { latest[size + leaf] = ends[Int(owner)] }
    for node in (1..<size).reversed() {
      latest[node] = max(latest[2 * node], latest[2 * node + 1])
    }
  }

  /// Takes out one interval that holds `instant` and returns its owner.
  mutating func take(holding instant: Int32) -> Int32? {
    guard let found = find(1, 0..<Int32(size), before: begun[Int(instant)], until: instant)
    else { return nil }
    latest[found] = -1
    var node = found / 2
    while node > 0 {
      latest[node] = max(latest[2 * node], latest[2 * node + 1])
      node /= 2
    }
    return owners[found - size]
  }

  /// A leaf before the one given whose interval lasts until `instant`.
  private func find(
    _ node: Int, _ span: Range<Int32>, before leaf: Int32, until instant: Int32
  ) -> Int? {
    if span.lowerBound >= leaf || latest[node] < instant { return nil }
    if node >= size { return node }
    let middle = (span.lowerBound + span.upperBound) / 2
    return find(2 * node, span.lowerBound..<middle, before: leaf, until: instant)
      ?? find(2 * node + 1, middle..<span.upperBound, before: leaf, until: instant)
  }
}
