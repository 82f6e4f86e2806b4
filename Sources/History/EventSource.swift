// A history event by event, for a checker that keeps up with the run.
// Here: the public stream. Not here: whole histories (HistoryReader.swift).

/// Reads the clients' events of a history one at a time, by the same rules as `History`.
///
/// Memory: one chunk or the longest line, the open operations, and four bytes a process.
public struct EventSource: ~Copyable {
  /// How many events may wait for the answer whether values are pairs of key and value.
  private static let longestWait = 4096

  private var stream: EventStream
  private var waiting: [(event: Event, line: Int)] = []  // newest first
  private var hasDecided = false
  private var splits = false
  private var event = Event(index: 0, time: 0, process: .nemesis, type: .info, function: "")

  /// The format that was found, or the one that was forced.
  public var format: HistoryFormat { stream.format }
  /// What the first line said; known once the first event was handed out.
  public var header: Header { stream.reader.header }
  /// What was left out or understood so far, in words.
  public var notes: [String] {
    stream.reader.notes + (splits ? ["\(stream.name): \(Independence.note)"] : [])
  }
  /// How failed compare-and-sets were understood; nil while there were none.
  public var failedCAS: FailedCASReading? { stream.failedCAS }

  /// Opens the file at `path`.
  ///
  /// - Throws: `HistoryError` when it cannot be read or is not text.
  public init(file path: String, options: ReadingOptions = ReadingOptions()) throws(HistoryError) {
    stream = try EventStream(ByteSource(path: path), name: path, options: options)
  }

  /// Reads from an open descriptor, which may be a pipe and stays open; `name` stands in errors.
  ///
  /// - Throws: `HistoryError` when it cannot be read or is not text.
  public init(
    descriptor: CInt, name: String, options: ReadingOptions = ReadingOptions()
  ) throws(HistoryError) {
    stream = try EventStream(
      ByteSource(descriptor: descriptor, name: name), name: name, options: options)
  }

  /// The next event of a client; nil at the end.
  ///
  /// - Complexity: O(1) beside the event's own length.
  /// - Throws: `HistoryError` with file, line and reason at the first event that breaks a rule.
  public mutating func next() throws(HistoryError) -> Event? {
    if !hasDecided { try decide() }
    var number = 0
    while true {
      var line: Int
      if let waited = waiting.popLast() {
        event = waited.event
        line = waited.line
        if splits, let (key, value) = Independence.split(event.value) {
          event.key = key
          event.value = value
        }
      } else {
        guard try stream.read(into: &event) else { return nil }
        line = stream.reader.line
      }
      try stream.check(&event, line: line, number: &number)
      if event.process != .nemesis { return event }
    }
  }

  /// Reads ahead until it is known whether values are pairs of key and value: mostly one event.
  private mutating func decide() throws(HistoryError) {
    hasDecided = true
    while case .open = stream.reader.independence {
      guard waiting.count < Self.longestWait else {
        throw HistoryError(
          file: stream.name,
          reason: .independence(
            "the first \(waiting.count) events all carry pairs; while a history is read as a "
              + "stream, say --independent or --no-independent"))
      }
      guard try stream.read(into: &event) else {
        splits = try stream.reader.independence.concluded(file: stream.name)
        break
      }
      waiting.append((event, stream.reader.line))
    }
    waiting.reverse()
  }
}
