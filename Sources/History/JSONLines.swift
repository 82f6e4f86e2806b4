// The native format: one event as one JSON object a line, after an optional header.
// Here: a line to an event and back. Not here: whole files (JSONLinesReader.swift), and the
// short way for lines as the recorder writes them (RecordedLine.swift).

/// What a history's first line may say.
public struct Header: Equatable, Sendable {
  /// The model the history was recorded for, such as `cas-register`.
  public var model: String?
  /// The state before the first operation; absent when not given.
  public var initial: Value
  /// How many a semaphore lets in.
  public var capacity: Int?

  /// A header for `model`, starting at `initial`.
  public init(model: String? = nil, initial: Value = .absent, capacity: Int? = nil) {
    self.model = model
    self.initial = initial
    self.capacity = capacity
  }
}

/// The native history format.
public enum JSONLines {
  /// The format's version, which the header carries as `"gauntlet"`.
  public static let version: Int64 = 1

  /// Appends `header` as a line.
  public static func append(_ header: Header, to buffer: inout [UInt8]) {
    buffer.append(contentsOf: "{\"gauntlet\":".utf8)
    JSONText.append(version, to: &buffer)
    if let model = header.model {
      buffer.append(contentsOf: ",\"model\":".utf8)
      JSONText.append(model, to: &buffer)
    }
    buffer.append(contentsOf: ",\"initial\":".utf8)
    JSONText.append(header.initial, to: &buffer)
    if let capacity = header.capacity {
      buffer.append(contentsOf: ",\"capacity\":".utf8)
      JSONText.append(Int64(capacity), to: &buffer)
    }
    buffer.append(contentsOf: "}\n".utf8)
  }

  /// Appends `event` as a line. Linear in the line's length.
  ///
  /// - Parameter before: when the event before it was, where its number is one more: the line then says how
  ///   much later it is, which takes less room packed.
  public static func append(
    _ event: Event, after before: Int64? = nil, to buffer: inout [UInt8]
  ) {
    if let before, case let (later, false) = event.time.subtractingReportingOverflow(before) {
      buffer.append(contentsOf: "{\"+ns\":".utf8)
      JSONText.append(later, to: &buffer)
    } else {
      buffer.append(contentsOf: "{\"index\":".utf8)
      JSONText.append(Int64(event.index), to: &buffer)
      buffer.append(contentsOf: ",\"time\":".utf8)
      JSONText.append(event.time, to: &buffer)
    }
    buffer.append(contentsOf: ",\"process\":".utf8)
    switch event.process {
    case .client(let number): JSONText.append(Int64(number), to: &buffer)
    case .nemesis: buffer.append(contentsOf: "\"nemesis\"".utf8)
    }
    append("type", event.type.rawValue, to: &buffer)
    append("f", event.function, to: &buffer)
    if let key = event.key { append("key", key, to: &buffer) }
    if let fault = event.fault {
      buffer.append(contentsOf: ",\"fault\":".utf8)
      JSONText.append(Int64(fault), to: &buffer)
    }
    if let phase = event.phase { append("phase", phase.rawValue, to: &buffer) }
    buffer.append(contentsOf: ",\"value\":".utf8)
    if event.details.isEmpty {
      JSONText.append(event.value, to: &buffer)
    } else {
      append(event.details, to: &buffer)
    }
    if let observed = event.observed {
      buffer.append(contentsOf: ",\"observed\":".utf8)
      JSONText.append(observed, to: &buffer)
    }
    if event.differs { buffer.append(contentsOf: ",\"differs\":true".utf8) }
    if let node = event.node { append("node", node, to: &buffer) }
    if let error = event.error { append("error", error, to: &buffer) }
    buffer.append(contentsOf: "}\n".utf8)
  }

  private static func append(_ name: String, _ text: String, to buffer: inout [UInt8]) {
    buffer.append(UInt8(ascii: ","))
    JSONText.append(name, to: &buffer)
    buffer.append(UInt8(ascii: ":"))
    JSONText.append(text, to: &buffer)
  }

  private static func append(_ details: [Event.Detail], to buffer: inout [UInt8]) {
    for (position, detail) in details.enumerated() {
      buffer.append(UInt8(ascii: position == 0 ? "{" : ","))
      JSONText.append(detail.name, to: &buffer)
      buffer.append(UInt8(ascii: ":"))
      JSONText.append(detail.value, to: &buffer)
    }
    buffer.append(UInt8(ascii: "}"))
  }

  /// One line as it was read.
  enum Line: Equatable {
    case header(Header)
    case event(Event)
  }

  /// Reads one line. `number` is its place in `file`, for errors alone; `before` is the event before it, which
  /// a line that only says how much later it is goes on from.
  static func line(
    _ bytes: UnsafeBufferPointer<UInt8>, file: String, number: Int,
    after before: (index: Int, time: Int64) = (-1, 0)
  ) throws(HistoryError) -> Line {
    do {
      var cursor = JSONCursor(bytes)
      var members = Members()
      try cursor.object { (cursor, name) throws(JSONError) in
        try members.take(name, from: &cursor)
      }
      guard cursor.atEnd else { throw cursor.failure("something after the object") }
      if members.version != nil { return .header(try members.header()) }
      return .event(try members.event(after: before))
    } catch let error as JSONError {
      throw HistoryError(
        file: file, line: number, column: error.offset + 1, reason: .json(error.message))
    } catch let refusal as Refusal {
      throw HistoryError(file: file, line: number, reason: refusal.reason)
    } catch {
      throw HistoryError(file: file, line: number, reason: .event("\(error)"))
    }
  }
}

