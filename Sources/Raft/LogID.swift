// Entries of the log and their names.

/// The name of an entry: in all logs, entries of equal name are equal, and so is all before them
/// (the log matching property, thesis §3.5).
public struct LogID: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// The term whose leader wrote it.
  public var term: UInt64
  /// Its place in the log, from 1.
  public var index: UInt64

  /// The entry that the leader of `term` wrote at `index`.
  public init(term: UInt64, index: UInt64) {
    self.term = term
    self.index = index
  }

  /// Later term first, then the longer log: how up to date a log that ends here is (thesis §3.6.1).
  public static func < (left: LogID, right: LogID) -> Bool {
    (left.term, left.index) < (right.term, right.index)
  }

  /// `term.index`.
  public var description: String { "\(term).\(index)" }
}

/// Compares the ends of two logs; an empty log is before all others.
func isUpToDate(_ candidate: LogID?, with own: LogID?) -> Bool {
  guard let own else { return true }
  guard let candidate else { return false }
  return candidate >= own
}

/// One entry of the replicated log.
public struct Entry: Equatable, Sendable {
  /// Its name.
  public var id: LogID
  /// What it says.
  public var payload: Payload

  /// What an entry says.
  public enum Payload: Equatable, Sendable {
    /// Nothing: a new leader's first entry, whose commitment commits all before it.
    case blank
    /// A command of the application.
    case command([UInt8])
  }

  /// An entry.
  public init(id: LogID, payload: Payload) {
    self.id = id
    self.payload = payload
  }

  /// Roughly what it takes in memory and on the wire, in bytes.
  public var size: Int {
    switch payload {
    case .blank: 32
    case .command(let bytes): 32 + bytes.count
    }
  }
}

/// The names of all entries of a log, kept as one name a term and the last.
///
/// Invariants: `firsts` is strictly increasing in term and in index; `last` is not before the
/// last of `firsts`; both are empty together.
public struct LogIDList: Equatable, Sendable {
  /// The first entry of each term, in order.
  private var firsts: [LogID] = []
  /// The last entry; nil for an empty log.
  public private(set) var last: LogID?

  /// The names of an empty log.
  public init() {}

  /// The index of the last entry, 0 for an empty log.
  public var lastIndex: UInt64 { last?.index ?? 0 }

  /// Adds the next entry.
  public mutating func append(_ id: LogID) {
    precondition(id.index == lastIndex + 1, "\(id) does not follow \(lastIndex)")
    precondition(id.term >= last?.term ?? 0, "\(id) is of an older term than \(last!)")
    if last?.term != id.term { firsts.append(id) }
    last = id
  }

  /// Removes the entries from `index` on.
  public mutating func truncate(from index: UInt64) {
    precondition(index >= 1, "a log begins at 1")
    guard index <= lastIndex else { return }
    while let first = firsts.last, first.index >= index { firsts.removeLast() }
    last = firsts.last.map { LogID(term: $0.term, index: index - 1) }
  }

  /// The name of the entry at `index`, or nil where there is none. O(log terms).
  public func id(at index: UInt64) -> LogID? {
    guard index >= 1, index <= lastIndex else { return nil }
    return LogID(term: firsts[place(of: index)].term, index: index)
  }

  /// Whether the log holds an entry of this name.
  public func contains(_ id: LogID) -> Bool { self.id(at: id.index) == id }

  /// The first index of the term that wrote the entry at `index`, which must exist.
  public func firstIndex(ofTermAt index: UInt64) -> UInt64 { firsts[place(of: index)].index }

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
