// What a log file says after a crash: the vote, the entries, and where the good part ends.

import Raft

/// The state that a file's records add up to.
struct Recovery {
  var owner: NodeID?
  var vote = Vote.none
  var entries: [Entry] = []
  var log = LogIDList()
  /// The file is good up to here; what follows is a torn tail.
  var end = 0

  /// Replays all records of `bytes`.
  ///
  /// A record that is broken or cut is where the last write was torn: all that follows was never
  /// reported durable, and is left out. Unless a later record says otherwise: then the disk lost
  /// what it had promised, and the node must not start as if it had never been told.
  ///
  /// - Throws: `StoreError` when the file was damaged before its torn tail.
  init(_ bytes: [UInt8], file: String) throws(StoreError) {
    let reader = RecordReader(bytes: bytes)
    while let read = reader.record(at: end) {
      try replay(read.record, file: file)
      end = read.end
    }
    // One byte at a time: lengths in a damaged part cannot be trusted to lead anywhere.
    for offset in end..<bytes.count {
      guard let later = reader.record(at: offset), later.durable > UInt64(end) else { continue }
      throw StoreError(
        file: file,
        reason: "damaged at byte \(end), which was durable; "
          + "restore it, or wipe the node and let it join anew")
    }
  }

  private mutating func replay(_ record: Record, file: String) throws(StoreError) {
    switch record {
    case .owner(let node): owner = node
    case .vote(let vote): self.vote = vote
    case .entry(let entry):
      guard entry.id.index == log.lastIndex + 1, entry.id.term >= log.last?.term ?? 0 else {
        throw StoreError(
          file: file, reason: "entry \(entry.id) does not follow \(log.lastIndex); it is damaged")
      }
      entries.append(entry)
      log.append(entry.id)
    case .truncate(let index):
      guard index >= 1, index <= log.lastIndex else {
        throw StoreError(file: file, reason: "cut at \(index), past its end; it is damaged")
      }
      entries.removeSubrange(Int(index - 1)...)
      log.truncate(from: index)
    }
  }
}
