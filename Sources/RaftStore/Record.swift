// The records of the log file, and how they are read back from bytes that a crash left.

import CZlib
import Raft

/// One write, as it stands in the file.
///
/// A record is its body's length (4 bytes), its body's CRC-32 (4), and the body: how much of the
/// file was durable when the record was made (8), the kind (1), and the kind's fields. All numbers
/// are little-endian.
enum Record: Equatable {
  /// The first record of a segment: whose it is, and what the segments before it, which may be
  /// gone, say of the vote and of what was purged.
  case begin(NodeID, Vote, purged: LogID?)
  case vote(Vote)
  case entry(Entry)
  /// The entries from here on are gone.
  case truncate(from: UInt64)
  /// The entries up to here are gone.
  case purge(upTo: LogID)

  static let headerSize = 8
  /// A length beyond this is no length of ours; it bounds what a broken file can ask for.
  static let maxBody = 1 << 30

  /// Appends the record to `buffer`; `durable` is how much of the file is known to be on disk.
  func append(to buffer: inout [UInt8], durable: UInt64) {
    let start = buffer.count
    buffer.append(contentsOf: [UInt8](repeating: 0, count: Self.headerSize))
    Self.append(durable, to: &buffer)
    switch self {
    case .begin(let node, let vote, let purged):
      buffer.append(1)
      Self.append(node.number, to: &buffer)
      Self.append(vote, to: &buffer)
      Self.append(purged?.term ?? 0, to: &buffer)
      Self.append(purged?.index ?? 0, to: &buffer)
    case .vote(let vote):
      buffer.append(2)
      Self.append(vote, to: &buffer)
    case .entry(let entry):
      buffer.append(3)
      Self.append(entry.id.term, to: &buffer)
      Self.append(entry.id.index, to: &buffer)
      switch entry.payload {
      case .blank: buffer.append(0)
      case .command(let bytes):
        buffer.append(1)
        buffer.append(contentsOf: bytes)
      case .membership(let membership):
        buffer.append(2)
        var writer = ByteWriter()
        writer.write(membership)
        buffer.append(contentsOf: writer.bytes)
      }
    case .truncate(let index):
      buffer.append(4)
      Self.append(index, to: &buffer)
    case .purge(let last):
      buffer.append(5)
      Self.append(last.term, to: &buffer)
      Self.append(last.index, to: &buffer)
    }
    let body = start + Self.headerSize
    let length = UInt32(buffer.count - body)
    let sum = buffer[body...].withUnsafeBufferPointer { Self.checksum($0) }
    for byte in 0..<4 {
      buffer[start + byte] = UInt8(truncatingIfNeeded: length >> (8 * UInt32(byte)))
      buffer[start + 4 + byte] = UInt8(truncatingIfNeeded: sum >> (8 * UInt32(byte)))
    }
  }

  static func checksum(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt32 {
    UInt32(truncatingIfNeeded: crc32(0, bytes.baseAddress, UInt32(bytes.count)))
  }

  private static func append(_ number: UInt64, to buffer: inout [UInt8]) {
    withUnsafeBytes(of: number.littleEndian) { buffer.append(contentsOf: $0) }
  }

  private static func append(_ vote: Vote, to buffer: inout [UInt8]) {
    append(vote.term, to: &buffer)
    append(vote.node?.number ?? 0, to: &buffer)
    buffer.append(vote.committed ? 1 : 0)
  }
}

/// A record that was read, with where it ends and what it knows of the file before it.
struct ReadRecord {
  var record: Record
  var durable: UInt64
  var end: Int
}

/// Reads records off the bytes of a file.
struct RecordReader {
  let bytes: [UInt8]

  /// The record at `offset`, or nil when no whole and unbroken one stands there.
  func record(at offset: Int) -> ReadRecord? {
    guard bytes.count - offset >= Record.headerSize else { return nil }
    let length = Int(number(at: offset, bytes: 4))
    let body = offset + Record.headerSize
    guard length >= 9, length <= Record.maxBody, length <= bytes.count - body else { return nil }
    let sum = bytes[body..<body + length].withUnsafeBufferPointer { Record.checksum($0) }
    guard sum == UInt32(number(at: offset + 4, bytes: 4)) else { return nil }
    guard let record = record(body: body, end: body + length) else { return nil }
    return ReadRecord(
      record: record, durable: number(at: body, bytes: 8), end: body + length)
  }

  /// The first place from `offset` on where a record could stand: its length is not nothing. So
  /// room that was reserved and never used is passed over fast.
  func nextPossible(from offset: Int) -> Int? {
    var place = offset
    while place < bytes.count, bytes[place] == 0 { place += 1 }
    // A length has four bytes, of which the first may be zeros.
    return place < bytes.count ? max(offset, place - 3) : nil
  }

  private func record(body: Int, end: Int) -> Record? {
    var fields = ByteReader(bytes[(body + 9)..<end])
    let record = Self.record(kind: bytes[body + 8], &fields)
    guard fields.rest.isEmpty else { return nil }
    return record
  }

  private static func record(kind: UInt8, _ fields: inout ByteReader) -> Record? {
    switch kind {
    case 1:
      guard let node = fields.number(as: UInt64.self), let vote = vote(&fields),
        let purged = fields.logID()
      else { return nil }
      return .begin(NodeID(node), vote, purged: purged)
    case 2: return vote(&fields).map { .vote($0) }
    case 3:
      guard let id = fields.logID(), let id, let payload = payload(&fields) else { return nil }
      return .entry(Entry(id: id, payload: payload))
    case 4: return fields.number(as: UInt64.self).map { .truncate(from: $0) }
    case 5:
      guard let last = fields.logID(), let last else { return nil }
      return .purge(upTo: last)
    default: return nil
    }
  }

  private static func payload(_ fields: inout ByteReader) -> Entry.Payload? {
    switch fields.number(as: UInt8.self) {
    case 0: return .blank
    case 1: return .command(fields.takeRest())
    case 2: return fields.membership().map { .membership($0) }
    default: return nil
    }
  }

  private static func vote(_ fields: inout ByteReader) -> Vote? {
    guard let term = fields.number(as: UInt64.self), let node = fields.number(as: UInt64.self),
      let committed = fields.number(as: UInt8.self)
    else { return nil }
    return Vote(term: term, node: node == 0 ? nil : NodeID(node), committed: committed == 1)
  }

  private func number(at offset: Int, bytes count: Int) -> UInt64 {
    (0..<count).reduce(0) { $0 | UInt64(bytes[offset + $1]) << (8 * UInt64($1)) }
  }
}
