// What a loss of power takes of a node's files: the journal that the shim keeps of unsynced writes, read
// and undone. Not here: what is written into it (CShim/shim.c).

import CShimControl
import FoundationEssentials
import Glibc

/// The journal that a shim keeps: of each write what was there before it, and which syncs followed.
struct UnsyncedJournal {
  private struct Write {
    var path: String
    var offset: UInt64
    var length: UInt64
    var oldSize: UInt64
    var old: Data
    /// A sync of it failed: as on Linux it is in memory only from then on, whatever syncs follow, until
    /// it is written again.
    var isFailed = false
    /// A sync worked since that did not write it.
    var isOutlived = false

    func overlaps(_ other: Write) -> Bool {
      offset < other.offset + other.length && other.offset < offset + length
    }

    /// The same without its first bytes: they stay.
    func without(first count: UInt64) -> Write {
      Write(
        path: path, offset: offset + count, length: length - count,
        oldSize: Swift.max(oldSize, offset + count),
        old: Data(old.dropFirst(Int(clamping: count))), isFailed: isFailed, isOutlived: isOutlived)
    }
  }

  let path: String

  /// Undoes the writes that no sync followed but for a share of their bytes, the last first, and forgets
  /// them all.
  func undo(keeping share: Double) throws(LedgerError) -> (files: Int, bytes: Int) {
    let writes = Self.rest(of: unsynced(), without: share)
    var files: Set<String> = []
    var bytes = 0
    for write in writes.reversed() {
      // What was removed or renamed since is not there to be undone.
      let file = open(write.path, O_WRONLY | O_CLOEXEC)
      guard file >= 0 else { continue }
      defer { close(file) }
      var status = stat()
      guard fstat(file, &status) == 0 else { throw .system("looking at \(write.path)") }
      var old = write.old
      var size = write.oldSize
      if write.isOutlived {
        // What follows it in the file may be durable: where nothing was before are zeros.
        size = .max
        let end = min(write.offset + write.length, UInt64(status.st_size))
        let there = write.offset + UInt64(old.count)
        if end > there { old += Data(count: Int(end - there)) }
      }
      bytes += max(old.count, Int(status.st_size) - Int(clamping: size))
      files.insert(write.path)
      let count = old.withUnsafeBytes {
        pwrite(file, $0.baseAddress, $0.count, off_t(write.offset))
      }
      guard count == old.count,
        UInt64(status.st_size) <= size || ftruncate(file, off_t(size)) == 0
      else { throw .system("writing \(write.path)") }
    }
    truncate(path, 0)
    return (files.count, bytes)
  }

  /// What is left of `writes` when a share of their bytes, from the first on, stays.
  private static func rest(of writes: [Write], without share: Double) -> [Write] {
    var kept = UInt64(share * writes.reduce(0) { $0 + Double($1.length) })
    var rest: [Write] = []
    for write in writes {
      let count = min(kept, write.length)
      kept -= count
      if count < write.length { rest.append(write.without(first: count)) }
    }
    return rest
  }

  /// The writes in order, without those that a sync made durable. A record that was cut off is that of
  /// a write that never was.
  private func unsynced() -> [Write] {
    guard let data = FileManager.default.contents(atPath: path) else { return [] }
    var writes: [Write] = []
    /// How many writes there had been when a sync began.
    var begun: [UInt64: Int] = [:]
    /// The numbers of the writes of a file that are not synced.
    var pending: [String: [Int]] = [:]
    var place = 0
    let header = MemoryLayout<shim_record>.size
    while place + header <= data.count {
      let record = data.withUnsafeBytes {
        $0.loadUnaligned(fromByteOffset: place, as: shim_record.self)
      }
      place += header
      let rest = UInt64(data.count - place)
      guard UInt64(record.path_length) <= rest,
        record.old_length <= rest - UInt64(record.path_length)
      else { break }
      let path = String(decoding: data[place..<(place + Int(record.path_length))], as: UTF8.self)
      place += Int(record.path_length)
      let old = data[place..<(place + Int(record.old_length))]
      place += Int(record.old_length)
      switch record.kind {
      case UInt32(SHIM_WRITE):
        // No file is so long: these are no records.
        guard max(record.offset, record.length, record.old_size) < 1 << 48 else { return [] }
        pending[path, default: []].append(writes.count)
        writes.append(
          Write(
            path: path, offset: record.offset, length: record.length, oldSize: record.old_size,
            old: Data(old)))
      case UInt32(SHIM_SYNC_BEGINS): begun[record.offset] = writes.count
      case UInt32(SHIM_SYNC_FAILED):
        for number in pending[path] ?? [] { writes[number].isFailed = true }
      default:
        let count = begun.removeValue(forKey: record.offset) ?? 0
        let concerned = (pending[path] ?? []).filter { $0 < count }
        let durable = concerned.filter { !writes[$0].isFailed }.map { ($0, writes[$0]) }
        // What was written over since is what was written then.
        let lost = concerned.filter { number in
          let write = writes[number]
          return write.isFailed && !durable.contains { $0 > number && $1.overlaps(write) }
        }
        for number in lost { writes[number].isOutlived = true }
        pending[path] = lost + (pending[path] ?? []).filter { $0 >= count }
      }
    }
    return pending.values.joined().sorted().map { writes[$0] }
  }
}
