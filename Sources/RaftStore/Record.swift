// The records of the log: one for each write, and how they are read back.

import Raft

/// One write, as it stands in a group.
///
/// A record is its body's length (4 bytes), and the body: the kind (1) and the kind's fields. All
/// numbers are little-endian.
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

  private static let lengthSize = 4

  /// Appends the record to `buffer`.
  func append(to buffer: inout [UInt8]) {
    let start = buffer.count
    buffer.append(contentsOf: [0, 0, 0, 0])
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
    let length = UInt32(buffer.count - start - Self.lengthSize)
    for byte in 0..<Self.lengthSize {
      buffer[start + byte] = UInt8(truncatingIfNeeded: length >> (8 * UInt32(byte)))
    }
  }

  /// The records that `bytes` are made of; nil when they are anything else.
  static func all(in bytes: ArraySlice<UInt8>) -> [Record]? {
    var records: [Record] = []
    var rest = bytes
    while !rest.isEmpty {
      var reader = ByteReader(rest)
      guard let length = reader.number(as: UInt32.self), length > 0,
        Int(length) <= reader.rest.count
      else { return nil }
      let body = reader.rest.prefix(Int(length))
      var fields = ByteReader(body.dropFirst())
      guard let record = record(kind: body.first!, &fields), fields.rest.isEmpty else {
        return nil
      }
      records.append(record)
      rest = rest[body.endIndex...]
    }
    return records
  }

  private static func append(_ number: UInt64, to buffer: inout [UInt8]) {
    withUnsafeBytes(of: number.littleEndian) { buffer.append(contentsOf: $0) }
  }

  private static func append(_ vote: Vote, to buffer: inout [UInt8]) {
    append(vote.term, to: &buffer)
    append(vote.node?.number ?? 0, to: &buffer)
    buffer.append(vote.committed ? 1 : 0)
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
      guard let id = fields.logID(), let id, let payload = payload(&fields)
      else { return nil }
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
}
