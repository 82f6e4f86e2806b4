// The part of a log that was not purged, in memory.

import DequeModule
import Raft

/// Entries without a hole, after a last purged one.
struct LogTail: Sendable {
  private(set) var purged: LogID?
  private(set) var entries: Deque<Entry>

  init(purged: LogID? = nil, entries: Deque<Entry> = []) {
    self.purged = purged
    self.entries = entries
  }

  private var before: UInt64 { purged?.index ?? 0 }
  var lastIndex: UInt64 { before + UInt64(entries.count) }

  mutating func append(_ new: [Entry]) {
    var last = lastIndex
    for entry in new {
      precondition(entry.id.index == last + 1, "\(entry.id) does not follow \(last)")
      last += 1
    }
    entries.append(contentsOf: new)
  }

  mutating func truncate(from index: UInt64) {
    precondition(index > before && index <= lastIndex, "no entry at \(index)")
    entries.removeLast(Int(lastIndex - index + 1))
  }

  mutating func purge(upTo id: LogID) {
    guard id.index > before else { return }
    if id.index <= lastIndex, self.id(at: id.index) == id {
      entries.removeFirst(Int(id.index - before))
    } else {
      entries = []
    }
    purged = id
  }

  func entries(in range: ClosedRange<UInt64>, maxBytes: Int) -> [Entry] {
    guard range.lowerBound > before, range.lowerBound <= lastIndex else { return [] }
    let start = Int(range.lowerBound - before - 1)
    let bound = Int(min(range.upperBound, lastIndex) - before)
    var end = start
    var size = 0
    while end < bound {
      size += entries[end].size
      if size > maxBytes, end > start { break }
      end += 1
    }
    return Array(entries[start..<end])
  }

  func id(at index: UInt64) -> LogID? {
    if index == before { return purged }
    guard index > before, index <= lastIndex else { return nil }
    return entries[Int(index - before - 1)].id
  }
}
