// What a key-value model learns from a history: the texts that anyone saw.
//
// A state is told from another only by a get, now or after some appends. So a text that no
// observed text begins with is like any other such until the next put, and a text that some
// observed text begins with is that text's number and a length.
//
// Without puts more holds: texts only grow, so all that are got are beginnings of the longest.
// An append that leads away from the longest before it is reached is rejected at once, since
// the get of it would be stranded; when the longest has been reached, nobody sees what follows.

import History

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The texts that the gets of one key saw.
struct KVChart: Sendable {
  /// In order, without doubles; without puts, the longest alone.
  private let texts: [[UInt8]]
  private let hasPuts: Bool

  /// The chart of `operations`. Sorts what was seen.
  init(_ operations: [Operation]) {
    hasPuts = operations.contains { $0.function == "put" && $0.outcome != .fail }
    var seen: [[UInt8]] = []
    for operation in operations where operation.function == "get" && operation.outcome == .ok {
      guard case .text(let text) = operation.result else { continue }
      if hasPuts || seen.isEmpty {
        seen.append(Array(text.utf8))
      } else if text.utf8.count > seen[0].count {
        seen[0] = Array(text.utf8)
      }
    }
    if seen.count > 1 {
      seen.sort { Self.order($0, $1) < 0 }
      var kept = 1
      for number in 1..<seen.count where seen[number] != seen[kept - 1] {
        seen[kept] = seen[number]
        kept += 1
      }
      seen.removeSubrange(kept...)
    }
    texts = seen
  }

  /// The state that stands for `state`. O(length · log texts).
  func place(of state: KVState) -> KVState {
    guard case .text(let text) = state else { return state }
    // The first that is not before `text` is the first that begins with it, if any does.
    var (low, high) = (0, texts.count)
    while low < high {
      let middle = (low + high) / 2
      if Self.order(texts[middle], text) < 0 { low = middle + 1 } else { high = middle }
    }
    guard low < texts.count, Self.has(text, at: 0, in: texts[low]) else { return .other }
    return .prefix(text: low, length: text.count)
  }

  /// The state after `bytes` are appended to `state`, or nil when a get would be stranded.
  func appending(_ bytes: [UInt8], to state: KVState) -> KVState? {
    let (number, length): (Int, Int)
    switch state {
    case .other, .text: return .other
    case .absent: (number, length) = (0, 0)
    case .prefix(let text, let count): (number, length) = (text, count)
    }
    guard number < texts.count else { return .other }
    // The first that begins with the state is the first that begins with more, if it does.
    if Self.has(bytes, at: length, in: texts[number]) {
      return .prefix(text: number, length: length + bytes.count)
    }
    if hasPuts { return place(of: .text(texts[number][..<length] + bytes)) }
    return length == texts[number].count ? .other : nil
  }

  /// Whether an append of `bytes` that may have happened can be of use to a get.
  func mayMatter(append bytes: [UInt8]) -> Bool {
    if hasPuts { return true }
    // It would stand past all that anyone saw.
    guard let longest = texts.first, bytes.count <= longest.count else { return false }
    return (0...(longest.count - bytes.count)).contains { Self.has(bytes, at: $0, in: longest) }
  }

  private static func has(_ bytes: [UInt8], at start: Int, in text: [UInt8]) -> Bool {
    guard start + bytes.count <= text.count else { return false }
    if bytes.isEmpty { return true }
    return text.withUnsafeBytes { text in
      bytes.withUnsafeBytes { bytes in
        text[start] == bytes[0]
          && text[start...].starts(with: bytes, byMemory: bytes.count)
      }
    }
  }

  private static func order(_ first: [UInt8], _ second: [UInt8]) -> Int {
    let common = min(first.count, second.count)
    let order = first.withUnsafeBytes { first in
      second.withUnsafeBytes { second in
        if let first = first.baseAddress, let second = second.baseAddress {
          return Int(memcmp(first, second, common))
        }
        return 0
      }
    }
    return order != 0 ? order : first.count - second.count
  }
}

extension Slice<UnsafeRawBufferPointer> {
  /// Whether the first `count` bytes are those of `other`; there are as many in both.
  fileprivate func starts(with other: UnsafeRawBufferPointer, byMemory count: Int) -> Bool {
    guard let first = base.baseAddress, let second = other.baseAddress else { return true }
    return memcmp(first + startIndex, second, count) == 0
  }
}
