// Raft messages as bytes between nodes.
//
// A frame is its length (4 bytes, big-endian, not counting itself), the request's number (8), who
// it is for (8; 0 in an answer), the kind (1), and the kind's fields.

import FoundationEssentials
import NIOCore
import Raft

/// What travels between two nodes.
enum PeerMessage: Equatable, Sendable {
  case voteRequest(VoteRequest)
  case voteResponse(VoteResponse)
  case appendRequest(AppendRequest)
  case appendResponse(AppendResponse)
  /// The request was not handled: the node is stopping, or overloaded. As the answer to a greeting:
  /// the node knows another one by that number.
  case refusal
  case snapshotRequest(SnapshotRequest)
  case snapshotResponse(SnapshotResponse)
  /// Has no answer.
  case transferRequest(TransferRequest)
  /// The first of each side.
  case greeting(PeerGreeting)
}

/// A message with the request it belongs to.
struct PeerFrame: Equatable, Sendable {
  var number: UInt64
  var recipient: NodeID
  var message: PeerMessage
}

/// Bytes that are no frame. The connection they came from is closed.
struct PeerProtocolError: Error, Equatable {
  var description: String
}

extension PeerFrame {
  func write(to buffer: inout ByteBuffer) {
    let start = buffer.writerIndex
    buffer.writeInteger(UInt32(0))
    buffer.writeInteger(number)
    buffer.writeInteger(recipient.number)
    switch message {
    case .voteRequest(let request):
      buffer.writeInteger(UInt8(1))
      buffer.writeVote(request.vote)
      buffer.writeLogID(request.lastLogID)
      buffer.writeInteger(request.isPreVote ? 1 : 0, as: UInt8.self)
      buffer.writeInteger(request.isTransfer ? 1 : 0, as: UInt8.self)
    case .voteResponse(let response):
      buffer.writeInteger(UInt8(2))
      buffer.writeVote(response.vote)
      buffer.writeInteger(response.granted ? 1 : 0, as: UInt8.self)
      buffer.writeLogID(response.lastLogID)
    case .appendRequest(let request):
      buffer.writeInteger(UInt8(3))
      buffer.writeVote(request.vote)
      buffer.writeLogID(request.previous)
      buffer.writeInteger(request.committed)
      buffer.writeInteger(UInt32(request.entries.count))
      for entry in request.entries { buffer.writeEntry(entry) }
    case .appendResponse(let response):
      buffer.writeAppendResponse(response)
    case .refusal: buffer.writeInteger(UInt8(5))
    case .snapshotRequest(let request): buffer.writeSnapshotRequest(request)
    case .snapshotResponse(let response): buffer.writeSnapshotResponse(response)
    case .transferRequest(let request):
      buffer.writeInteger(UInt8(8))
      buffer.writeVote(request.vote)
      buffer.writeLogID(request.lastLogID)
    case .greeting(let greeting):
      buffer.writeInteger(UInt8(9))
      buffer.writeInteger(greeting.node.number)
      buffer.writeSized(Array(greeting.identity.uuidString.utf8))
    }
    buffer.setInteger(UInt32(buffer.writerIndex - start - 4), at: start)
  }
}

/// Splits a stream of bytes into frames.
struct PeerFrameDecoder: NIOSingleStepByteToMessageDecoder {
  typealias InboundOut = PeerFrame
  /// No frame of ours is longer; it bounds what a stranger can make us hold.
  static let longest = 64 << 20

  func decode(buffer: inout ByteBuffer) throws -> PeerFrame? {
    guard let length = buffer.getInteger(at: buffer.readerIndex, as: UInt32.self) else {
      return nil
    }
    guard length <= Self.longest else {
      throw PeerProtocolError(description: "a frame of \(length) bytes")
    }
    guard buffer.readableBytes >= 4 + Int(length) else { return nil }
    buffer.moveReaderIndex(forwardBy: 4)
    var frame = buffer.readSlice(length: Int(length))!
    guard let decoded = frame.readFrame(), frame.readableBytes == 0 else {
      throw PeerProtocolError(description: "a frame that does not add up")
    }
    return decoded
  }