/// A line that is JSON, but says what no event or header says.
private struct Refusal: Error {
  var reason: HistoryError.Reason
  static func event(_ text: String) -> Refusal { Refusal(reason: .event(text)) }
}

/// The members of a line's object, before it is known what they make.
private struct Members {
  var version: Int64?
  var model: String?
  var initial = Value.absent
  var capacity: Value = .absent
  var index: Int64?
  var time: Int64?
  /// How much later than the event before it, instead of both.
  var later: Int64?
  var process: Value?
  var type: String?
  var function: String?
  var key: Value = .absent
  var value: Value = .absent
  var observed: Value?
  var differs = false
  var node: String?
  var error: String?
  var fault: Int64?
  var phase: String?
  var details: [Event.Detail] = []

  mutating func take(_ name: String, from cursor: inout JSONCursor) throws(JSONError) {
    switch name {
    case "gauntlet": version = try cursor.integer()
    case "model": model = try text(&cursor)
    case "initial": initial = try cursor.value()
    case "capacity": capacity = try cursor.value()
    case "index": index = try cursor.integer()
    case "time": time = try cursor.integer()
    case "+ns": later = try cursor.integer()
    case "process": process = try cursor.value()
    case "type": type = try text(&cursor)
    case "f": function = try text(&cursor)
    case "key": key = try cursor.value()
    case "value": try takeValue(from: &cursor)
    case "observed": observed = try cursor.value()
    case "differs": differs = try cursor.value() == .boolean(true)
    case "node": node = try text(&cursor)
    case "error": error = try text(&cursor)
    case "fault": fault = try cursor.integer()
    case "phase": phase = try text(&cursor)
    default: try cursor.skipValue()
    }
  }

  private func text(_ cursor: inout JSONCursor) throws(JSONError) -> String? {
    switch try cursor.value() {
    case .text(let text): return text
    case .absent: return nil
    case .boolean, .integer, .list: throw cursor.failure("a text was due")
    }
  }

  private mutating func takeValue(from cursor: inout JSONCursor) throws(JSONError) {
    cursor.skipSpace()
    guard cursor.startsObject else {
      value = try cursor.value()
      return
    }
    try cursor.object { (cursor, name) throws(JSONError) in
      details.append(Event.Detail(name, try cursor.value()))
    }
  }

  func header() throws -> Header {
    guard version == JSONLines.version else {
      throw Refusal(
        reason: .header("version \(version ?? 0) is unknown; this reads \(JSONLines.version)"))
    }
    switch capacity {
    case .absent: return Header(model: model, initial: initial)
    case .integer(let number) where number > 0:
      return Header(model: model, initial: initial, capacity: Int(number))
    case .integer, .boolean, .text, .list:
      throw Refusal(reason: .header("capacity \(capacity) is no whole number above zero"))
    }
  }

  func event(after before: (index: Int, time: Int64)) throws -> Event {
    var (index, time) = (index, time)
    if let later {
      guard index == nil, time == nil else {
        throw Refusal.event("\"+ns\" stands beside \"index\" or \"time\"")
      }
      let (sum, isTooMuch) = before.time.addingReportingOverflow(later)
      guard !isTooMuch else { throw Refusal.event("\(later) ns later is beyond all time") }
      (index, time) = (Int64(before.index) + 1, sum)
    }
    guard let index else { throw Refusal.event("it has no \"index\"") }
    guard let time else { throw Refusal.event("it has no \"time\"") }
    guard index >= 0 else { throw Refusal.event("index \(index) is negative") }
    guard index < Event.indexLimit else { throw Refusal.event("index \(index) is beyond 2^60") }
    guard let type else { throw Refusal.event("it has no \"type\"") }
    guard let type = EventType(rawValue: type) else {
      throw Refusal.event("type \"\(type)\" is none of invoke, ok, fail, info")
    }
    guard let function else { throw Refusal.event("it has no \"f\"") }
    var event = Event(
      index: Int(index), time: time, process: try processID(), type: type, function: function,
      key: try keyText(), value: value, node: node, error: error)
    guard details.isEmpty || event.process == .nemesis else {
      throw Refusal.event("an object as value of a client's operation")
    }
    event.observed = observed
    event.differs = differs
    event.fault = fault.map { Int($0) }
    event.phase = try phase.map { text in
      guard let phase = FaultPhase(rawValue: text) else {
        throw Refusal.event("phase \"\(text)\" is neither start nor end")
      }
      return phase
    }
    event.details = details
    return event
  }

  private func processID() throws -> ProcessID {
    switch process {
    case .integer(let number) where number >= 0: return .client(Int(number))
    case .text("nemesis"): return .nemesis
    case nil: throw Refusal.event("it has no \"process\"")
    case .absent, .boolean, .integer, .list, .text:
      throw Refusal.event("process is neither a whole number from 0 nor \"nemesis\"")
    }
  }

  private func keyText() throws -> String? {
    switch key {
    case .absent: return nil
    case .text(let text): return text
    case .integer(let number): return "\(number)"
    case .boolean, .list: throw Refusal.event("key is neither a text nor a number")
    }
  }
}
