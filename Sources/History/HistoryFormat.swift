// In which form a history is written, and what a reader may be told about it.
// Here: the choices, and the format that bytes show. Not here: the reading itself.

/// A form in which histories are written down.
public enum HistoryFormat: String, CaseIterable, Sendable {
  /// One JSON object a line: the native format.
  case jsonl
  /// Jepsen's and Knossos' maps, one a line or many in one collection.
  case jepsenEDN = "jepsen-edn"
  /// Jepsen's log lines: process, type, function, value and perhaps an error.
  case jepsenLog = "jepsen-log"
  /// Porcupine's maps of a key-value store, with `:key`.
  case porcupineKV = "porcupine-kv"

  /// What a failed compare-and-set says in this format when nothing else is known.
  ///
  /// The log lines come from a test whose client failed a `cas` only when the register held
  /// something else; in the other formats a `fail` may have any reason.
  public var failedCAS: FailedCAS {
    switch self {
    case .jepsenLog: .differs
    case .jsonl, .jepsenEDN, .porcupineKV: .silent
    }
  }
}

/// What a failed compare-and-set without an observation says about the state.
public enum FailedCAS: String, CaseIterable, Sendable {
  /// The state was not the old value.
  case differs
  /// Nothing.
  case silent
}

/// How the failed compare-and-sets of a history were understood.
public struct FailedCASReading: Equatable, Sendable {
  /// What each was taken to say.
  public var meaning: FailedCAS
  /// Whether that is the format's own meaning, and not what the reader was told.
  public var isDefault: Bool
}

/// What a reader is told about a history; by default it finds out.
public struct ReadingOptions: Equatable, Sendable {
  /// The format; nil to tell it from the content.
  public var format: HistoryFormat?
  /// What a failed compare-and-set says; nil for the format's own meaning.
  public var failedCAS: FailedCAS?
  /// Whether a value is a pair of a key and the real value; nil to tell from the content.
  /// Only Jepsen's formats have such pairs.
  public var isIndependent: Bool?

  /// Options; whatever is left out is found from the content.
  public init(
    format: HistoryFormat? = nil, failedCAS: FailedCAS? = nil, isIndependent: Bool? = nil
  ) {
    self.format = format
    self.failedCAS = failedCAS
    self.isIndependent = isIndependent
  }
}

extension HistoryFormat {
  /// The format that the beginning of a file shows; nil while more of it is needed.
  ///
  /// - Parameter isWhole: whether nothing follows `head`.
  static func found(in head: UnsafeBufferPointer<UInt8>, isWhole: Bool) -> HistoryFormat? {
    let isFinal = isWhole || head.count >= 1 << 16
    guard let first = head.firstIndex(where: { $0 > 0x20 }) else { return isFinal ? .jsonl : nil }
    switch head[first] {
    case UInt8(ascii: ";"), UInt8(ascii: "["), UInt8(ascii: "("), UInt8(ascii: "#"),
      UInt8(ascii: "^"):
      return .jepsenEDN
    case UInt8(ascii: "{"):
      guard let second = head[(first + 1)...].firstIndex(where: { $0 > 0x20 }) else {
        return isFinal ? .jsonl : nil
      }
      // JSON's members begin with a quote, a Jepsen map's with a colon.
      if head[second] == UInt8(ascii: "\"") || head[second] == UInt8(ascii: "}") { return .jsonl }
      let end = head[first...].firstIndex(of: UInt8(ascii: "}"))
      guard end != nil || isFinal else { return nil }
      return hasKey(head[first..<(end ?? head.endIndex)]) ? .porcupineKV : .jepsenEDN
    default:
      for line in head.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: true)
      where LogLine(UnsafeBufferPointer(rebasing: line)) != nil {
        return .jepsenLog
      }
      return isFinal ? .jsonl : nil
    }
  }

  private static func hasKey(_ map: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
    let name = Array(":key".utf8)
    var rest = map
    while let colon = rest.firstIndex(of: UInt8(ascii: ":")) {
      rest = rest[colon...]
      if rest.starts(with: name), let after = rest.dropFirst(name.count).first,
        after <= 0x20 || after == UInt8(ascii: "\"")
      {
        return true
      }
      rest = rest.dropFirst()
    }
    return false
  }
}