  func decodeLast(buffer: inout ByteBuffer, seenEOF: Bool) throws -> PeerFrame? {
    try decode(buffer: &buffer)
  }
}

extension ByteBuffer {
  fileprivate mutating func writeVote(_ vote: Vote) {
    writeInteger(vote.term)
    writeInteger(vote.node?.number ?? 0)
    writeInteger(vote.committed ? 1 : 0, as: UInt8.self)
  }

  fileprivate mutating func writeAppendResponse(_ response: AppendResponse) {
    writeInteger(UInt8(4))
    switch response {
    case .success(let matched):
      writeInteger(UInt8(0))
      writeInteger(matched)
    case .conflict(let retryAfter):
      writeInteger(UInt8(1))
      writeInteger(retryAfter)
    case .higherVote(let vote):
      writeInteger(UInt8(2))
      writeVote(vote)
    }
  }

  fileprivate mutating func writeSnapshotRequest(_ request: SnapshotRequest) {
    writeInteger(UInt8(6))
    writeVote(request.vote)
    var meta = ByteWriter()
    meta.write(request.meta)
    writeSized(meta.bytes)
    writeInteger(request.offset)
    writeInteger(request.isLast ? 1 : 0, as: UInt8.self)
    writeSized(request.bytes)
  }

  fileprivate mutating func writeSnapshotResponse(_ response: SnapshotResponse) {
    writeInteger(UInt8(7))
    switch response {
    case .received(let offset):
      writeInteger(UInt8(0))
      writeInteger(offset)
    case .installed: writeInteger(UInt8(1))
    case .higherVote(let vote):
      writeInteger(UInt8(2))
      writeVote(vote)
    }
  }

  fileprivate mutating func writeSized(_ bytes: [UInt8]) {
    writeInteger(UInt32(bytes.count))
    writeBytes(bytes)
  }

  private mutating func readSized() -> [UInt8]? {
    guard let length = readInteger(as: UInt32.self) else { return nil }
    return readBytes(length: Int(length))
  }

  /// An index of 0 stands for no entry: logs begin at 1.
  fileprivate mutating func writeLogID(_ id: LogID?) {
    writeInteger(id?.term ?? 0)
    writeInteger(id?.index ?? 0)
  }

  fileprivate mutating func writeEntry(_ entry: Entry) {
    writeLogID(entry.id)
    switch entry.payload {
    case .blank: writeInteger(UInt8(0))
    case .command(let bytes):
      writeInteger(UInt8(1))
      writeSized(bytes)
    case .membership(let membership):
      writeInteger(UInt8(2))
      var fields = ByteWriter()
      fields.write(membership)
      writeSized(fields.bytes)
    }
  }

  fileprivate mutating func readFrame() -> PeerFrame? {
    guard let number = readInteger(as: UInt64.self), let recipient = readInteger(as: UInt64.self),
      let kind = readInteger(as: UInt8.self), let message = readMessage(kind)
    else { return nil }
    return PeerFrame(number: number, recipient: NodeID(recipient), message: message)
  }

