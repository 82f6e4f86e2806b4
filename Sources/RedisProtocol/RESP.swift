// RESP2, the Redis protocol: values to bytes and back, for server and client alike.

import NIOCore

/// A value of the Redis protocol, version 2.
public enum RESPValue: Equatable, Sendable {
  /// `+OK`.
  case simple(String)
  /// `-ERR …`: a word in capitals, then a sentence.
  case error(String)
  /// `:7`.
  case integer(Int64)
  /// `$3`: bytes.
  case bulk([UInt8])
  /// `$-1` or `*-1`: nothing.
  case null
  /// `*2`: several values.
  case array([RESPValue])

  /// `+OK`, the most frequent of all.
  public static let ok = RESPValue.simple("OK")

  /// Text as bytes.
  public static func bulk(_ text: String) -> RESPValue { .bulk(Array(text.utf8)) }

  /// A request: a command and its arguments.
  public static func command(_ words: String...) -> RESPValue { .array(words.map { .bulk($0) }) }
}

extension RESPValue {
  /// Writes the value at the end of `buffer`.
  public func write(to buffer: inout ByteBuffer) { buffer.writeBytes(bytes) }

  /// The value's bytes.
  public var bytes: [UInt8] {
    var bytes: [UInt8] = []
    // Once: to make room for each member of an array would copy all before it each time.
    bytes.reserveCapacity(size)
    append(to: &bytes)
    return bytes
  }

  /// About how many bytes it has, and never less.
  public var size: Int {
    switch self {
    case .simple(let text), .error(let text): text.utf8.count + 3
    case .integer: 23
    case .bulk(let content): content.count + 25
    case .null: 5
    case .array(let members): members.reduce(23) { $0 + $1.size }
    }
  }

  private func append(to bytes: inout [UInt8]) {
    switch self {
    case .simple(let text): Self.append("+", text.utf8, to: &bytes)
    case .error(let text): Self.append("-", text.utf8, to: &bytes)
    case .integer(let number): Self.append(":", String(number).utf8, to: &bytes)
    case .bulk(let content):
      Self.append("$", String(content.count).utf8, to: &bytes)
      bytes.append(contentsOf: content)
      bytes.append(contentsOf: Self.lineEnd)
    case .null: bytes.append(contentsOf: "$-1\r\n".utf8)
    case .array(let members):
      Self.append("*", String(members.count).utf8, to: &bytes)
      for member in members { member.append(to: &bytes) }
    }
  }

  private static let lineEnd: [UInt8] = [13, 10]

  private static func append(
    _ kind: Unicode.Scalar, _ line: String.UTF8View, to bytes: inout [UInt8]
  ) {
    bytes.append(UInt8(ascii: kind))
    bytes.append(contentsOf: line)
    bytes.append(contentsOf: lineEnd)
  }
}

/// Bytes that are no Redis protocol. The connection they came from is of no further use.
public struct RESPError: Error, Equatable, CustomStringConvertible {
  /// What was wrong.
  public var description: String
}

/// Splits a stream of bytes into values. Also takes inline commands (`PING\r\n`).
public struct RESPDecoder: NIOSingleStepByteToMessageDecoder {
  /// What comes out.
  public typealias InboundOut = RESPValue
  /// The longest bulk, in bytes.
  public static let longestBulk = 16 << 20
  /// The most members of an array.
  public static let mostMembers = 1 << 16
  private static let longestLine = 64 << 10
  private static let deepest = 8

  /// A decoder at the start of a stream.
  public init() {}

  /// The next value, or nil when its bytes are not all there yet.
  public func decode(buffer: inout ByteBuffer) throws -> RESPValue? {
    // Read from a copy: a value that is not whole yet must leave nothing behind.
    var attempt = buffer
    guard let value = try Self.value(&attempt, depth: 0) else { return nil }
    buffer = attempt
    return value
  }

  /// A stream that ends within a value has lost its rest.
  public func decodeLast(buffer: inout ByteBuffer, seenEOF: Bool) throws -> RESPValue? {
    try decode(buffer: &buffer)
  }

  private static func value(_ buffer: inout ByteBuffer, depth: Int) throws -> RESPValue? {
    guard let line = try line(&buffer) else { return nil }
    guard let kind = line.first else { throw RESPError(description: "an empty line") }
    let rest = line.dropFirst()
    switch kind {
    case UInt8(ascii: "+"): return .simple(String(decoding: rest, as: UTF8.self))
    case UInt8(ascii: "-"): return .error(String(decoding: rest, as: UTF8.self))
    case UInt8(ascii: ":"): return .integer(try number(rest))
    case UInt8(ascii: "$"):
      let length = try number(rest)
      if length == -1 { return .null }
      guard (0...Int64(longestBulk)).contains(length) else {
        throw RESPError(description: "a bulk of \(length) bytes; the most is \(longestBulk)")
      }
      guard buffer.readableBytes >= Int(length) + 2 else { return nil }
      let bytes = buffer.readBytes(length: Int(length))!
      guard buffer.readInteger(as: UInt16.self) == 0x0D0A else {
        throw RESPError(description: "a bulk without its end")
      }
      return .bulk(bytes)
    case UInt8(ascii: "*"): return try array(count: try number(rest), &buffer, depth: depth)
    default:
      guard depth == 0 else { throw RESPError(description: "an unknown kind of value") }
      let words = line.split(separator: 0x20).map { RESPValue.bulk(Array($0)) }
      return .array(words)
    }
  }

  private static func array(
    count: Int64, _ buffer: inout ByteBuffer, depth: Int
  ) throws -> RESPValue? {
    if count == -1 { return .null }
    guard (0...Int64(mostMembers)).contains(count), depth < deepest else {
      throw RESPError(description: "an array of \(count) at depth \(depth)")
    }
    var members: [RESPValue] = []
    // A long array has to arrive before it gets room.
    members.reserveCapacity(min(Int(count), 16))
    for _ in 0..<count {
      guard let member = try value(&buffer, depth: depth + 1) else { return nil }
      members.append(member)
    }
    return .array(members)
  }

  private static func line(_ buffer: inout ByteBuffer) throws -> ByteBufferView? {
    let view = buffer.readableBytesView
    guard let end = view.firstIndex(of: 10) else {
      guard view.count <= longestLine else { throw RESPError(description: "an endless line") }
      return nil
    }
    let line = view[view.startIndex..<end]
    buffer.moveReaderIndex(forwardBy: line.count + 1)
    return line.last == 13 ? line.dropLast() : line
  }

  private static func number(_ digits: ByteBufferView) throws -> Int64 {
    // Nearly all are lengths of a few digits, for which no text need be made.
    if digits.count <= 8, let short = short(digits) { return short }
    guard let number = Int64(String(decoding: digits, as: UTF8.self)) else {
      throw RESPError(description: "a number was due")
    }
    return number
  }

  private static func short(_ digits: ByteBufferView) -> Int64? {
    guard !digits.isEmpty else { return nil }
    var number: Int64 = 0
    for digit in digits {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
      number = number * 10 + Int64(digit - UInt8(ascii: "0"))
    }
    return number
  }
}
