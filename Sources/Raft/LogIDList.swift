// The names of all entries of a log.

/// The names of all entries of a log, kept as one name a term, the last, and the last purged.
///
/// Invariants: `firsts` is strictly increasing in term and in index; its first is `purged` where
/// there is one; `last` is not before the last of `firsts`, nor before `purged`.
public struct LogIDList: Equatable, Sendable {
  /// The first entry of each term that is known, in order.
  private var firsts: [LogID] = []
  /// The last entry; the last purged one when the log holds none; nil when there never was one.
  public private(set) var last: LogID?
  /// The last entry that was purged: a snapshot stands for it and all before.
  public private(set) var purged: LogID?

  /// The names of a log that holds nothing, and of which all up to `purged` is in a snapshot.
  public init(purged: LogID? = nil) {
    self.purged = purged
    last = purged
    firsts = purged.map { [$0] } ?? []
  }

  /// The index of the last entry, 0 for a log that never held one.
  public var lastIndex: UInt64 { last?.index ?? 0 }
  /// The index of the last purged entry, 0 for none.
  public var purgedIndex: UInt64 { purged?.index ?? 0 }

  /// Adds the next entry.
  public mutating func append(_ id: LogID) {
    precondition(id.index == lastIndex + 1, "\(id) does not follow \(lastIndex)")
    precondition(id.term >= last?.term ?? 0, "\(id) is of an older term than \(last!)")
    if last?.term != id.term { firsts.append(id) }
    last = id
  }

  /// Removes the entries from `index` on.
  public mutating func truncate(from index: UInt64) {
    precondition(index > purgedIndex, "cutting at \(index), purged up to \(purgedIndex)")
    guard index <= lastIndex else { return }
    while let first = firsts.last, first.index >= index { firsts.removeLast() }
    last = firsts.last.map { LogID(term: $0.term, index: index - 1) }
  }

  /// Forgets the entries up to `id`, which may be past the end: then the log begins anew after it.
  public mutating func purge(upTo id: LogID) {
    guard id.index > purgedIndex else { return }
    guard id.index < lastIndex, self.id(at: id.index) == id else {
      precondition(id.index >= lastIndex, "purging \(id), which the log holds under another name")
      self = LogIDList(purged: id)
      return
    }
    firsts.removeFirst(place(of: id.index))
    firsts[0] = id
    purged = id
  }

  /// The name of the entry at `index`, the last purged one among them; nil where none is known.
  /// O(log terms).
  public func id(at index: UInt64) -> LogID? {
    guard index >= max(purgedIndex, 1), index <= lastIndex else { return nil }
    return LogID(term: firsts[place(of: index)].term, index: index)
  }

  /// Whether the log holds, or purged last, an entry of this name.
  public func contains(_ id: LogID) -> Bool { self.id(at: id.index) == id }

  /// The first known index of the term that wrote the entry at `index`, whose name is known.
  public func firstIndex(ofTermAt index: UInt64) -> UInt64 { firsts[place(of: index)].index }

  /// An index where both logs hold the same name although they differ before it; nil when there is
  /// none, which is what Raft promises. For those who see several logs at once. O(terms).
  package func mismatch(with other: LogIDList) -> UInt64? {
    let start = max(purgedIndex, other.purgedIndex, 1)
    let end = min(lastIndex, other.lastIndex)
    guard start <= end else { return nil }
    // Between the places where either begins a term, both go on in the same way.
    let places = [start] + (firsts + other.firsts).map(\.index).filter { $0 > start && $0 <= end }
    var isDifferent = false
    for index in places.sorted() {
      if id(at: index) != other.id(at: index) {
        isDifferent = true
      } else if isDifferent {
        return index
      }
    }
    return nil
  }

  private func place(of index: UInt64) -> Int {
    var low = 0
    var high = firsts.count
    while low + 1 < high {
      let middle = (low + high) / 2
      if firsts[middle].index <= index { low = middle } else { high = middle }
    }
    return low
  }
}
