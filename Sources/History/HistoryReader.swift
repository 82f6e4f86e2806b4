// Whole histories from bytes that nobody vouches for.
// Here: every way in. Not here: a format's syntax, and reading event by event (EventSource.swift).

extension History {
  /// Reads a history from the file at `path`, packed with gzip or not.
  ///
  /// - Complexity: linear; memory for the operations, one chunk, and the longest line.
  /// - Throws: `HistoryError` with file, line and reason. A last line without its end, as a
  ///   killed recorder leaves it, is skipped and noted instead.
  public init(file path: String, options: ReadingOptions = ReadingOptions()) throws(HistoryError) {
    try self.init(ByteSource(path: path), name: path, options: options)
  }

  /// Reads a history from an open descriptor, which may be a pipe, to its end; `name` stands in
  /// errors.
  ///
  /// - Throws: `HistoryError` with the line and the reason.
  public init(
    descriptor: CInt, name: String, options: ReadingOptions = ReadingOptions()
  ) throws(HistoryError) {
    try self.init(ByteSource(descriptor: descriptor, name: name), name: name, options: options)
  }

  /// Reads a history from `bytes`; `name` stands in errors.
  ///
  /// - Throws: `HistoryError` with the line and the reason.
  public init(
    bytes: some Sequence<UInt8>, name: String, options: ReadingOptions = ReadingOptions()
  ) throws(HistoryError) {
    try self.init(ByteSource(Array(bytes), name: name), name: name, options: options)
  }

  private init(
    _ source: ByteSource, name: String, options: ReadingOptions
  ) throws(HistoryError) {
    var stream = try EventStream(source, name: name, options: options)
    var builder = HistoryBuilder(format: stream.format)
    var event = Event(index: 0, time: 0, process: .nemesis, type: .info, function: "")
    var number = 0
    while try stream.read(into: &event) {
      try stream.check(&event, line: stream.reader.line, number: &number)
      switch event.process {
      case .nemesis: builder.addFault(event)
      case .client(let process):
        if event.type == .invoke {
          builder.invoke(event, process: process)
        } else {
          builder.complete(event, number: number)
        }
      }
    }
    builder.history.endIndex = event.index + 1
    builder.history.endTime = event.time
    builder.history.header = stream.reader.header
    builder.history.notes = stream.reader.notes
    builder.history.failedCAS = stream.failedCAS
    if try stream.reader.independence.concluded(file: name), builder.keysAgree {
      builder.makeIndependent()
      builder.history.notes.append("\(name): \(Independence.note)")
    }
    self = builder.history
  }
}