  private mutating func readMessage(_ kind: UInt8) -> PeerMessage? {
    switch kind {
    case 1:
      guard let vote = readVote(), let last = readLogID(), let isPreVote = readFlag(),
        let isTransfer = readFlag()
      else { return nil }
      return .voteRequest(
        VoteRequest(
          vote: vote, lastLogID: last.id, isPreVote: isPreVote, isTransfer: isTransfer))
    case 2:
      guard let vote = readVote(), let granted = readFlag(), let last = readLogID() else {
        return nil
      }
      return .voteResponse(VoteResponse(vote: vote, granted: granted, lastLogID: last.id))
    case 3: return readAppendRequest().map { .appendRequest($0) }
    case 4: return readAppendResponse().map { .appendResponse($0) }
    case 5: return .refusal
    case 6: return readSnapshotRequest().map { .snapshotRequest($0) }
    case 7: return readSnapshotResponse().map { .snapshotResponse($0) }
    case 8:
      guard let vote = readVote(), let last = readLogID() else { return nil }
      return .transferRequest(TransferRequest(vote: vote, lastLogID: last.id))
    case 9:
      guard let node = readInteger(as: UInt64.self), node > 0, let text = readSized(),
        let identity = UUID(uuidString: String(decoding: text, as: UTF8.self))
      else { return nil }
      return .greeting(PeerGreeting(node: NodeID(node), identity: identity))
    default: return nil
    }
  }

  private mutating func readSnapshotRequest() -> SnapshotRequest? {
    guard let vote = readVote(), let meta = readSized(), let offset = readInteger(as: UInt64.self),
      let isLast = readFlag(), let bytes = readSized()
    else { return nil }
    var fields = ByteReader(meta)
    guard let meta = fields.snapshotMeta(), fields.rest.isEmpty,
      meta.lastLogID.term <= vote.term
    else { return nil }
    return SnapshotRequest(vote: vote, meta: meta, offset: offset, bytes: bytes, isLast: isLast)
  }

  private mutating func readSnapshotResponse() -> SnapshotResponse? {
    switch readInteger(as: UInt8.self) {
    case 0: return readInteger(as: UInt64.self).map { .received(upTo: $0) }
    case 1: return .installed
    case 2: return readVote().map { .higherVote($0) }
    default: return nil
    }
  }

  private mutating func readAppendRequest() -> AppendRequest? {
    guard let vote = readVote(), let previous = readLogID(), let committed = readNumber(),
      let count = readInteger(as: UInt32.self)
    else { return nil }
    var entries: [Entry] = []
    for _ in 0..<count {
      guard let entry = readEntry() else { return nil }
      entries.append(entry)
    }
    return AppendRequest(
      vote: vote, previous: previous.id, entries: entries, committed: committed)
  }

  private mutating func readAppendResponse() -> AppendResponse? {
    switch readInteger(as: UInt8.self) {
    case 0: return readNumber().map { .success(matched: $0) }
    case 1: return readNumber().map { .conflict(retryAfter: $0) }
    case 2: return readVote().map { .higherVote($0) }
    default: return nil
    }
  }

  private mutating func readFlag() -> Bool? { readInteger(as: UInt8.self).map { $0 == 1 } }

  /// A term or an index.
  private mutating func readNumber() -> UInt64? {
    readInteger(as: UInt64.self).flatMap { $0 <= ByteReader.greatestNumber ? $0 : nil }
  }

  private mutating func readVote() -> Vote? {
    guard let term = readNumber(), let node = readInteger(as: UInt64.self),
      let committed = readFlag()
    else { return nil }
    return Vote(term: term, node: node == 0 ? nil : NodeID(node), committed: committed)
  }

  private mutating func readLogID() -> (id: LogID?, Void)? {
    guard let term = readNumber(), let index = readNumber() else { return nil }
    return (index == 0 ? nil : LogID(term: term, index: index), ())
  }

  private mutating func readEntry() -> Entry? {
    guard let id = readLogID()?.id, let kind = readInteger(as: UInt8.self) else { return nil }
    switch kind {
    case 0: return Entry(id: id, payload: .blank)
    case 1:
      return readSized().map { Entry(id: id, payload: .command($0)) }
    case 2:
      guard let bytes = readSized() else { return nil }
      var fields = ByteReader(bytes)
      guard let membership = fields.membership(), fields.rest.isEmpty else { return nil }
      return Entry(id: id, payload: .membership(membership))
    default: return nil
    }
  }
}
