// Text made safe for XML, in elements and in quoted attributes alike.

import Mustache

/// Escapes by Unicode scalar, as HTML is; what XML 1.0 cannot hold at all is replaced.
struct XMLText: MustacheContentType {
  /// Makes `{{% CONTENT_TYPE: GAUNTLET-XML}}` known to templates; once a process.
  static let registration: Void = MustacheContentTypes.register(XMLText(), named: "GAUNTLET-XML")

  func escapeText(_ text: String) -> String {
    var held = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      let isHeld =
        switch scalar.value {
        case 0x9, 0xA, 0xD, 0x20...0xD7FF, 0xE000...0xFFFD, 0x10000...0x10FFFF: true
        default: false
        }
      held.append(isHeld ? scalar : "\u{FFFD}")
    }
    return HTMLText().escapeText(String(held))
  }
}
