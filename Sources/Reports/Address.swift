// What stands in pages' addresses, and the dates that are read from names.

/// Addresses in pages.
package enum Address {
  /// `text` as a part of an address: of a path between two slashes, or of a query.
  package static func encoded(_ text: String) -> String {
    var encoded = ""
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
        UInt8(ascii: "."):
        encoded.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        let digits = String(byte, radix: 16, uppercase: true)
        encoded += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
      }
    }
    return encoded
  }

  /// `20261128T021500` as `2026-11-28 02:15`.
  package static func date(_ stamp: String) -> String {
    let digits = Array(stamp)
    guard digits.count >= 13, digits[8] == "T" else { return stamp }
    return "\(String(digits[0..<4]))-\(String(digits[4..<6]))-\(String(digits[6..<8])) "
      + "\(String(digits[9..<11])):\(String(digits[11..<13]))"
  }
}
