// Text made safe for HTML, in elements and in quoted attributes alike.

import Mustache

/// Escapes by Unicode scalar.
///
/// swift-mustache's own HTML content type goes by `Character`, to which a quotation mark with a
/// combining accent is no quotation mark; to a browser it is, and it ends the attribute.
package struct HTMLText: MustacheContentType {
  /// Makes `{{% CONTENT_TYPE: GAUNTLET-HTML}}` known to templates; once a process.
  package static let registration: Void = MustacheContentTypes.register(
    HTMLText(), named: "GAUNTLET-HTML")

  package func escapeText(_ text: String) -> String {
    var escaped = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar {
      case "<": escaped.append(contentsOf: "&lt;".unicodeScalars)
      case ">": escaped.append(contentsOf: "&gt;".unicodeScalars)
      case "&": escaped.append(contentsOf: "&amp;".unicodeScalars)
      case "\"": escaped.append(contentsOf: "&quot;".unicodeScalars)
      case "'": escaped.append(contentsOf: "&#39;".unicodeScalars)
      case "\u{0}": escaped.append("\u{FFFD}")  // as the HTML parser would
      default: escaped.append(scalar)
      }
    }
    return String(escaped)
  }
}
