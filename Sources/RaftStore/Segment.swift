// The files of a log, one after the other: beginning the next, and removing what was purged.

import Raft

/// One file of a log.
struct Segment: Sendable {
  /// A segment's number, as its file is named.
  struct Name: Comparable {
    var number: UInt64
    var text: String {
      let digits = String(number)
      return String(repeating: "0", count: max(0, 12 - digits.count)) + digits + ".log"
    }

    /// The number as groups have it: enough to tell segments apart that may be there together.
    var short: UInt32 { UInt32(truncatingIfNeeded: number) }

    init(number: UInt64) { self.number = number }

    init?(_ text: String) {
      guard text.hasSuffix(".log"), let number = UInt64(text.dropLast(4)) else { return nil }
      self.number = number
    }

    static func < (left: Name, right: Name) -> Bool { left.number < right.number }
  }

  var name: Name
  var file: any DiskFile
  /// The greatest index of an entry in it.
  var greatest: UInt64

  /// The segments of a log, in order. What stands before a gap was removed, of which a crash undid
  /// a part; it is removed again.
  static func names(on disk: any Disk) throws(StoreError) -> [Name] {
    var names: [Name] = []
    for name in try disk.names().compactMap({ Name($0) }).sorted() {
      if let last = names.last, name.number != last.number + 1 {
        for old in names { try disk.remove(old.text) }
        names = []
      }
      names.append(name)
    }
    return names
  }
}

/// What is written at once.
struct SegmentBatch: Sendable {
  /// Its records.
  var bytes: [UInt8]
  /// The vote and the end of what was purged, after the batch.
  var vote: Vote
  var purged: LogID?
  /// The greatest index among its entries.
  var greatest: UInt64
}

/// Writes at the end of the last segment and syncs, on an executor that may block.
actor SegmentQueue {
  private let executor: any SerialExecutor
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
  private let disk: any Disk
  private let node: NodeID
  private let segmentBytes: UInt64
  private var segments: [Segment]
  private var end: UInt64
  /// The salt of the last segment.
  private var salt: UInt32
  /// The last segment holds written bytes up to here, zeros at the end. A sync after writing into
  /// them has no more to do than the bytes; into room that was only reserved it takes half as long
  /// again, since the file system notes that it is written now.
  private var zeroed: UInt64
  private static let zerosAhead = 256 << 10
  /// The vote and the end of what was purged, as of all that was written: what the next segment
  /// begins with.
  private var vote: Vote
  private var purged: LogID?

  init(
    disk: any Disk, node: NodeID, segments: [Segment], end: UInt64, salt: UInt32?, vote: Vote,
    purged: LogID?, segmentBytes: UInt64,
    executor: any SerialExecutor
  ) {
    self.disk = disk
    self.node = node
    self.segments = segments
    self.end = end
    self.salt = salt ?? 0
    zeroed = end
    self.vote = vote
    self.purged = purged
    self.segmentBytes = segmentBytes
    self.executor = executor
  }

  /// Writes `batch` as one group at the end of the last segment, or of the next one where that is
  /// full, and syncs it.
  func append(_ batch: SegmentBatch) throws(StoreError) {
    var records = batch.bytes
    let size = UInt64(GroupHeader.size + records.count)
    // An empty last segment is one of which a crash left no more than the name.
    if segments.isEmpty || end == 0 || end + size > segmentBytes {
      try begin(size)
      var first: [UInt8] = []
      Record.begin(node, vote, purged: purged).append(to: &first)
      records = first + records
    }
    let last = segments.count - 1
    let newEnd = end + UInt64(GroupHeader.size + records.count)
    let isBeyond = newEnd > zeroed
    if isBeyond { zeroed = max(newEnd, min(newEnd + UInt64(Self.zerosAhead), segmentBytes)) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Int((isBeyond ? zeroed : newEnd) - end))
    GroupHeader(of: records, salt: salt, segment: segments[last].name.short, place: end)
      .append(to: &bytes)
    bytes += records
    if isBeyond { bytes += [UInt8](repeating: 0, count: Int(zeroed - newEnd)) }
    try segments[last].file.write(bytes, at: end)
    try segments[last].file.sync()
    segments[last].greatest = max(segments[last].greatest, batch.greatest)
    end = newEnd
    vote = batch.vote
    purged = batch.purged
    try removePurged(upTo: batch.purged?.index ?? 0)
  }

  /// Begins a segment, for a group of `size` bytes and the segment's own beginning, which are written
  /// at once. All of the segment before is durable by now: so a torn tail can only ever be in the
  /// last.
  private func begin(_ size: UInt64) throws(StoreError) {
    if segments.isEmpty || end > 0 {
      let name = Segment.Name(number: (segments.last?.name.number ?? 0) + 1)
      segments.append(Segment(name: name, file: try disk.open(name.text), greatest: 0))
      try disk.sync()
    }
    try segments.last!.file.reserve(max(segmentBytes, size))
    salt = .random(in: 1...UInt32.max)
    end = 0
    zeroed = 0
  }

  /// Removes the oldest segments that hold nothing but what was purged. Durably purged by now: the
  /// record of it was synced before, or the segment's beginning tells.
  private func removePurged(upTo index: UInt64) throws(StoreError) {
    while segments.count > 1, segments[0].greatest <= index {
      try disk.remove(segments[0].name.text)
      segments.removeFirst()
    }
  }
}
