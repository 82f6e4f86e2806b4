// Short texts that come again and again: functions, keys, nodes.
// Here: a text from bytes without allocating or hashing it anew. Not here: escapes.

/// The texts seen last, each at the place its bytes point to; a newer one takes an older's place.
struct Names {
  private struct Entry {
    var head: UInt64 = 0
    var tail: UInt64 = 0
    var count = 0
    var text = ""
  }

  private static let places = 256
  private var entries = [Entry](repeating: Entry(), count: places)

  /// The text of `count` bytes, or nil when they are not UTF-8.
  ///
  /// Precondition: `InputWindow.padding` bytes after them may be read.
  mutating func text(_ start: UnsafePointer<UInt8>, _ count: Int) -> String? {
    let raw = UnsafeRawPointer(start)
    var head = raw.loadUnaligned(as: UInt64.self)
    var tail: UInt64 = 0
    if count < 8 {
      head &= (1 << UInt64(8 * count)) &- 1
    } else if count > 16 {
      tail = raw.loadUnaligned(fromByteOffset: count - 8, as: UInt64.self)
    } else if count > 8 {
      tail = raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
      if count < 16 { tail &= (1 << UInt64(8 * (count - 8))) &- 1 }
    }
    let mixed = (head ^ tail.byteSwapped &* 0x9e37_79b9) &* 0x9e37_79b9_7f4a_7c15
    let place = Int(truncatingIfNeeded: mixed >> 56)
    if entries[place].count == count, entries[place].head == head, entries[place].tail == tail,
      count <= 16 || entries[place].text.isSame(as: start, count)
    {
      return entries[place].text
    }
    let bytes = UnsafeBufferPointer(start: start, count: count)
    guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
    entries[place] = Entry(head: head, tail: tail, count: count, text: text)
    return text
  }
}

extension String {
  fileprivate func isSame(as start: UnsafePointer<UInt8>, _ count: Int) -> Bool {
    utf8.withContiguousStorageIfAvailable {
      $0.elementsEqual(UnsafeBufferPointer(start: start, count: count))
    } ?? false
  }
}
