// JSON from untrusted bytes, and back: what a line of a history may hold.
// Here: a strict reader with bounded depth. Not here: what an object means (JSONLines.swift).
//
// Foundation's decoder was the alternative; it gives no column and is far too slow for
// histories of millions of lines.

/// A place in a line at which JSON ended.
struct JSONError: Error, Equatable {
  var offset: Int
  var message: String
}

/// Reads JSON values off one line.
struct JSONCursor {
  private let bytes: UnsafeBufferPointer<UInt8>
  private(set) var offset = 0
  /// Nothing we write nests deeper than 4; hostile input must not exhaust the stack.
  private static let deepest = 32

  /// Invariant: `bytes` outlives the cursor; callers make it inside `withUnsafeBufferPointer`.
  init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

  var atEnd: Bool {
    mutating get {
      skipSpace()
      return offset == bytes.count
    }
  }

  func failure(_ message: String) -> JSONError { JSONError(offset: offset, message: message) }

  mutating func skipSpace() {
    while offset < bytes.count {
      switch bytes[offset] {
      case 0x20, 0x09, 0x0a, 0x0d: offset += 1
      default: return
      }
    }
  }

  /// Whether an object is next; white space must be skipped before.
  var startsObject: Bool { offset < bytes.count && bytes[offset] == UInt8(ascii: "{") }

  /// Takes `byte` after white space, or says that it was due.
  mutating func expect(_ byte: UInt8) throws(JSONError) {
    guard take(byte) else {
      throw failure("'\(Character(UnicodeScalar(byte)))' was due")
    }
  }

  /// Takes `byte` after white space if it is next.
  mutating func take(_ byte: UInt8) -> Bool {
    skipSpace()
    guard offset < bytes.count, bytes[offset] == byte else { return false }
    offset += 1
    return true
  }

  /// Walks the members of an object, calling `member` with each name; it must read the value.
  mutating func object(
    _ member: (inout JSONCursor, String) throws(JSONError) -> Void
  ) throws(JSONError) {
    try expect(UInt8(ascii: "{"))
    if take(UInt8(ascii: "}")) { return }
    repeat {
      skipSpace()
      let name = try string()
      try expect(UInt8(ascii: ":"))
      try member(&self, name)
    } while take(UInt8(ascii: ","))
    try expect(UInt8(ascii: "}"))
  }

  /// Any value that an operation may carry.
  mutating func value(depth: Int = 0) throws(JSONError) -> Value {
    skipSpace()
    guard offset < bytes.count else { throw failure("a value was due") }
    switch bytes[offset] {
    case UInt8(ascii: "\""): return .text(try string())
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .integer(try integer())
    case UInt8(ascii: "n"):
      try word("null")
      return .absent
    case UInt8(ascii: "t"):
      try word("true")
      return .boolean(true)
    case UInt8(ascii: "f"):
      try word("false")
      return .boolean(false)
    case UInt8(ascii: "["):
      guard depth < Self.deepest else { throw failure("nested deeper than \(Self.deepest)") }
      offset += 1
      var members: [Value] = []
      if take(UInt8(ascii: "]")) { return .list([]) }
      repeat { members.append(try value(depth: depth + 1)) } while take(UInt8(ascii: ","))
      try expect(UInt8(ascii: "]"))
      return .list(members)
    case UInt8(ascii: "{"): throw failure("an object is no value here")
    default: throw failure("a value was due")
    }
  }

  /// Reads and forgets any JSON, objects and fractions too: members that we do not know.
  mutating func skipValue(depth: Int = 0) throws(JSONError) {
    skipSpace()
    guard offset < bytes.count else { throw failure("a value was due") }
    guard depth < Self.deepest else { throw failure("nested deeper than \(Self.deepest)") }
    switch bytes[offset] {
    case UInt8(ascii: "{"):
      try object { (cursor, _) throws(JSONError) in try cursor.skipValue(depth: depth + 1) }
    case UInt8(ascii: "["):
      offset += 1
      if take(UInt8(ascii: "]")) { return }
      repeat { try skipValue(depth: depth + 1) } while take(UInt8(ascii: ","))
      try expect(UInt8(ascii: "]"))
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
      offset += 1
      while offset < bytes.count, Self.isNumberPart(bytes[offset]) { offset += 1 }
    default: _ = try value()
    }
  }

