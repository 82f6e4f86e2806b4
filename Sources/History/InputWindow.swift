// The part of a history that is in memory: what was read and not yet used.
// Here: space, refilling, lines. Not here: what the bytes say.

import Glibc

/// A window that slides over a stream of bytes. Memory: a chunk, or the longest line or form.
///
/// Invariants: `start <= end <= capacity`; `padding` bytes after `capacity` may be read.
struct InputWindow: ~Copyable {
  /// The longest line or form that is read; more is not a history but a mistake.
  static let longest = 1 << 26
  /// How far past the end a reader may look, so that words can be loaded whole.
  static let padding = 16
  private static let chunk = 1 << 18

  private var base: UnsafeMutablePointer<UInt8>
  private var capacity: Int
  private var start = 0
  private var end = 0
  private let source: ByteSource
  /// Whether the stream has ended; what is unread may remain.
  private(set) var isAtEnd = false
  let name: String

  init(_ source: ByteSource, name: String) {
    self.source = source
    self.name = name
    capacity = Self.chunk
    base = .allocate(capacity: capacity + Self.padding)
    base.initialize(repeating: 0, count: capacity + Self.padding)
  }

  deinit { base.deallocate() }

  /// What was read and not yet used; valid until the next `fill`.
  var unread: UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(start: base + start, count: end - start)
  }

  mutating func skip(_ count: Int) {
    precondition(count <= end - start, "\(count) bytes used of \(end - start)")
    start += count
  }

  /// Reads more behind what is unread; false at the end of the stream.
  ///
  /// - Throws: `HistoryError` when the bytes cannot be read or the window would grow too large;
  ///   `line` stands in the latter.
  mutating func fill(line: Int) throws(HistoryError) -> Bool {
    if isAtEnd { return false }
    if start > 0, end == capacity || start == end {
      memmove(base, base + start, end - start)
      end -= start
      start = 0
    }
    if end == capacity {
      guard capacity < Self.longest else {
        throw HistoryError(file: name, line: line, reason: .tooLong(limit: Self.longest))
      }
      let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: 2 * capacity + Self.padding)
      larger.initialize(repeating: 0, count: 2 * capacity + Self.padding)
      memcpy(larger, base, end)
      base.deallocate()
      base = larger
      capacity *= 2
    }
    let count = try source.read(
      into: UnsafeMutableBufferPointer(start: base + end, count: capacity - end))
    isAtEnd = count == 0
    end += count
    return count > 0
  }

  /// The next line without its newline; nil at the end. Valid until the next call.
  ///
  /// - Parameters:
  ///   - number: its number, for errors.
  ///   - isTerminated: false when the stream ended before a newline.
  mutating func line(
    number: Int, isTerminated: inout Bool
  ) throws(HistoryError) -> UnsafeBufferPointer<UInt8>? {
    var searched = 0
    while true {
      let length = end - start
      if length > searched, let newline = memchr(base + start + searched, 0x0a, length - searched) {
        let found = newline.assumingMemoryBound(to: UInt8.self) - (base + start)
        let line = UnsafeBufferPointer(start: base + start, count: found)
        start += found + 1
        isTerminated = true
        return line
      }
      searched = length
      guard try fill(line: number) else { break }
    }
    guard end > start else { return nil }
    defer { start = end }
    isTerminated = false
    return unread
  }
}
