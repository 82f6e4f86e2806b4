// Tables whose keys all hash alike: no verdict may rest on a hash.

import History
import Support
import Testing

@testable import Linearizability

@Suite struct CollisionTests {
  /// All bits, few, and none: with none every key stands in one chain.
  static let masks: [UInt64] = [.max, 0b111, 0]

  @Test(
    "visited configurations are told apart whole, whatever their hashes",
    arguments: masks, Seed.some(20))
  func visited(mask: UInt64, seed: Seed) {
    var random = SplitMix64(seed)
    let (keyWords, width) = (
      Int.random(in: 1...3, using: &random), Int.random(in: 0...2, using: &random)
    )
    var set = VisitedSet(keyWords: keyWords, vectorWidth: width, hashMask: mask)
    var entered: [(key: [UInt64], vector: [UInt32])] = []
    for round in 0..<3000 {
      let key = (0..<keyWords).map { _ in UInt64.random(in: 0..<12, using: &random) << 31 }
      let vector = (0..<width).map { _ in UInt32.random(in: 0..<4, using: &random) }
      let expected = entered.contains { other in
        other.key == key && zip(other.vector, vector).allSatisfy { $0 <= $1 }
      }
      #expect(set.covers(key, vector) == expected, "\(seed), round \(round)")
      guard !expected, round % 3 == 0 else { continue }
      if round > 1500 { _ = set.makeDense() }
      set.insert(key, vector)
      entered.append((key, vector))
    }
  }

  @Test(
    "rows of a sweep are told apart whole, whatever their hashes", arguments: masks,
    Seed.some(20))
  func rows(mask: UInt64, seed: Seed) {
    var random = SplitMix64(seed)
    let layout = RowLayout(maskWords: 1, countSlots: 2)
    var slots = SlotTable()
    for slot in 0..<12 {
      _ = slots.take(
        0, isPure: slot % 3 == 0, isBlind: slot % 3 == 1, completion: slot, tag: slot)
    }
    slots.standIns = [-1, -1]
    var hashed = ConfigurationSet(layout, hashMask: mask)
    var plain: [[UInt64]] = []
    let row = Row.allocate(capacity: layout.stride)
    defer { row.deallocate() }
    for round in 0..<250 {
      row.initialize(repeating: 0, count: layout.stride)
      row.state = Int32.random(in: 0..<3, using: &random)
      row[2] = UInt64.random(in: 0..<4096, using: &random)
      for slot in 0..<2 where Bool.random(using: &random) {
        row.increment(count: slot, layout)
      }
      // Alone in a set, so compared directly and never by hash.
      let covered = plain.contains { other in
        var pair = ConfigurationSet(layout)
        let first = Row.allocate(capacity: layout.stride)
        defer { first.deallocate() }
        for word in 0..<layout.stride { first[word] = other[word] }
        _ = pair.insert(first, slots)
        return pair.insert(row, slots) < 0
      }
      #expect((hashed.insert(row, slots) < 0) == covered, "\(seed), round \(round)")
      if !covered { plain.append((0..<layout.stride).map { row[$0] }) }
    }
  }
}
