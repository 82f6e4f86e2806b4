// The records of the log file, and how they are read back from bytes that a crash left.

import CZlib
import Raft

/// One write, as it stands in the file.
///
/// A record is its body's length (4 bytes), its body's CRC-32 (4), and the body: how much of the
/// file was durable when the record was made (8), the kind (1), and the kind's fields. All numbers
/// are little-endian.
enum Record: Equatable {
  /// The first record of a file: whose it is.
  case owner(NodeID)
  case vote(Vote)
  case entry(Entry)
  /// The entries from here on are gone.
  case truncate(from: UInt64)

  static let headerSize = 8
  /// A length beyond this is no length of ours; it bounds what a broken file can ask for.
  static let maxBody = 1 << 30

  /// Appends the record to `buffer`; `durable` is how much of the file is known to be on disk.
  func append(to buffer: inout [UInt8], durable: UInt64) {
    let start = buffer.count
    buffer.append(contentsOf: [UInt8](repeating: 0, count: Self.headerSize))
    Self.append(durable, to: &buffer)
    switch self {
    case .owner(let node):
      buffer.append(1)
      Self.append(node.number, to: &buffer)
    case .vote(let vote):
      buffer.append(2)
      Self.append(vote.term, to: &buffer)
      Self.append(vote.node?.number ?? 0, to: &buffer)
      buffer.append(vote.committed ? 1 : 0)
    case .entry(let entry):
      buffer.append(3)
      Self.append(entry.id.term, to: &buffer)
      Self.append(entry.id.index, to: &buffer)
      switch entry.payload {
      case .blank: buffer.append(0)
      case .command(let bytes):
        buffer.append(1)
        buffer.append(contentsOf: bytes)
      }
    case .truncate(let index):
      buffer.append(4)
      Self.append(index, to: &buffer)
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
    for byte in 0..<8 { buffer.append(UInt8(truncatingIfNeeded: number >> (8 * UInt64(byte)))) }
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

  private func record(body: Int, end: Int) -> Record? {
    let fields = body + 9
    func field(_ place: Int) -> UInt64? {
      let start = fields + 8 * place
      return end - start >= 8 ? number(at: start, bytes: 8) : nil
    }
    switch bytes[body + 8] {
    case 1: return field(0).map { .owner(NodeID($0)) }
    case 2:
      guard let term = field(0), let node = field(1), end == fields + 17 else { return nil }
      return .vote(
        Vote(term: term, node: node == 0 ? nil : NodeID(node), committed: bytes[end - 1] == 1))
    case 3:
      guard let term = field(0), let index = field(1), end >= fields + 17 else { return nil }
      let payload = bytes[fields + 16]
      guard payload <= 1 else { return nil }
      return .entry(
        Entry(
          id: LogID(term: term, index: index),
          payload: payload == 0 ? .blank : .command(Array(bytes[(fields + 17)..<end]))))
    case 4: return field(0).map { .truncate(from: $0) }
    default: return nil
    }
  }

  private func number(at offset: Int, bytes count: Int) -> UInt64 {
    (0..<count).reduce(0) { $0 | UInt64(bytes[offset + $1]) << (8 * UInt64($1)) }
  }
}
