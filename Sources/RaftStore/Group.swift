// A group: the records that are written and synced at once, as they stand in a segment.

import CZlib

/// What stands before a group's records.
///
/// It is their length (4 bytes), the segment's salt (4) and number (4), the group's place in the file
/// (8), the CRC-32 of the records (4) and that of the header up to there (4), all little-endian.
///
/// A group is written when all before it in the segment is durable. So one that is found behind a
/// broken one, or at a place that is not its own, proves that the disk lost or misplaced what it had
/// called durable; a broken one with nothing of the kind after it is the torn end of the file. Only
/// the very last group that was durable can be damaged without a trace.
struct GroupHeader: Equatable {
  static let size = 28

  /// How long the records are.
  var length: UInt32
  /// Drawn for each segment, and the same in all its groups: what a client had put into an entry, be
  /// it the image of another log, is not taken for a group.
  var salt: UInt32
  /// The segment in which it was meant to stand.
  var segment: UInt32
  /// Where in the segment.
  var place: UInt64
  /// The checksum of the records.
  var sum: UInt32

  /// The header of a group of `records` that is to stand at `place` of `segment`.
  init(of records: [UInt8], salt: UInt32, segment: UInt32, place: UInt64) {
    length = UInt32(records.count)
    self.salt = salt
    self.segment = segment
    self.place = place
    sum = records.withUnsafeBufferPointer { Self.checksum($0) }
  }

  /// The unbroken header at `offset` of `bytes`, if one stands there.
  init?(_ bytes: [UInt8], at offset: Int) {
    guard bytes.count - offset >= Self.size else { return nil }
    func number(at place: Int, bytes count: Int) -> UInt64 {
      (0..<count).reduce(0) { $0 | UInt64(bytes[offset + place + $1]) << (8 * UInt64($1)) }
    }
    length = UInt32(number(at: 0, bytes: 4))
    salt = UInt32(number(at: 4, bytes: 4))
    segment = UInt32(number(at: 8, bytes: 4))
    place = number(at: 12, bytes: 8)
    sum = UInt32(number(at: 20, bytes: 4))
    let own = bytes[offset..<offset + 24].withUnsafeBufferPointer { Self.checksum($0) }
    guard length > 0, own == UInt32(number(at: 24, bytes: 4)) else { return nil }
  }

  /// Appends the header's bytes to `buffer`.
  func append(to buffer: inout [UInt8]) {
    let start = buffer.count
    withUnsafeBytes(of: length.littleEndian) { buffer.append(contentsOf: $0) }
    withUnsafeBytes(of: salt.littleEndian) { buffer.append(contentsOf: $0) }
    withUnsafeBytes(of: segment.littleEndian) { buffer.append(contentsOf: $0) }
    withUnsafeBytes(of: place.littleEndian) { buffer.append(contentsOf: $0) }
    withUnsafeBytes(of: sum.littleEndian) { buffer.append(contentsOf: $0) }
    let own = buffer[start...].withUnsafeBufferPointer { Self.checksum($0) }
    withUnsafeBytes(of: own.littleEndian) { buffer.append(contentsOf: $0) }
  }

  /// Whether `records` are those that the header was made for.
  func vouches(for records: ArraySlice<UInt8>) -> Bool {
    records.withUnsafeBufferPointer { Self.checksum($0) } == sum
  }

  private static func checksum(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt32 {
    UInt32(truncatingIfNeeded: crc32(0, bytes.baseAddress, UInt32(bytes.count)))
  }
}

/// Reads the groups of a segment's bytes.
struct GroupReader {
  let bytes: [UInt8]
  let segment: UInt32
  /// The segment's salt, as its first group has it; nil where the head of that is lost.
  let salt: UInt32?

  /// Begins at the start of `bytes`, which segment `segment` holds.
  init(_ bytes: [UInt8], segment: UInt32) {
    self.bytes = bytes
    self.segment = segment
    salt = GroupHeader(bytes, at: 0).flatMap {
      $0.segment == segment && $0.place == 0 ? $0.salt : nil
    }
  }

  /// The records of the group at `offset`, and where it ends; nil when none stands there that belongs
  /// there, whole and unbroken, and of records that are known.
  func group(at offset: Int) -> (records: [Record], end: Int)? {
    guard let body = body(at: offset), let records = Record.all(in: body) else { return nil }
    return (records, body.endIndex)
  }

  /// Whether at `offset` a group stands whole and in its place whose records are none: it was not torn.
  func isStrange(at offset: Int) -> Bool {
    body(at: offset).map { Record.all(in: $0) == nil } ?? false
  }

  /// The body of the group at `offset`, if one stands there that belongs there, whole and unbroken.
  private func body(at offset: Int) -> ArraySlice<UInt8>? {
    guard let header = GroupHeader(bytes, at: offset), belongs(header, at: offset),
      header.salt == salt
    else { return nil }
    return body(of: header, at: offset)
  }

  /// What stands behind `header`, if it is what the header was made for.
  private func body(of header: GroupHeader, at offset: Int) -> ArraySlice<UInt8>? {
    let start = offset + GroupHeader.size
    guard Int(header.length) <= bytes.count - start else { return nil }
    let body = bytes[start..<start + Int(header.length)]
    return header.vouches(for: body) ? body : nil
  }

  /// Whether behind `end`, where the good part ends, stands a group that proves more was durable, or
  /// one that belongs elsewhere.
  func hasProof(behind end: Int) -> Bool {
    // One byte at a time: lengths in a damaged part cannot be trusted to lead anywhere.
    var offset = end
    while let next = nextPossible(from: offset) {
      if let header = GroupHeader(bytes, at: next), proves(header, at: next, behind: end) {
        return true
      }
      offset = next + 1
    }
    return false
  }

  private func proves(_ header: GroupHeader, at offset: Int, behind end: Int) -> Bool {
    if let salt {
      return header.salt == salt && (offset > end || !belongs(header, at: offset))
    }
    // Where the segment's beginning was torn, what is left of it may hold a client's bytes: a whole
    // group is needed then, except in the place of the beginning.
    return offset == 0 || body(of: header, at: offset) != nil
  }

  private func belongs(_ header: GroupHeader, at offset: Int) -> Bool {
    header.segment == segment && header.place == UInt64(offset)
  }

  /// The first place from `offset` on where a group could stand: its length is not nothing. So room
  /// that was reserved and never used is passed over fast.
  private func nextPossible(from offset: Int) -> Int? {
    var place = offset
    while place < bytes.count, bytes[place] == 0 { place += 1 }
    // A length has four bytes, of which the first may be zeros.
    return place < bytes.count ? max(offset, place - 3) : nil
  }
}