  private static func isNumberPart(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"),
      UInt8(ascii: "+"), UInt8(ascii: "e"), UInt8(ascii: "E"):
      true
    default: false
    }
  }

  private mutating func word(_ expected: StaticString) throws(JSONError) {
    let count = expected.utf8CodeUnitCount
    guard offset + count <= bytes.count,
      (0..<count).allSatisfy({ bytes[offset + $0] == expected.utf8Start[$0] })
    else { throw failure("'\(expected)' was due") }
    offset += count
  }

  /// A whole number of 64 bits.
  mutating func integer() throws(JSONError) -> Int64 {
    skipSpace()
    let start = offset
    let negative = offset < bytes.count && bytes[offset] == UInt8(ascii: "-")
    if negative { offset += 1 }
    var number: Int64 = 0
    var digits = 0
    while offset < bytes.count, (0x30...0x39).contains(bytes[offset]) {
      let digit = Int64(bytes[offset] - 0x30)
      let (tens, overflow) = number.multipliedReportingOverflow(by: 10)
      let (sum, overflow2) =
        negative
        ? tens.subtractingReportingOverflow(digit) : tens.addingReportingOverflow(digit)
      guard !overflow, !overflow2 else {
        offset = start
        throw failure("a number beyond 64 bits")
      }
      number = sum
      digits += 1
      offset += 1
    }
    guard digits > 0 else { throw failure("a whole number was due") }
    if offset < bytes.count, Self.isNumberPart(bytes[offset]) {
      offset = start
      throw failure("a fraction where a whole number was due")
    }
    return number
  }

  /// A text; escapes resolved, UTF-8 checked.
  mutating func string() throws(JSONError) -> String {
    try expect(UInt8(ascii: "\""))
    let start = offset
    while offset < bytes.count, bytes[offset] != UInt8(ascii: "\""), bytes[offset] != 0x5c {
      guard bytes[offset] >= 0x20 else { throw failure("a control character in a text") }
      offset += 1
    }
    guard offset < bytes.count else { throw failure("a text without its end") }
    let plain = UnsafeBufferPointer(rebasing: bytes[start..<offset])
    if bytes[offset] == UInt8(ascii: "\"") {
      guard let text = String(validating: plain, as: UTF8.self) else {
        throw JSONError(offset: start, message: "a text that is not UTF-8")
      }
      offset += 1
      return text
    }
    return try escapedString(start: start, head: Array(plain))
  }

  private mutating func escapedString(
    start: Int, head: [UInt8]
  ) throws(JSONError) -> String {
    var text = head
    while offset < bytes.count {
      let byte = bytes[offset]
      offset += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: text, as: UTF8.self) else {
          throw JSONError(offset: start, message: "a text that is not UTF-8")
        }
        return string
      case 0x5c: try escape(into: &text)
      case 0..<0x20:
        offset -= 1
        throw failure("a control character in a text")
      default: text.append(byte)
      }
    }
    throw failure("a text without its end")
  }

  private mutating func escape(into text: inout [UInt8]) throws(JSONError) {
    guard offset < bytes.count else { throw failure("a text without its end") }
    let byte = bytes[offset]
    offset += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(8)
    case UInt8(ascii: "f"): text.append(12)
    case UInt8(ascii: "n"): text.append(10)
    case UInt8(ascii: "r"): text.append(13)
    case UInt8(ascii: "t"): text.append(9)
    case UInt8(ascii: "u"):
      var scalar = try fourHexDigits()
      if (0xd800..<0xdc00).contains(scalar) {
        guard offset + 1 < bytes.count, bytes[offset] == 0x5c,
          bytes[offset + 1] == UInt8(ascii: "u")
        else { throw failure("half a surrogate pair") }
        offset += 2
        let low = try fourHexDigits()
        guard (0xdc00..<0xe000).contains(low) else { throw failure("half a surrogate pair") }
        scalar = 0x10000 + (scalar - 0xd800) << 10 + (low - 0xdc00)
      }
      guard let unicode = UnicodeScalar(scalar) else { throw failure("half a surrogate pair") }
      text.append(contentsOf: String(unicode).utf8)
    default:
      offset -= 1
      throw failure("an unknown escape")
    }
  }

  private mutating func fourHexDigits() throws(JSONError) -> UInt32 {
    guard offset + 4 <= bytes.count else { throw failure("four hexadecimal digits were due") }
    var scalar: UInt32 = 0
    for _ in 0..<4 {
      guard let digit = Character(UnicodeScalar(bytes[offset])).hexDigitValue,
        bytes[offset] < 0x80
      else { throw failure("four hexadecimal digits were due") }
      scalar = scalar << 4 | UInt32(digit)
      offset += 1
    }
    return scalar
  }
}

/// Writes JSON at the end of a buffer.
enum JSONText {
  static func append(_ value: Value, to buffer: inout [UInt8]) {
    switch value {
    case .absent: buffer.append(contentsOf: "null".utf8)
    case .integer(let number): append(number, to: &buffer)
    case .boolean(let truth): buffer.append(contentsOf: (truth ? "true" : "false").utf8)
    case .text(let text): append(text, to: &buffer)
    case .list(let members):
      buffer.append(UInt8(ascii: "["))
      for (position, member) in members.enumerated() {
        if position > 0 { buffer.append(UInt8(ascii: ",")) }
        append(member, to: &buffer)
      }
      buffer.append(UInt8(ascii: "]"))
    }
  }

  /// Digits without a detour over a `String`: the recorder's hot path.
  static func append(_ number: Int64, to buffer: inout [UInt8]) {
    if number < 0 { buffer.append(UInt8(ascii: "-")) }
    var rest = number.magnitude
    let start = buffer.count
    repeat {
      buffer.append(0x30 + UInt8(rest % 10))
      rest /= 10
    } while rest > 0
    buffer[start...].reverse()
  }

  static func append(_ text: String, to buffer: inout [UInt8]) {
    buffer.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), 0x5c:
        buffer.append(0x5c)
        buffer.append(byte)
      case 0x0a: buffer.append(contentsOf: "\\n".utf8)
      case 0..<0x20:
        buffer.append(contentsOf: "\\u00".utf8)
        buffer.append(hex(byte >> 4))
        buffer.append(hex(byte & 15))
      default: buffer.append(byte)
      }
    }
    buffer.append(UInt8(ascii: "\""))
  }

  private static func hex(_ digit: UInt8) -> UInt8 {
    digit < 10 ? 0x30 + digit : 0x61 + digit - 10
  }
}
