// The common path from bytes to accepted events, whatever the format.
// Here: choosing a reader, and what holds in every format. Not here: any format's syntax.

/// Reads a format's events, one after another.
protocol EventReader: AnyObject {
  /// What the file says of itself, known once the first event was read.
  var header: Header { get }
  /// The line on which the event read last began.
  var line: Int { get }
  /// Whether any event was read, those that were left out counted too.
  var hasEvents: Bool { get }
  /// What was left out or understood, in words.
  var notes: [String] { get }
  /// Whether values are pairs of key and value, as far as the events read show it.
  var independence: Independence { get set }

  /// Replaces `event` by the next one; false at the end.
  func next(into event: inout Event) throws(HistoryError) -> Bool
}

/// Events of any format, checked.
struct EventStream {
  let name: String
  let format: HistoryFormat
  let reader: any EventReader
  private var pairing: Pairing
  private let meaning: FailedCAS
  private let isDefault: Bool
  private var silentCAS = 0

  /// - Throws: `HistoryError` when the beginning cannot be read, or is not text.
  init(_ source: ByteSource, name: String, options: ReadingOptions) throws(HistoryError) {
    self.name = name
    var window = InputWindow(source, name: name)
    format = try Self.format(of: &window, forced: options.format)
    switch format {
    case .jsonl: reader = JSONLinesReader(window)
    case .jepsenEDN, .porcupineKV:
      reader = EDNReader(window, format: format, isIndependent: options.isIndependent)
    case .jepsenLog: reader = LogReader(window, isIndependent: options.isIndependent)
    }
    pairing = Pairing(format: format)
    meaning = options.failedCAS ?? format.failedCAS
    isDefault = options.failedCAS == nil
  }

  private static func format(
    of window: inout InputWindow, forced: HistoryFormat?
  ) throws(HistoryError) -> HistoryFormat {
    while window.unread.count < 3, try window.fill(line: 1) {}
    guard !window.unread.starts(with: [0xef, 0xbb, 0xbf]) else {
      throw HistoryError(file: window.name, line: 1, column: 1, reason: .byteOrderMark)
    }
    while true {
      // Text has no NUL: one look at the start tells a picture or an archive from a history.
      guard !window.unread.prefix(4096).contains(0) else {
        throw HistoryError(file: window.name, reason: .binary)
      }
      if let forced { return forced }
      if let found = HistoryFormat.found(in: window.unread, isWhole: window.isAtEnd) {
        return found
      }
      _ = try window.fill(line: 1)
    }
  }

  var failedCAS: FailedCASReading? {
    silentCAS == 0
      ? Optional.none : FailedCASReading(meaning: meaning, isDefault: isDefault)
  }

  /// Reads an event and says what a failed compare-and-set means; no rule is checked yet.
  mutating func read(into event: inout Event) throws(HistoryError) -> Bool {
    guard try reader.next(into: &event) else {
      guard reader.hasEvents else { throw HistoryError(file: name, reason: .empty) }
      return false
    }
    if event.type == .fail, event.function == "cas", event.observed == nil, !event.differs {
      // Of a log line that tells another reason in place of the pair nobody knows more.
      guard format != .jepsenLog || event.error == nil else { return true }
      silentCAS += 1
      event.differs = meaning == .differs
    }
    return true
  }

  /// Checks `event`, which began on `line`. For a completion, `number` is set to its operation's.
  mutating func check(
    _ event: inout Event, line: Int, number: inout Int
  ) throws(HistoryError) {
    // A timed-out operation on an independent key may tell no pair, and so no key.
    if event.key == nil, format != .jsonl, event.type == .fail || event.type == .info,
      case .client(let process) = event.process
    {
      event.key = pairing.openKey(of: process)
    }
    var reason = pairing.order(event)
    if reason == nil, case .client(let process) = event.process {
      reason =
        event.type == .invoke
        ? pairing.invoke(event, process: process)
        : pairing.complete(event, process: process, number: &number)
    }
    if let reason { throw HistoryError(file: name, line: line, reason: reason) }
  }
}
