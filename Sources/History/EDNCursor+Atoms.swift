// EDN's forms without parts: numbers, keywords, symbols, characters, texts.

extension EDNCursor {
  /// A form that is no collection.
  mutating func atom(_ names: inout Names) throws(EDNError) -> Value {
    switch bytes[offset] {
    case UInt8(ascii: "\""): return .text(try string(&names))
    case UInt8(ascii: ":"):
      offset += 1
      return .text(try text(of: token(), &names))
    case 0x5c: return .text(try character(&names))
    default:
      let start = offset
      let token = token()
      if let number = try number(token, &names) { return number }
      if token.elementsEqual("nil".utf8) { return .absent }
      if token.elementsEqual("true".utf8) { return .boolean(true) }
      if token.elementsEqual("false".utf8) { return .boolean(false) }
      guard !token.isEmpty else {
        offset = start
        throw failure("a form was due")
      }
      return .text(try text(of: token, &names))
    }
  }

  mutating func text(
    of token: UnsafeBufferPointer<UInt8>, _ names: inout Names
  ) throws(EDNError) -> String {
    guard let start = token.baseAddress, !token.isEmpty else {
      if offset == bytes.count { throw cut() }
      throw failure("a name was due")
    }
    guard let text = names.text(start, token.count) else {
      throw EDNError(
        offset: offset - token.count, message: "a text that is not UTF-8", kind: .syntax)
    }
    return text
  }

  /// The number that `token` is, or nil.
  private mutating func number(
    _ token: UnsafeBufferPointer<UInt8>, _ names: inout Names
  ) throws(EDNError) -> Value? {
    var place = 0
    let sign = token.first
    if sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { place = 1 }
    guard place < token.count, token[place] &- 0x30 < 10 else { return nil }
    var number: Int64 = 0
    var isWhole = true
    while place < token.count, token[place] &- 0x30 < 10 {
      let (tens, overflow) = number.multipliedReportingOverflow(by: 10)
      let (sum, overflow2) = tens.subtractingReportingOverflow(Int64(token[place] &- 0x30))
      if overflow || overflow2 { isWhole = false }
      number = sum
      place += 1
    }
    if place + 1 == token.count, token[place] == UInt8(ascii: "N") { place += 1 }
    // Summed below zero, where there is one number more.
    if isWhole, place == token.count, sign == UInt8(ascii: "-") || number > .min {
      return .integer(sign == UInt8(ascii: "-") ? number : -number)
    }
    inexact += 1
    return .text(try text(of: token, &names))
  }

  private mutating func character(_ names: inout Names) throws(EDNError) -> String {
    offset += 1
    let start = offset
    guard offset < bytes.count else { throw cut() }
    offset += 1  // whatever it is, a delimiter too
    _ = token()
    let token = UnsafeBufferPointer(rebasing: bytes[start..<offset])
    guard token.count > 1 else { return try text(of: token, &names) }
    let name = try text(of: token, &names)
    switch name {
    case "newline": return "\n"
    case "return": return "\r"
    case "space": return " "
    case "tab": return "\t"
    case "formfeed": return "\u{c}"
    case "backspace": return "\u{8}"
    default:
      if name.first == "u", name.utf8.count == 5, let code = UInt32(name.dropFirst(), radix: 16),
        let scalar = UnicodeScalar(code)
      {
        return String(scalar)
      }
      guard name.count == 1 else {
        offset = start
        throw failure("an unknown character")
      }
      return name
    }
  }

  /// A text in quotes; escapes resolved, UTF-8 checked.
  mutating func string(_ names: inout Names) throws(EDNError) -> String {
    offset += 1
    let start = offset
    while offset < bytes.count, bytes[offset] != UInt8(ascii: "\""), bytes[offset] != 0x5c {
      offset += 1
    }
    guard offset < bytes.count else { throw cut() }
    let plain = UnsafeBufferPointer(rebasing: bytes[start..<offset])
    if bytes[offset] == UInt8(ascii: "\"") {
      guard let base = plain.baseAddress, let text = names.text(base, plain.count) else {
        throw EDNError(offset: start, message: "a text that is not UTF-8", kind: .syntax)
      }
      offset += 1
      return text
    }
    var text = Array(plain)
    while offset < bytes.count {
      let byte = bytes[offset]
      offset += 1
      if byte == UInt8(ascii: "\"") {
        guard let text = String(validating: text, as: UTF8.self) else {
          throw EDNError(offset: start, message: "a text that is not UTF-8", kind: .syntax)
        }
        return text
      }
      if byte == 0x5c { try escape(into: &text) } else { text.append(byte) }
    }
    throw cut()
  }

  private mutating func escape(into text: inout [UInt8]) throws(EDNError) {
    guard offset < bytes.count else { throw cut() }
    let byte = bytes[offset]
    offset += 1
    switch byte {
    case UInt8(ascii: "\""), 0x5c: text.append(byte)
    case UInt8(ascii: "b"): text.append(8)
    case UInt8(ascii: "f"): text.append(12)
    case UInt8(ascii: "n"): text.append(10)
    case UInt8(ascii: "r"): text.append(13)
    case UInt8(ascii: "t"): text.append(9)
    case UInt8(ascii: "u"):
      let high = try hexadecimal()
      var scalar = high
      if (0xd800..<0xdc00).contains(high) {
        guard offset + 6 <= bytes.count else { throw cut() }
        guard bytes[offset] == 0x5c, bytes[offset + 1] == UInt8(ascii: "u") else {
          throw failure("half a surrogate pair")
        }
        offset += 2
        let low = try hexadecimal()
        guard (0xdc00..<0xe000).contains(low) else { throw failure("half a surrogate pair") }
        scalar = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)
      }
      guard let unicode = UnicodeScalar(scalar) else { throw failure("half a surrogate pair") }
      text.append(contentsOf: String(unicode).utf8)
    default:
      offset -= 1
      throw failure("an unknown escape")
    }
  }

  private mutating func hexadecimal() throws(EDNError) -> UInt32 {
    guard offset + 4 <= bytes.count else { throw cut() }
    var number: UInt32 = 0
    for _ in 0..<4 {
      guard let digit = Character(UnicodeScalar(bytes[offset])).hexDigitValue else {
        throw failure("four hexadecimal digits were due")
      }
      number = number << 4 | UInt32(digit)
      offset += 1
    }
    return number
  }
}
