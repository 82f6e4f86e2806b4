// Why a history cannot be read or written: the file, the line, the reason, and the remedy.

/// A history that cannot be accepted. Its text is one line: where, what, what to do.
public struct HistoryError: Error, Equatable, CustomStringConvertible {
  /// The file, or `standard input`.
  public var file: String
  /// The line, from 1; nil when it is the whole file.
  public var line: Int?
  /// The column in bytes, from 1, when one byte is to blame.
  public var column: Int?
  /// What is wrong.
  public var reason: Reason

  /// What is wrong with a history.
  public enum Reason: Equatable, Sendable {
    /// The operating system would not read or write it.
    case file(String)
    /// It holds no event.
    case empty
    /// It is not text at all.
    case binary
    /// It begins with the mark that some editors put before text.
    case byteOrderMark
    /// It is packed, and cannot be unpacked.
    case compression(String)
    /// A line or form beyond what is read.
    case tooLong(limit: Int)
    /// A line is not JSON.
    case json(String)
    /// A form is not EDN.
    case edn(String)
    /// A line is JSON, yet no event.
    case event(String)
    /// The header says what this version does not know.
    case header(String)
    /// An index that is not the one after the line before.
    case index(found: Int, expected: Int)
    /// Time that goes back while the index goes on.
    case timeGoesBack(from: Int64, to: Int64)
    /// A completion of what was never invoked.
    case completionWithoutInvocation(process: Int)
    /// A second invocation while the first is open.
    case twoOperationsOpen(process: Int, since: Int)
    /// A process that goes on after an operation of unknown outcome.
    case processAfterInfo(process: Int)
    /// A completion that names another function or key than its invocation.
    case completionDiffers(process: Int, invoked: String, completed: String)
    /// A completion that happened with another value than it was invoked with.
    case valueDiffers(process: Int, function: String, invoked: String, completed: String)
    /// Values of which nobody can say whether they are pairs of key and value.
    case independence(String)
  }

  /// An error in `file`, at `line` and `column` when they are known.
  public init(file: String, line: Int? = nil, column: Int? = nil, reason: Reason) {
    self.file = file
    self.line = line
    self.column = column
    self.reason = reason
  }

  /// One line: place, what, remedy.
  public var description: String {
    var place = file
    if let line { place += ":\(line)" }
    if let column { place += ":\(column)" }
    return Self.onOneLine("\(place): \(reason.text)")
  }

  /// Keys and functions may hold anything; what would break the line or a terminal is escaped.
  private static func onOneLine(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isControl) else { return text }
    return text.unicodeScalars.map { isControl($0) ? $0.escaped(asASCII: true) : String($0) }
      .joined()
  }

  private static func isControl(_ scalar: UnicodeScalar) -> Bool {
    scalar.properties.generalCategory == .control || scalar == "\u{2028}" || scalar == "\u{2029}"
  }
}

extension HistoryError.Reason {
  fileprivate var text: String {
    switch self {
    case .file(let message):
      message
    case .empty:
      "no event in it; give a history, such as one with one JSON object a line"
    case .binary:
      "not a text file; give a history with one JSON object a line"
    case .byteOrderMark:
      "begins with a UTF-8 byte order mark; save it without one"
    case .compression(let message):
      "cannot be unpacked: \(message); give a whole gzip file, or the text itself"
    case .tooLong(let limit):
      "longer than \(limit >> 20) MiB without an end; give one event a line"
    case .edn(let message):
      "not EDN: \(message); each form must be one Jepsen operation"
    case .json(let message):
      "not JSON: \(message); each line must be one JSON object"
    case .event(let message):
      "not an event: \(message)"
    case .header(let message):
      "header: \(message)"
    case .index(let found, let expected):
      "index \(found) where \(expected) was due; lines are missing or out of order, "
        + "take the whole file"
    case .timeGoesBack(let from, let to):
      "time goes back from \(from) to \(to) while the index goes on; "
        + "record both under one lock"
    case .completionWithoutInvocation(let process):
      "process \(process) completes what it never invoked; is the start cut off?"
    case .twoOperationsOpen(let process, let since):
      "process \(process) invokes while its operation of index \(since) is open; "
        + "give each concurrent client a process of its own"
    case .processAfterInfo(let process):
      "process \(process) goes on after an operation that ended info; "
        + "continue under a new process number"
    case .completionDiffers(let process, let invoked, let completed):
      "process \(process) invoked \(invoked) and completes \(completed); "
        + "a completion repeats its invocation's f and key"
    case .valueDiffers(let process, let function, let invoked, let completed):
      "process \(process) invoked \(function) of \(invoked) and completes it with \(completed); "
        + "an ok \(function) repeats its argument or carries null"
    case .independence(let message):
      message
    }
  }
}
