// One of Jepsen's log lines: process, type, function, value, perhaps an error.
// Here: where its parts lie. Not here: what they mean (LogReader.swift).

/// The parts of a line such as `INFO  jepsen.util - 3  :invoke  :write  4`.
struct LogLine {
  /// The process, as it is written.
  var process: UnsafeBufferPointer<UInt8>
  /// What the event says.
  var type: EventType
  /// The function, without its colon; empty when the line ends before it.
  var function: UnsafeBufferPointer<UInt8>
  /// Where the function begins, for errors.
  var functionOffset: Int
  /// Where the rest begins, which holds the value.
  var valueOffset: Int

  /// The parts of `line`, or nil when no event stands on it: the first word that is an event's type
  /// must have a process before it.
  init?(_ line: UnsafeBufferPointer<UInt8>) {
    var offset = 0
    var before = 0..<0
    while true {
      let word = Self.word(of: line, from: offset)
      guard !word.isEmpty else { return nil }
      offset = word.upperBound
      if line[word.lowerBound] == UInt8(ascii: ":"), !before.isEmpty,
        let type = Self.type(UnsafeBufferPointer(rebasing: line[word].dropFirst()))
      {
        self.type = type
        break
      }
      before = word
    }
    process = UnsafeBufferPointer(rebasing: line[before])
    var name = Self.word(of: line, from: offset)
    valueOffset = name.upperBound
    functionOffset = name.lowerBound
    if !name.isEmpty, line[name.lowerBound] == UInt8(ascii: ":") {
      name = (name.lowerBound + 1)..<name.upperBound
    }
    function = UnsafeBufferPointer(rebasing: line[name])
  }

  private static func word(of line: UnsafeBufferPointer<UInt8>, from offset: Int) -> Range<Int> {
    var start = offset
    while start < line.count, line[start] <= 0x20 { start += 1 }
    var end = start
    while end < line.count, line[end] > 0x20 { end += 1 }
    return start..<end
  }

  /// The event type that is written with `bytes`.
  static func type(_ bytes: UnsafeBufferPointer<UInt8>) -> EventType? {
    if bytes.elementsEqual("ok".utf8) { return .ok }
    if bytes.elementsEqual("invoke".utf8) { return .invoke }
    if bytes.elementsEqual("fail".utf8) { return .fail }
    if bytes.elementsEqual("info".utf8) { return .info }
    return nil
  }
}
