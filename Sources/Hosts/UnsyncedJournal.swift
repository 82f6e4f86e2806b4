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
    /// What was written over it since, and synced: durable, if a sync worked at all since.
    var covered: [Range<UInt64>]?

    var range: Range<UInt64> { offset..<offset + length }

    /// The parts of it, up to `end`, over which nothing durable was written.
    func uncovered(upTo end: UInt64) -> [Range<UInt64>] {
      var rest = [range.clamped(to: 0..<end)]
      for cover in covered ?? [] {
        rest = rest.flatMap { part in
          let common = part.clamped(to: cover)
          guard !common.isEmpty else { return [part] }
          return [part.lowerBound..<common.lowerBound, common.upperBound..<part.upperBound]
        }
      }
      return rest.filter { !$0.isEmpty }
    }

    /// What was at `part` before it: zeros where there was nothing.
    func before(_ part: Range<UInt64>) -> Data {
      let start = old.startIndex + Int(clamping: part.lowerBound - offset)
      let known = start < old.endIndex ? Data(old[start...].prefix(part.count)) : Data()
      return known + Data(count: part.count - known.count)
    }

    /// The same without its first bytes: they stay.
    func without(first count: UInt64) -> Write {
      Write(
        path: path, offset: offset + count, length: length - count,
        oldSize: Swift.max(oldSize, offset + count),
        old: Data(old.dropFirst(Int(clamping: count))), isFailed: isFailed, covered: covered)
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
      if write.covered != nil {
        // What follows it in the file may be durable: it keeps its length.
        let parts = write.uncovered(upTo: UInt64(status.st_size))
        if !parts.isEmpty { files.insert(write.path) }
        for part in parts {
          bytes += part.count
          try Self.put(write.before(part), at: part.lowerBound, of: file, write.path)
        }
      } else {
        bytes += max(write.old.count, Int(status.st_size) - Int(write.oldSize))
        files.insert(write.path)
        try Self.put(write.old, at: write.offset, of: file, write.path)
        guard UInt64(status.st_size) <= write.oldSize || ftruncate(file, off_t(write.oldSize)) == 0
        else { throw .system("cutting \(write.path)") }
      }
    }
    truncate(path, 0)
    return (files.count, bytes)
  }

  private static func put(
    _ bytes: Data, at offset: UInt64, of file: Int32, _ path: String
  ) throws(LedgerError) {
    let count = bytes.withUnsafeBytes { pwrite(file, $0.baseAddress, $0.count, off_t(offset)) }
    guard count == bytes.count else { throw .system("writing \(path)") }
  }

  /// Cuts off what the end of a process left of its last record: the next one's would be read as a part
  /// of it.
  func trim() {
    let end = read().end
    var status = stat()
    if stat(path, &status) == 0, Int(status.st_size) > end { truncate(path, off_t(end)) }
  }

  /// What is left of `writes` when a share of their bytes, from the first on, stays.
  private static func rest(of writes: [Write], without share: Double) -> [Write] {
    var kept = UInt64(min(share * writes.reduce(0) { $0 + Double($1.length) }, 0x1p62))
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
  private func unsynced() -> [Write] { read().unsynced }

  /// The writes that no sync made durable, and where the last whole record ends.
  private func read() -> (unsynced: [Write], end: Int) {
    guard let data = FileManager.default.contents(atPath: path) else { return ([], 0) }
    var writes: [Write] = []
    /// How many writes there had been when a sync began.
    var begun: [UInt64: Int] = [:]
    /// The numbers of the writes of a file that are not synced.
    var pending: [String: [Int]] = [:]
    var place = 0
    var end = 0
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
        guard max(record.offset, record.length, record.old_size) < 1 << 48 else { return ([], 0) }
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
        let lost = concerned.filter { writes[$0].isFailed }
        for number in lost {
          let over = durable.filter { $0.0 > number && $0.1.range.overlaps(writes[number].range) }
          writes[number].covered = (writes[number].covered ?? []) + over.map(\.1.range)
        }
        pending[path] = lost + (pending[path] ?? []).filter { $0 >= count }
      }
      end = place
    }
    return (pending.values.joined().sorted().map { writes[$0] }, end)
  }
}
