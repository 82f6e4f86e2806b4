// Jepsen's log lines, as its log, its `history.txt` and Porcupine's test data hold them.
// Here: lines to events. Not here: where a line's parts lie (LogLine.swift).

/// Reads events from log lines; other lines are counted and left out.
final class LogReader: EventReader {
  private var window: InputWindow
  private var names = Names()
  private var rules: ForeignRules
  private var skipped = 0
  private var inexact = 0
  let header = Header()
  private(set) var line = 0

  var independence: Independence {
    get { rules.independence }
    set { rules.independence = newValue }
  }

  var hasEvents: Bool { rules.hasEvents }

  var notes: [String] {
    var notes = rules.notes
    if skipped > 0 {
      notes.append("\(window.name): \(skipped) lines were skipped: no event stands on them")
    }
    if inexact > 0 {
      notes.append(
        "\(window.name): \(inexact) numbers are fractions or beyond 64 bits and kept as text")
    }
    return notes
  }

  init(_ window: consuming InputWindow, isIndependent: Bool?) {
    rules = ForeignRules(file: window.name, isIndependent: isIndependent)
    self.window = window
  }

  func next(into event: inout Event) throws(HistoryError) -> Bool {
    var isTerminated = true
    while let bytes = try window.line(number: line + 1, isTerminated: &isTerminated) {
      line += 1
      guard let parts = LogLine(bytes) else {
        if bytes.contains(where: { $0 > 0x20 }) { skipped += 1 }
        continue
      }
      event = Event(index: 0, time: 0, process: .nemesis, type: parts.type, function: "")
      let process: ForeignProcess
      do {
        process = try read(bytes, parts, into: &event)
      } catch {
        throw HistoryError(
          file: window.name, line: line, column: error.offset + 1,
          reason: error.kind == .syntax ? .edn(error.message) : .event(error.message))
      }
      if try rules.settle(&event, process: process, index: nil, time: nil, line: line) {
        return true
      }
    }
    return false
  }

  private func read(
    _ bytes: UnsafeBufferPointer<UInt8>, _ parts: LogLine, into event: inout Event
  ) throws(EDNError) -> ForeignProcess {
    var cursor = EDNCursor(parts.process)
    let process = try EDNEvent.process(from: &cursor, &names)
    guard let start = parts.function.baseAddress, !parts.function.isEmpty,
      let function = names.text(start, parts.function.count)
    else {
      throw EDNError(
        offset: parts.functionOffset, message: "a function was due", kind: .meaning)
    }
    event.function = function
    cursor = EDNCursor(bytes)
    cursor.offset = parts.valueOffset
    // The nemesis' values are words of all kinds.
    guard case .client = process else { return process }
    guard let first = try cursor.skipBlank(&names, depth: 0) else { return process }
    let value = try cursor.value(&names, depth: 0)
    inexact += cursor.inexact
    let rest = Self.trimmed(bytes[cursor.offset...])
    if rest.isEmpty, first == UInt8(ascii: ":"), event.type == .fail || event.type == .info,
      case .text(let reason) = value
    {
      // A reason such as `:timed-out` in the value's place.
      event.error = reason
    } else {
      event.value = value
      if !rest.isEmpty { event.error = String(decoding: rest, as: UTF8.self) }
    }
    return process
  }

  private static func trimmed(
    _ bytes: Slice<UnsafeBufferPointer<UInt8>>
  ) -> Slice<UnsafeBufferPointer<UInt8>> {
    let start = bytes.firstIndex { $0 > 0x20 && $0 != UInt8(ascii: ":") } ?? bytes.endIndex
    let end = bytes.lastIndex { $0 > 0x20 }.map { $0 + 1 } ?? start
    return bytes[start..<max(start, end)]
  }
}
