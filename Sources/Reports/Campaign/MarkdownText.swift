// Text made safe for Markdown, in paragraphs, lists and cells of tables.

/// Escapes what Markdown would take for its own.
enum MarkdownText {
  private static let marks: Set<Unicode.Scalar> = [
    "\\", "`", "*", "_", "{", "}", "[", "]", "(", ")", "#", "+", "!", "|", "~", "@",
  ]

  /// `text` as code on one line: nothing in it means anything but a backtick, which becomes a quote.
  static func code(_ text: String) -> String {
    let plain = text.unicodeScalars.map { scalar in
      scalar == "`" ? "'" : scalar.properties.generalCategory == .control ? "\u{FFFD}" : scalar
    }
    return "`\(String(String.UnicodeScalarView(plain)))`"
  }

  /// `text` on one line, as it is read: no link, no emphasis, no HTML, no cell's end.
  static func plain(_ text: String) -> String {
    var plain = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "<": plain += "&lt;"
      case ">": plain += "&gt;"
      case "&": plain += "&amp;"
      case "\n", "\r", "\t": plain += " "
      case _ where marks.contains(scalar): plain += "\\\(scalar)"
      case _ where scalar.properties.generalCategory == .control: plain += "\u{FFFD}"
      default: plain.unicodeScalars.append(scalar)
      }
    }
    return plain
  }
}
