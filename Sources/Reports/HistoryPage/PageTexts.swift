// The texts and values of a page: each distinct one once, none without bound.

import History

/// Numbers strings and codes values.
struct PageTexts {
  /// Characters kept of a text: a read of a long list need not be spelt out a million times.
  private static let longest = 240
  /// Characters kept once `roomy` bytes are spent.
  private static let shortest = 24
  private static let roomy = 8_000_000
  /// Integers below it are coded as they are.
  private static let smallIntegers: Int64 = 1 << 50

  private(set) var strings: [String] = []
  private(set) var byteCount = 0
  private var numbers: [String: Int] = [:]
  private var codes: [Value: UInt64] = [:]

  /// The number of `text`, from 1; 0 for nil.
  mutating func number(of text: String?) -> UInt64 {
    guard let text else { return 0 }
    return UInt64(place(of: Self.cut(text, to: limit))) + 1
  }

  /// 0 for absent, an odd number for an integer, an even one for a string.
  mutating func code(of value: Value) -> UInt64 {
    switch value {
    case .absent: return 0
    case .integer(let integer) where integer >= 0 && integer < Self.smallIntegers:
      return UInt64(integer) << 1 | 1
    case .integer, .boolean, .text, .list:
      if let code = codes[value] { return code }
      let code = code(of: value.description)
      codes[value] = code
      return code
    }
  }

  /// As `code(of value:)`, of a text that says what a value's description would.
  mutating func code(of text: String) -> UInt64 {
    if text == "nil" { return 0 }
    let isPlain = text.utf8.count < 16 && text.utf8.allSatisfy { (48...57).contains($0) }
    if isPlain, let integer = UInt64(text), String(integer) == text,
      integer < UInt64(Self.smallIntegers)
    {
      return integer << 1 | 1
    }
    return UInt64(place(of: Self.cut(text, to: limit)) + 1) << 1
  }

  private var limit: Int { byteCount < Self.roomy ? Self.longest : Self.shortest }

  private mutating func place(of text: String) -> Int {
    if let number = numbers[text] { return number }
    numbers[text] = strings.count
    strings.append(text)
    byteCount += text.utf8.count + 3  // with its marks
    return strings.count - 1
  }

  /// The start and the end of a text that is too long, with what lies between counted.
  static func cut(_ text: String, to limit: Int) -> String {
    guard text.utf8.count > limit else { return text }
    let scalars = text.unicodeScalars
    let count = scalars.count
    guard count > limit else { return text }
    let head = limit * 2 / 3
    let tail = limit - head
    return "\(String(scalars.prefix(head))) … (\(Figures.count(count - limit)) more) … "
      + "\(String(scalars.suffix(tail)))"
  }
}
