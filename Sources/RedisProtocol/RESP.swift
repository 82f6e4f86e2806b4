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

  /// An array, some members of which have not arrived.
  private struct OpenArray {
    var missing: Int
    var members: [RESPValue] = []
  }

  private let longestValue: Int
  private let deepest: Int
  /// The arrays around what comes next, the outermost first. Kept from part to part: to read a long
  /// one anew with each part that arrives takes time by the square of its length.
  private var open: [OpenArray] = []
  /// So many bytes of the value have been read.
  private var size = 0

  /// A decoder at the start of a stream.
  ///
  /// - Parameters:
  ///   - longestValue: the most bytes of a value, all of an array's members together.
  ///   - deepest: so many arrays may lie in one another; what is not whole yet takes more memory than
  ///     bytes where they do.
  public init(longestValue: Int, deepest: Int = 8) {
    self.longestValue = longestValue
    self.deepest = deepest
  }

  /// The next value, or nil when its bytes are not all there yet; those of its members that are may
  /// have been taken.
  public mutating func decode(buffer: inout ByteBuffer) throws -> RESPValue? {
    while true {
      let before = buffer
      guard let part = try part(&buffer) else {
        buffer = before
        return nil
      }
      size += before.readableBytes - buffer.readableBytes
      guard size <= longestValue else { throw Self.tooLong(longestValue) }
      let whole: RESPValue? = if case .value(let value) = part { close(value) } else { nil }
      if open.isEmpty { size = 0 }
      if let whole { return whole }
    }
  }

  /// A stream that ends within a value has lost its rest.
  public mutating func decodeLast(buffer: inout ByteBuffer, seenEOF: Bool) throws -> RESPValue? {
    try decode(buffer: &buffer)
  }

  /// Puts `value` into the array it belongs to.
  ///
  /// - Returns: what is whole with it and belongs to no array.
  private mutating func close(_ value: RESPValue) -> RESPValue? {
    var value = value
    while let last = open.indices.last {
      open[last].members.append(value)
      open[last].missing -= 1
      guard open[last].missing == 0 else { return nil }
      value = .array(open.removeLast().members)
    }
    return value
  }

  private enum Part {
    case value(RESPValue)
    /// What belongs to no value yet: the beginning of an array, or an empty line between requests.
    case beginning
  }

  private mutating func part(_ buffer: inout ByteBuffer) throws -> Part? {
    guard let line = try Self.line(&buffer) else { return nil }
    guard let kind = line.first else {
      guard open.isEmpty else { throw RESPError(description: "an empty line within a value") }
      return .beginning
    }
    let rest = line.dropFirst()
    switch kind {
    case UInt8(ascii: "+"): return .value(.simple(String(decoding: rest, as: UTF8.self)))
    case UInt8(ascii: "-"): return .value(.error(String(decoding: rest, as: UTF8.self)))
    case UInt8(ascii: ":"): return .value(.integer(try Self.number(rest)))
    case UInt8(ascii: "$"): return try bulk(length: try Self.number(rest), &buffer)
    case UInt8(ascii: "*"): return try array(count: try Self.number(rest))
    default:
      guard open.isEmpty else { throw RESPError(description: "an unknown kind of value") }
      return .value(.array(line.split(separator: 0x20).map { .bulk(Array($0)) }))
    }
  }

  private func bulk(length: Int64, _ buffer: inout ByteBuffer) throws -> Part? {
    if length == -1 { return .value(.null) }
    guard (0...Int64(Self.longestBulk)).contains(length) else {
      throw RESPError(description: "a bulk of \(length) bytes; the most is \(Self.longestBulk)")
    }
    // Said before all of it has come.
    guard size + Int(length) <= longestValue else { throw Self.tooLong(longestValue) }
    guard buffer.readableBytes >= Int(length) + 2 else { return nil }
    let bytes = buffer.readBytes(length: Int(length))!
    guard buffer.readInteger(as: UInt16.self) == 0x0D0A else {
      throw RESPError(description: "a bulk without its end")
    }
    return .value(.bulk(bytes))
  }

  private mutating func array(count: Int64) throws -> Part {
    if count == -1 { return .value(.null) }
    guard (0...Int64(Self.mostMembers)).contains(count) else {
      throw RESPError(description: "\(count) members; the most is \(Self.mostMembers)")
    }
    guard open.count < deepest else {
      throw RESPError(description: "arrays in arrays, more than \(deepest)")
    }
    guard count > 0 else { return .value(.array([])) }
    open.append(OpenArray(missing: Int(count)))
    return .beginning
  }

  private static func tooLong(_ longest: Int) -> RESPError {
    RESPError(description: "more than \(longest) bytes in one")
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
