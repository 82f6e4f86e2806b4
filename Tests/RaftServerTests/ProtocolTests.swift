// What goes over the wire: Redis values, peer frames, and the commands in the log.

import Foundation
import NIOCore
import Raft
import Support
import Testing

@testable import RaftServer
@testable import RedisProtocol

@Suite struct ProtocolTests {
  private func decode(_ bytes: [UInt8]) throws -> [RESPValue] {
    var buffer = ByteBuffer(bytes: bytes)
    var decoder = RESPDecoder(longestValue: 1 << 20)
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

  @Test("a value in parts is the whole value, wherever it is cut")
  func respInParts() throws {
    let value = RESPValue.array([.bulk("SET"), .array([.integer(1), .array([])]), .bulk("a\r\nb")])
    let bytes = value.bytes
    for cut in 0..<bytes.count {
      var decoder = RESPDecoder(longestValue: bytes.count)
      var buffer = ByteBuffer(bytes: bytes[..<cut])
      #expect(try decoder.decode(buffer: &buffer) == nil)
      buffer.writeBytes(bytes[cut...] + value.bytes)
      #expect(try decoder.decode(buffer: &buffer) == value)
      #expect(try decoder.decode(buffer: &buffer) == value)
    }
  }

  @Test("a value of one byte too many is refused, and so are too many members and too deep ones")
  func respLimits() throws {
    func decode(_ text: String, longest: Int) throws -> RESPValue? {
      var decoder = RESPDecoder(longestValue: longest)
      var buffer = ByteBuffer(string: text)
      return try decoder.decode(buffer: &buffer)
    }
    let text = "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"
    #expect(try decode(text, longest: text.utf8.count) == .command("GET", "k"))
    #expect(throws: RESPError(description: "more than \(text.utf8.count - 1) bytes in one")) {
      try decode(text, longest: text.utf8.count - 1)
    }
    #expect(throws: RESPError(description: "more than 99 bytes in one")) {
      // Before its bytes have come.
      try decode("$100\r\n", longest: 99)
    }
    #expect(throws: RESPError(description: "65537 members; the most is 65536")) {
      try decode("*65537\r\n", longest: 100)
    }
    #expect(throws: RESPError(description: "arrays in arrays, more than 8")) {
      try decode(String(repeating: "*1\r\n", count: 9), longest: 100)
    }
  }

  @Test("the time for a request of many members grows as their number, however it is cut")
  func respManyMembers() throws {
    func seconds(_ count: Int) throws -> Double {
      let bytes = RESPValue.array(Array(repeating: .bulk("member"), count: count)).bytes
      var decoder = RESPDecoder(longestValue: bytes.count)
      var buffer = ByteBuffer()
      var value: RESPValue?
      let time = try ContinuousClock().measure {
        for start in stride(from: 0, to: bytes.count, by: 512) {
          buffer.writeBytes(bytes[start..<min(start + 512, bytes.count)])
          value = try decoder.decode(buffer: &buffer)
        }
      }
      guard case .array(let members) = value else { throw RESPError(description: "no array") }
      #expect(members.count == count)
      return time / .seconds(1)
    }
    let few = try (0..<5).map { _ in try seconds(4000) }.min()!
    // Sixteen times the members, in the square 256 times the time.
    #expect(try seconds(64_000) < 100 * few)
  }

  @Test("inline commands work, and empty lines between them are nothing")
  func inline() throws {
    #expect(
      try decode(Array("\r\nPING x\r\n\n\r\nPING\r\n".utf8))
        == [.command("PING", "x"), .command("PING")])
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

  @Test("numbers that would overflow, and snapshots that contradict themselves, are no frames")
  func impossibleFrames() {
    func isRefused(_ message: PeerMessage) -> Bool {
      var buffer = ByteBuffer()
      PeerFrame(number: 1, recipient: NodeID(5), message: message).write(to: &buffer)
      return (try? PeerFrameDecoder().decode(buffer: &buffer)) == nil
    }
    func snapshot(_ last: LogID, _ membership: LogID, term: UInt64) -> PeerMessage {
      let stored = StoredMembership(
        logID: membership, membership: Membership(voters: [NodeID(1)], members: []))
      return .snapshotRequest(
        SnapshotRequest(
          vote: Vote(term: term, node: NodeID(2), committed: true),
          meta: SnapshotMeta(lastLogID: last, membership: stored, id: "s"), offset: 0, bytes: [],
          isLast: true))
    }
    let great = Vote(term: .max, node: NodeID(2), committed: true)
    let vote = Vote(term: 3, node: NodeID(2), committed: true)
    #expect(
      isRefused(
        .appendRequest(AppendRequest(vote: great, previous: nil, entries: [], committed: 0))))
    #expect(
      isRefused(
        .appendRequest(AppendRequest(vote: vote, previous: nil, entries: [], committed: .max))))
    #expect(
      isRefused(
        .voteRequest(
          VoteRequest(vote: vote, lastLogID: LogID(term: 1, index: .max), isPreVote: false))))
    #expect(isRefused(.appendResponse(.higherVote(great))))
    #expect(isRefused(.appendResponse(.success(matched: .max))))
    let last = LogID(term: 3, index: 9)
    #expect(!isRefused(snapshot(last, LogID(term: 2, index: 9), term: 3)))
    #expect(isRefused(snapshot(last, LogID(term: 2, index: 10), term: 3)))
    #expect(isRefused(snapshot(last, LogID(term: 2, index: 9), term: 2)))
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
