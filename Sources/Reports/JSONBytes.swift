// JSON as bytes, safe inside a `<script>` element. Only what `DrawingData` needs.

/// Appends JSON to a buffer.
///
/// Inside `<script>` an HTML parser looks for `</script` and `<!--` before any JSON parser sees
/// the text. So `<`, `>` and `&` are written as escapes, which no string can get around; U+2028
/// and U+2029 are too, though they ended lines only in the JavaScript of before 2019.
struct JSONBytes {
  private(set) var bytes: [UInt8] = []

  var text: String { String(decoding: bytes, as: UTF8.self) }

  mutating func reserve(_ count: Int) { bytes.reserveCapacity(count) }

  /// Appends JSON that is known to be safe: punctuation and names of our own.
  mutating func raw(_ text: StaticString) {
    text.withUTF8Buffer { bytes.append(contentsOf: $0) }
  }

  mutating func number(_ value: Int64) {
    if value < 0 { bytes.append(UInt8(ascii: "-")) }
    var digits = value.magnitude
    let first = bytes.count
    repeat {
      bytes.append(UInt8(ascii: "0") + UInt8(digits % 10))
      digits /= 10
    } while digits > 0
    bytes[first...].reverse()
  }

  mutating func string(_ text: String) {
    bytes.append(UInt8(ascii: "\""))
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\":
        bytes.append(UInt8(ascii: "\\"))
        bytes.append(UInt8(scalar.value))
      case "<", ">", "&", "\u{0}"..."\u{1F}", "\u{7F}", "\u{2028}", "\u{2029}":
        escape(scalar)
      default:
        bytes.append(contentsOf: scalar.utf8)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }

  mutating func string(_ text: String?) {
    if let text { string(text) } else { raw("null") }
  }

  /// Appends an array, whose elements `body` writes.
  mutating func array<Elements: Sequence>(
    _ elements: Elements, body: (inout JSONBytes, Elements.Element) -> Void
  ) {
    raw("[")
    var isFirst = true
    for element in elements {
      if !isFirst { bytes.append(UInt8(ascii: ",")) }
      isFirst = false
      body(&self, element)
    }
    raw("]")
  }

  private mutating func escape(_ scalar: Unicode.Scalar) {
    precondition(scalar.value <= 0xFFFF, "U+\(scalar.value) needs two escapes")
    raw("\\u")
    let digits = Array("0123456789abcdef".utf8)
    for shift in [12, 8, 4, 0] {
      bytes.append(digits[Int(scalar.value >> UInt32(shift)) & 0xF])
    }
  }
}
