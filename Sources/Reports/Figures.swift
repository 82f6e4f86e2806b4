// Numbers as people read them. Foundation's formatting would follow the machine's language.

enum Figures {
  /// 1234567 → "1,234,567".
  static func count(_ value: Int) -> String {
    var text = ""
    let digits = String(value.magnitude)
    for (position, digit) in digits.enumerated() {
      if position > 0, (digits.count - position) % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return value < 0 ? "-" + text : text
  }

  /// (3.14159, 2) → "3.14". Not finite or too large for digits: "–".
  static func fixed(_ value: Double, digits: Int) -> String {
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let scaled = (value.magnitude * scale).rounded()
    guard scaled < 1e18 else { return "–" }  // false for NaN as well
    let whole = Int(scaled / scale)
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard digits > 0 else { return sign + count(whole) }
    let fraction = String(Int(scaled) - whole * Int(scale))
    let zeros = String(repeating: "0", count: digits - fraction.count)
    return "\(sign)\(count(whole)).\(zeros)\(fraction)"
  }

  /// Milliseconds with three significant digits or so; nil is "–".
  static func milliseconds(_ value: Double?) -> String {
    guard let value else { return "–" }
    return fixed(value, digits: value < 10 ? 2 : value < 100 ? 1 : 0)
  }

  /// Seconds: "0.012 s", "61.4 s", "1 h 2 min".
  static func seconds(_ value: Double) -> String {
    guard value >= 600 else {
      return fixed(value, digits: value < 1 ? 3 : value < 100 ? 2 : 1) + " s"
    }
    guard value < 1e12 else { return "–" }
    let minutes = Int((value / 60).rounded())
    return minutes < 60 ? "\(minutes) min" : "\(minutes / 60) h \(minutes % 60) min"
  }
}
