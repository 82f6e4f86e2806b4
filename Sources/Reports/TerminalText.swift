// Texts as a terminal shows them: how wide, how cut, and with nothing in them that it would obey.

/// Columns of a terminal.
enum TerminalText {
  /// `text` with what a terminal would obey, or show as nothing, written out: `\u{1b}`.
  static func printable(_ text: String) -> String {
    var shown = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar.properties.generalCategory {
      case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
        .paragraphSeparator:
        shown.append(contentsOf: "\\u{\(String(scalar.value, radix: 16))}".unicodeScalars)
      default: shown.append(scalar)
      }
    }
    return String(shown)
  }

  /// Columns that `text` takes, after `printable`.
  static func width(_ text: String) -> Int {
    text.unicodeScalars.reduce(0) { $0 + width(of: $1) }
  }

  /// The width that most terminals give: that of East Asian letters and pictures is two.
  private static func width(of scalar: Unicode.Scalar) -> Int {
    guard scalar.value >= 0x300 else { return 1 }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark: return 0
    default: break
    }
    switch scalar.value {
    case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
      0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1FAFF, 0x20000...0x3FFFD:
      return 2
    default: return scalar.properties.isEmojiPresentation ? 2 : 1
    }
  }

  /// `text` in at most `limit` columns, with an ellipsis where it was cut.
  static func cut(_ text: String, to limit: Int) -> String {
    guard width(text) > limit else { return text }
    var kept = String.UnicodeScalarView()
    var taken = 0
    for scalar in text.unicodeScalars {
      let wide = width(of: scalar)
      guard taken + wide < limit else { break }
      kept.append(scalar)
      taken += wide
    }
    return String(kept) + "…"
  }

  /// `text` with blanks up to column `column`.
  static func padded(_ text: String, to column: Int) -> String {
    text + String(repeating: " ", count: max(0, column - width(text)))
  }

  /// `text` without the blanks at its end.
  static func trimmed(_ text: String) -> String {
    var scalars = text.unicodeScalars
    while scalars.last == " " { scalars.removeLast() }
    return String(scalars)
  }
}
