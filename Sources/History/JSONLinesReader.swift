// Files in the native format, line by line.
// Here: headers, blank lines, the torn end. Not here: what a line says (JSONLines.swift).

/// Reads events of the native format.
final class JSONLinesReader: EventReader {
  // One value, so that Swift checks exclusive access to it once an event and not a dozen times.
  private var lines: Lines
  var header: Header { lines.header }
  var line: Int { lines.number }
  var hasEvents: Bool { lines.hasEvents }
  var notes: [String] { lines.notes }
  var independence = Independence.none

  init(_ window: consuming InputWindow) { lines = Lines(window: window) }

  func next(into event: inout Event) throws(HistoryError) -> Bool {
    try lines.next(into: &event)
  }
}

private struct Lines: ~Copyable {
  private var window: InputWindow
  private var names = Names()
  private var before: (index: Int, time: Int64) = (-1, 0)
  private(set) var hasEvents = false
  private(set) var header = Header()
  private(set) var number = 0
  private(set) var notes: [String] = []

  init(window: consuming InputWindow) { self.window = window }

  mutating func next(into event: inout Event) throws(HistoryError) -> Bool {
    var isTerminated = true
    while let bytes = try window.line(number: number + 1, isTerminated: &isTerminated) {
      number += 1
      if RecordedLine.read(bytes, into: &event, names: &names) {
        hasEvents = true
        before = (event.index, event.time)
        return true
      }
      guard bytes.contains(where: { $0 > 0x20 }) else { continue }
      do throws(HistoryError) {
        switch try JSONLines.line(
          bytes, file: window.name, number: number, after: before)
        {
        case .header(let header):
          guard !hasEvents else {
            throw HistoryError(
              file: window.name, line: number,
              reason: .header("stands after events; it must be first"))
          }
          self.header = header
        case .event(let read):
          event = read
          before = (event.index, event.time)
          hasEvents = true
          return true
        }
      } catch {
        // Whole, a last line without a newline counts; torn, it is what a recorder leaves that was
        // killed in the middle of a write, and nothing of it can be trusted.
        guard !isTerminated, hasEvents, case .json = error.reason else { throw error }
        notes.append("\(window.name):\(number): the last line is torn and was skipped")
        return false
      }
    }
    return false
  }
}
