// Jepsen's and Knossos' histories in EDN, and Porcupine's key-value maps: one event a map.
// Here: the stream of maps, collections, the torn end. Not here: one map (EDNEvent.swift).

/// Reads events from a stream of maps, or from one collection of them.
final class EDNReader: EventReader {
  private enum Found {
    case event(EDNEvent)
    case bracket
    case nothing
  }

  private var window: InputWindow
  private var names = Names()
  private var rules: ForeignRules
  private var closer: UInt8?  // of the collection that the maps stand in
  private var inexact = 0
  private var torn: String?
  private var nextLine = 1
  let header: Header
  private(set) var line = 1

  var independence: Independence {
    get { rules.independence }
    set { rules.independence = newValue }
  }

  var hasEvents: Bool { rules.hasEvents }

  var notes: [String] {
    var notes = rules.notes
    if inexact > 0 {
      notes.append(
        "\(window.name): \(inexact) numbers are fractions or beyond 64 bits and kept as text")
    }
    if let torn { notes.append(torn) }
    return notes
  }

  init(_ window: consuming InputWindow, format: HistoryFormat, isIndependent: Bool?) {
    rules = ForeignRules(
      file: window.name, isIndependent: format == .porcupineKV ? false : isIndependent)
    header = format == .porcupineKV ? Header(model: "kv", initial: .text("")) : Header()
    self.window = window
  }

  func next(into event: inout Event) throws(HistoryError) -> Bool {
    while torn == nil {
      var cursor = EDNCursor(window.unread)
      let found: Found
      do {
        found = try form(from: &cursor, into: &event)
      } catch {
        try recover(from: error)
        continue
      }
      inexact += cursor.inexact
      switch found {
      case .nothing:
        use(cursor.offset)
        if try window.fill(line: nextLine) { continue }
        if closer != nil { torn = "\(window.name): the collection's end is missing" }
        return false
      case .bracket: use(cursor.offset)
      case .event(let map):
        line = nextLine + newlines(map.start)
        use(cursor.offset)
        guard
          try rules.settle(
            &event, process: map.process, index: map.index, time: map.time, line: line)
        else { continue }
        return true
      }
    }
    return false
  }

  private func form(
    from cursor: inout EDNCursor, into event: inout Event
  ) throws(EDNError) -> Found {
    guard let byte = try cursor.skipBlank(&names, depth: 0) else { return .nothing }
    switch byte {
    case UInt8(ascii: "{"):
      return .event(try EDNEvent(from: &cursor, into: &event, &names))
    case UInt8(ascii: "["), UInt8(ascii: "("):
      guard closer == nil else { throw cursor.failure("a map was due") }
      closer = UInt8(ascii: byte == UInt8(ascii: "[") ? "]" : ")")
    case closer: closer = nil
    default: throw cursor.failure("a map was due")
    }
    cursor.offset += 1
    return .bracket
  }

  private func newlines(_ count: Int) -> Int {
    var newlines = 0
    for byte in window.unread[..<count] { newlines &+= byte == 0x0a ? 1 : 0 }
    return newlines
  }

  private func use(_ count: Int) {
    nextLine += newlines(count)
    window.skip(count)
  }

  /// Reads more of a form that was cut; at the end of the file it is torn, and left out if anything
  /// stands before it.
  private func recover(from error: EDNError) throws(HistoryError) {
    if error.kind == .cut {
      // At least as much again as was looked at in vain, so that long forms stay linear.
      let looked = window.unread.count
      let due = looked < 4096 ? looked + 1 : 2 * looked
      while window.unread.count < due, try window.fill(line: nextLine) {}
      if window.unread.count > looked { return }
      if hasEvents {
        let start = window.unread.firstIndex { !EDNCursor.isSpace($0) } ?? 0
        torn =
          "\(window.name):\(nextLine + newlines(start)): the last form is torn and was skipped"
        return
      }
    }
    let before = window.unread[..<error.offset]
    let lineStart = before.lastIndex(of: 0x0a).map { $0 + 1 } ?? 0
    throw HistoryError(
      file: window.name, line: nextLine + newlines(error.offset),
      column: error.offset - lineStart + 1,
      reason: error.kind == .meaning ? .event(error.message) : .edn(error.message))
  }
}
