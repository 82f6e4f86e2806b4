// What the segments of a log say after a crash: the vote, the entries, and where the good part ends.

import DequeModule
import Raft

/// The state that a log's records add up to.
struct Recovery {
  var owner: NodeID?
  var vote = Vote.none
  var purged: LogID?
  var entries = Deque<Entry>()
  /// The last segment is good up to here; what follows is a torn tail.
  var end = 0
  /// Where the last group of the last segment begins.
  var lastGroup = 0
  /// The salt of the last segment; nil when it holds nothing.
  var salt: UInt32?
  /// Of each segment, the greatest index of an entry in it.
  var greatest: [UInt64] = []
  /// Segments that are older may be gone; then the first entry need not be the log's first.
  private var first: UInt64?

  /// Replays all groups of a segment, the last of all or not.
  ///
  /// A group that is broken or cut is where the last write was torn: it was never reported durable,
  /// and is left out. Unless what stands behind it says otherwise, or a later segment is there: then
  /// the disk lost what it had promised, and the node must not start as if it had never been told.
  ///
  /// - Throws: `StoreError` when the file was damaged before its torn tail.
  mutating func replay(_ bytes: [UInt8], of segment: Segment.Name, isLast: Bool)
    throws(StoreError)
  {
    let reader = GroupReader(bytes, segment: segment.short)
    end = 0
    lastGroup = 0
    salt = reader.salt
    greatest.append(0)
    while let group = reader.group(at: end) {
      for record in group.records { try replay(record, file: segment.text) }
      lastGroup = end
      end = group.end
    }
    let isDamaged =
      reader.isStrange(at: end) || reader.hasProof(behind: end)
      || !isLast && bytes[end...].contains { $0 != 0 }
    if isDamaged { throw damage(segment.text, at: end) }
  }

  /// What all segments add up to.
  ///
  /// - Throws: `StoreError` when entries are missing between what was purged and what is there.
  func recovered(file: String) throws(StoreError) -> Recovered {
    var log = LogIDList(purged: purged)
    var memberships: [StoredMembership] = []
    for entry in entries {
      guard entry.id.index == log.lastIndex + 1, entry.id.term >= log.last?.term ?? 0 else {
        throw StoreError(
          file: file, reason: "entry \(entry.id) does not follow \(log.lastIndex); it is damaged")
      }
      log.append(entry.id)
      if case .membership(let membership) = entry.payload {
        memberships.append(StoredMembership(logID: entry.id, membership: membership))
      }
    }
    return Recovered(vote: vote, log: log, memberships: memberships)
  }

  private func damage(_ file: String, at end: Int) -> StoreError {
    StoreError(
      file: file,
      reason: "damaged at byte \(end), which was durable; "
        + "restore it, or wipe the node and let it join anew")
  }

  private mutating func replay(_ record: Record, file: String) throws(StoreError) {
    switch record {
    case .begin(let node, let vote, let purged):
      owner = node
      self.vote = vote
      if let purged { purge(upTo: purged) }
    case .vote(let vote): self.vote = vote
    case .entry(let entry):
      let index = entry.id.index
      guard index == (first ?? index) + UInt64(entries.count) else {
        throw StoreError(file: file, reason: "entry \(entry.id) leaves a hole; it is damaged")
      }
      if first == nil { first = index }
      entries.append(entry)
      greatest[greatest.count - 1] = max(greatest.last!, index)
    case .truncate(let index):
      guard let first else { return }  // of segments that are gone
      if index <= first {
        entries = []
        self.first = index
      } else if index < first + UInt64(entries.count) {
        entries.removeLast(Int(first + UInt64(entries.count) - index))
      }
    case .purge(let last): purge(upTo: last)
    }
  }

  private mutating func purge(upTo last: LogID) {
    guard last.index > purged?.index ?? 0 else { return }
    purged = last
    // Before the first entry that is there, nothing says where it will be.
    guard let first, last.index >= first else { return }
    let gone = last.index - first + 1
    // Past the end, or where another entry stands, the log begins anew.
    if gone > UInt64(entries.count) || entries[Int(gone - 1)].id != last {
      entries = []
    } else {
      entries.removeFirst(Int(gone))
    }
    self.first = last.index + 1
  }
}
