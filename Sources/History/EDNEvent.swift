// One map of an EDN history as an event.

import Glibc

/// What a map says beside the parts that stand in the event itself.
struct EDNEvent {
  /// Where the map begins.
  let start: Int
  var index: Int?
  var time: Int64?
  var process = ForeignProcess.other("nil")

  /// Reads the map that is next and sets `event`'s type, function, key, value and error.
  init(
    from cursor: inout EDNCursor, into event: inout Event, _ names: inout Names
  ) throws(EDNError) {
    start = cursor.offset
    cursor.offset += 1
    event.function = ""
    event.key = nil
    event.value = .absent
    event.observed = nil
    event.differs = false
    event.node = nil
    event.error = nil
    event.fault = nil
    event.phase = nil
    if !event.details.isEmpty { event.details = [] }
    var hasType = false
    while true {
      guard let byte = try cursor.skipBlank(&names, depth: 1) else { throw cursor.cut() }
      if byte == UInt8(ascii: "}") { break }
      guard byte == UInt8(ascii: ":") else {
        _ = try cursor.value(&names, depth: 1)
        _ = try cursor.value(&names, depth: 1)
        continue
      }
      let token = cursor.token()
      try member(token, &hasType, from: &cursor, into: &event, &names)
    }
    cursor.offset += 1
    switch process {
    case .client:
      guard hasType else { throw meaning("it has no :type") }
      guard !event.function.isEmpty else { throw meaning("it has no :f") }
    case .nemesis, .other: break
    }
  }

  private func meaning(_ message: String) -> EDNError {
    EDNError(offset: start, message: message, kind: .meaning)
  }

  private mutating func member(
    _ name: UnsafeBufferPointer<UInt8>, _ hasType: inout Bool, from cursor: inout EDNCursor,
    into event: inout Event, _ names: inout Names
  ) throws(EDNError) {
    if name.says(":value") {
      event.value = try cursor.value(&names, depth: 1)
    } else if name.says(":f") {
      if case .text(let function) = try cursor.value(&names, depth: 1) {
        event.function = function
      }
    } else if name.says(":type") {
      event.type = try type(from: &cursor, &names)
      hasType = true
    } else if name.says(":process") {
      process = try Self.process(from: &cursor, &names)
    } else if name.says(":time") {
      if case .integer(let number) = try cursor.value(&names, depth: 1) { time = number }
    } else if name.says(":index") {
      let before = cursor.offset
      if case .integer(let number) = try cursor.value(&names, depth: 1) {
        guard number >= 0, number < Event.indexLimit else {
          throw EDNError(
            offset: before, message: "index \(number) is not from 0 to 2^60", kind: .meaning)
        }
        index = Int(number)
      }
    } else if name.says(":key") {
      switch try cursor.value(&names, depth: 1) {
      case .text(let text): event.key = text
      case .integer(let number): event.key = "\(number)"
      case .absent: event.key = nil
      case .boolean, .list: throw meaning(":key is neither a text nor a number")
      }
    } else if name.says(":error") {
      event.error = try Self.words(from: &cursor, &names)
    } else {
      _ = try cursor.value(&names, depth: 1)
    }
  }

  private func type(
    from cursor: inout EDNCursor, _ names: inout Names
  ) throws(EDNError) -> EventType {
    guard try cursor.skipBlank(&names, depth: 1) == UInt8(ascii: ":") else {
      if cursor.offset == cursor.bytes.count { throw cursor.cut() }
      throw meaning(":type is none of :invoke, :ok, :fail, :info")
    }
    let token = cursor.token()
    guard let type = LogLine.type(UnsafeBufferPointer(rebasing: token.dropFirst())) else {
      if cursor.offset == cursor.bytes.count { throw cursor.cut() }
      throw meaning(":type is none of :invoke, :ok, :fail, :info")
    }
    return type
  }

  /// A number, `:nemesis`, or something else.
  static func process(
    from cursor: inout EDNCursor, _ names: inout Names
  ) throws(EDNError) -> ForeignProcess {
    switch try cursor.value(&names, depth: 1) {
    case .integer(let number) where number >= 0: .client(Int(number))
    case .text("nemesis"): .nemesis
    case .text(let text): .other(":\(text)")
    case let value: .other(value.description)
    }
  }

  /// A form as words: a text's own, anything else as it is written.
  static func words(
    from cursor: inout EDNCursor, _ names: inout Names
  ) throws(EDNError) -> String? {
    _ = try cursor.skipBlank(&names, depth: 1)
    let start = cursor.offset
    switch try cursor.value(&names, depth: 1) {
    case .absent: return nil
    case .text(let text): return text
    case .integer, .boolean, .list:
      return String(decoding: cursor.bytes[start..<cursor.offset], as: UTF8.self)
    }
  }
}

extension UnsafeBufferPointer<UInt8> {
  @inline(__always)
  fileprivate func says(_ word: StaticString) -> Bool {
    guard count == word.utf8CodeUnitCount, let baseAddress else { return false }
    return memcmp(baseAddress, word.utf8Start, count) == 0
  }
}
