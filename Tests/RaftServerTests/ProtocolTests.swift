// What goes over the wire: Redis values, peer frames, and the commands in the log.

import Foundation
import NIOCore
import Raft
import RedisProtocol
import Support
import Testing

@testable import RaftServer

@Suite struct ProtocolTests {
  private func decode(_ bytes: [UInt8]) throws -> [RESPValue] {
    var buffer = ByteBuffer(bytes: bytes)
    let decoder = RESPDecoder()
    var values: [RESPValue] = []
    while let value = try decoder.decode(buffer: &buffer) { values.append(value) }
    return values
  }

  @Test("a Redis value is itself again after its bytes")
  func respRoundTrip() throws {
    let values: [RESPValue] = [
      .ok, .error("ERR no"), .integer(-7), .bulk("a\r\nb"), .bulk([]), .null,
      .array([.bulk("GET"), .array([.integer(1)]), .null]),
    ]
    #expect(try decode(values.flatMap(\.bytes)) == values)
  }

  @Test("a value that is not all there yet leaves the stream as it was")
  func respInParts() throws {
    let bytes = RESPValue.command("SET", "key", "value").bytes
    for length in 0..<bytes.count { #expect(try decode(Array(bytes[..<length])).isEmpty) }
  }

  @Test("inline commands work")
  func inline() throws {
    #expect(try decode(Array("PING x\r\n".utf8)) == [.command("PING", "x")])
  }

  @Test("any bytes are read without a trap", arguments: Seed.some(2000))
  func respRubbish(seed: Seed) {
    var random = SplitMix64(seed)
    let alphabet = Array("*$+-:0123456789\r\nab".utf8)
    let bytes = (0..<Int.random(in: 0...60, using: &random)).map { _ in
      alphabet.randomElement(using: &random)!
    }
    _ = try? decode(bytes)
  }

  private var frames: [PeerFrame] {
    let vote = Vote(term: 3, node: NodeID(2), committed: true)
    let membership = Membership(
      voters: [NodeID(1), NodeID(4)], members: [Member(id: NodeID(7), address: "h:1,h:2")])
    let meta = SnapshotMeta(
      lastLogID: LogID(term: 3, index: 9),
      membership: StoredMembership(logID: LogID(term: 0, index: 1), membership: membership),
      id: "n1-3.9")
    let entries = [
      Entry(id: LogID(term: 2, index: 8), payload: .blank),
      Entry(id: LogID(term: 3, index: 9), payload: .command([1, 2, 3])),
      Entry(id: LogID(term: 3, index: 10), payload: .membership(membership)),
    ]
    let messages: [PeerMessage] = [
      .voteRequest(VoteRequest(vote: vote, lastLogID: nil, isPreVote: true)),
      .voteResponse(VoteResponse(vote: .none, granted: false)),
      .appendRequest(
        AppendRequest(
          vote: vote, previous: LogID(term: 1, index: 7), entries: entries, committed: 6)),
      .appendResponse(.success(matched: 9)), .appendResponse(.conflict(retryAfter: 4)),
      .appendResponse(.higherVote(vote)), .refusal,
      .voteRequest(
        VoteRequest(
          vote: vote, lastLogID: LogID(term: 1, index: 2), isPreVote: false, isTransfer: true)),
      .snapshotRequest(
        SnapshotRequest(vote: vote, meta: meta, offset: 77, bytes: [1, 2], isLast: true)),
      .snapshotResponse(.received(upTo: 3)), .snapshotResponse(.installed),
      .snapshotResponse(.higherVote(vote)),
      .transferRequest(TransferRequest(vote: vote, lastLogID: nil)),
      .greeting(PeerGreeting(node: NodeID(2), identity: UUID())),
    ]
    return messages.enumerated().map {
      PeerFrame(number: UInt64($0), recipient: NodeID(5), message: $1)
    }
  }

  @Test("a frame is itself again after its bytes, and nothing before all are there")
  func frameRoundTrip() throws {
    for frame in frames {
      var buffer = ByteBuffer()
      frame.write(to: &buffer)
      for length in 0..<buffer.readableBytes {
        var part = buffer.getSlice(at: 0, length: length)!
        let decoder = PeerFrameDecoder()
        #expect(try decoder.decode(buffer: &part) == nil)
      }
      let decoder = PeerFrameDecoder()
      #expect(try decoder.decode(buffer: &buffer) == frame)
    }
  }

  @Test("a frame with any byte changed is read without a trap", arguments: Seed.some(500))
  func frameRubbish(seed: Seed) {
    var random = SplitMix64(seed)
    for frame in frames {
      var buffer = ByteBuffer()
      frame.write(to: &buffer)
      let place = Int.random(in: 0..<buffer.readableBytes, using: &random)
      buffer.setInteger(UInt8.random(in: 0...255, using: &random), at: place)
      let decoder = PeerFrameDecoder()
      _ = try? decoder.decode(buffer: &buffer)
    }
  }

  @Test("a log's payload gives its words again; anything else gives nil", arguments: Seed.some(200))
  func payloads(seed: Seed) {
    var random = SplitMix64(seed)
    let words = (0..<Int.random(in: 1...4, using: &random)).map { _ in
      (0..<Int.random(in: 0...9, using: &random)).map { _ in
        UInt8.random(in: 0...255, using: &random)
      }
    }
    let bytes = CommandPayload.encode(words)
    #expect(CommandPayload.decode(bytes) == words)
    #expect(CommandPayload.decode(Array(bytes.dropLast())) == nil || words.last == [])
  }
}
