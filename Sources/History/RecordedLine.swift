// The short way through a line of the native format: members in the recorder's order, no space,
// no escapes. Here: such lines of clients. Not here: any other line (JSONLines.swift reads them).

import Glibc

/// Reads a line as the recorder writes it, about ten times as fast as the general reader.
///
/// It may decline any line, but what it accepts the general reader accepts as the same event.
struct RecordedLine {
  private var at: UnsafePointer<UInt8>
  private let end: UnsafePointer<UInt8>
  private static let deepest = 4

  /// Replaces `event` by what `line` says; false when the general reader has to look at it, and
  /// then `event` is in no order.
  ///
  /// Precondition: `InputWindow.padding` bytes after `line` may be read.
  static func read(
    _ line: UnsafeBufferPointer<UInt8>, into event: inout Event, names: inout Names
  ) -> Bool {
    guard let start = line.baseAddress else { return false }
    var cursor = RecordedLine(at: start, end: start + line.count)
    return cursor.read(into: &event, &names)
  }

  private mutating func read(into event: inout Event, _ names: inout Names) -> Bool {
    var number: Int64 = 0
    guard take("{\"index\":"), take(&number), number >= 0 else { return false }
    event.index = Int(number)
    guard take(",\"time\":"), take(&event.time) else { return false }
    guard take(",\"process\":"), take(&number), number >= 0 else { return false }
    event.process = .client(Int(number))
    guard take(",\"type\":\""), take(&event.type) else { return false }
    guard take(",\"f\":\""), take(&event.function, &names) else { return false }
    event.key = nil
    if take(",\"key\":\"") {
      var key = ""
      guard take(&key, &names) else { return false }
      event.key = key
    }
    event.value = .absent
    if take(",\"value\":") {
      guard take(&event.value, &names, depth: 0) else { return false }
    }
    event.observed = nil
    if take(",\"observed\":") {
      var observed = Value.absent
      guard take(&observed, &names, depth: 0) else { return false }
      event.observed = observed
    }
    event.differs = take(",\"differs\":true")
    guard takeText(",\"node\":\"", into: &event.node, &names),
      takeText(",\"error\":\"", into: &event.error, &names)
    else { return false }
    event.fault = nil
    event.phase = nil
    if !event.details.isEmpty { event.details = [] }
    return at + 1 == end && at.pointee == UInt8(ascii: "}")
  }

  private mutating func takeText(
    _ member: StaticString, into text: inout String?, _ names: inout Names
  ) -> Bool {
    text = nil
    guard take(member) else { return true }
    var found = ""
    guard take(&found, &names) else { return false }
    text = found
    return true
  }

  @inline(__always)
  private mutating func take(_ expected: StaticString) -> Bool {
    let count = expected.utf8CodeUnitCount
    guard end - at >= count, memcmp(at, expected.utf8Start, count) == 0 else { return false }
    at += count
    return true
  }

  /// A whole number of at most 18 digits, which no sum below can overflow.
  @inline(__always)
  private mutating func take(_ number: inout Int64) -> Bool {
    let isNegative = at < end && at.pointee == UInt8(ascii: "-")
    if isNegative { at += 1 }
    let start = at
    var sum: Int64 = 0
    while at < end, at.pointee &- 0x30 < 10, at - start < 19 {
      sum = sum &* 10 &+ Int64(at.pointee &- 0x30)
      at += 1
    }
    guard at > start, at - start < 18 else { return false }
    number = isNegative ? -sum : sum
    return true
  }

  private mutating func take(_ type: inout EventType) -> Bool {
    if take("ok\"") {
      type = .ok
    } else if take("invoke\"") {
      type = .invoke
    } else if take("fail\"") {
      type = .fail
    } else if take("info\"") {
      type = .info
    } else {
      return false
    }
    return true
  }

  /// A text without escapes, and its closing quote.
  @inline(__always)
  private mutating func take(_ text: inout String, _ names: inout Names) -> Bool {
    let start = at
    while at < end, at.pointee != UInt8(ascii: "\"") {
      guard at.pointee >= 0x20, at.pointee != 0x5c else { return false }
      at += 1
    }
    guard at < end, let found = names.text(start, at - start) else { return false }
    at += 1
    text = found
    return true
  }

  private mutating func take(_ value: inout Value, _ names: inout Names, depth: Int) -> Bool {
    guard at < end, depth <= Self.deepest else { return false }
    switch at.pointee {
    case UInt8(ascii: "n"):
      value = .absent
      return take("null")
    case UInt8(ascii: "t"):
      value = .boolean(true)
      return take("true")
    case UInt8(ascii: "f"):
      value = .boolean(false)
      return take("false")
    case UInt8(ascii: "\""):
      at += 1
      var text = ""
      guard take(&text, &names) else { return false }
      value = .text(text)
      return true
    case UInt8(ascii: "["):
      at += 1
      return takeList(&value, &names, depth: depth + 1)
    default:
      var number: Int64 = 0
      guard take(&number) else { return false }
      value = .integer(number)
      return true
    }
  }

  private mutating func takeList(_ value: inout Value, _ names: inout Names, depth: Int) -> Bool {
    var members: [Value] = []
    if !take("]") {
      repeat {
        var member = Value.absent
        guard take(&member, &names, depth: depth) else { return false }
        members.append(member)
      } while take(",")
      guard take("]") else { return false }
    }
    value = .list(members)
    return true
  }
}
