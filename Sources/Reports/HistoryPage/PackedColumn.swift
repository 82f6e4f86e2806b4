// One property of all operations, packed: numbers of seven bits a byte, as base64 in the page.

import FoundationEssentials

/// Numbers in the order of the operations. Read by `Resources/history-data.js`.
///
/// Most are differences or small, so a byte or two hold one; typed arrays would take four or eight.
struct PackedColumn {
  let name: StaticString
  private var bytes: [UInt8] = []
  /// A column of nothing but zeros is left out.
  private var isZero = true

  init(_ name: StaticString) { self.name = name }

  /// Appends `value`, which must be below 2^53: JavaScript counts no further.
  mutating func append(_ value: UInt64) {
    precondition(value < 1 << 53, "\(value) is more than JavaScript counts exactly")
    if value != 0 { isZero = false }
    var rest = value
    while rest > 127 {
      bytes.append(UInt8(truncatingIfNeeded: rest & 127) | 128)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }

  /// Appends a number of either sign: 0, -1, 1, -2, … as 0, 1, 2, 3, …
  mutating func append(signed value: Int64) {
    append(UInt64(bitPattern: (value << 1) ^ (value >> 63)))
  }

  /// The element that holds the column; nothing for a column of zeros.
  consuming func element() -> [UInt8] {
    guard !isZero else { return [] }
    var element = Array("<script type=\"text/plain\" id=\"column-\(name)\">".utf8)
    element.append(contentsOf: Data(bytes).base64EncodedData())
    element.append(contentsOf: "</script>\n".utf8)
    return element
  }
}
