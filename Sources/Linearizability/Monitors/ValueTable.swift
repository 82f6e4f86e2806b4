// Values as small numbers, so that monitors index arrays and hash each value once.

import History

/// Numbers values from 0 in the order in which they are first met.
///
/// Whole numbers, nearly all values there are, go by a table of their own: hashing them as
/// `Value`s takes five times as long.
struct ValueTable {
  /// Open addressing; at most half of the places are taken.
  private var keys: [Int64]
  private var ids: [Int32]
  private var numbers = 0
  private var others: [Value: Int32] = [:]
  private(set) var count = 0

  /// A table with room for `capacity` values before it grows.
  init(capacity: Int) {
    var size = 16
    while size < capacity * 2 { size *= 2 }
    keys = Array(repeating: 0, count: size)
    ids = Array(repeating: -1, count: size)
  }

  /// The number of `value`, a new one if it is new.
  mutating func id(of value: Value) -> Int32 {
    guard case .integer(let number) = value else {
      if let id = others[value] { return id }
      others[value] = Int32(count)
      count += 1
      return Int32(count - 1)
    }
    let place = place(of: number)
    if ids[place] >= 0 { return ids[place] }
    let id = Int32(count)
    (keys[place], ids[place]) = (number, id)
    count += 1
    numbers += 1
    if numbers * 2 > keys.count { grow() }
    return id
  }

  private func place(of number: Int64) -> Int {
    let mask = keys.count - 1
    var place = Int(truncatingIfNeeded: number.fingerprint) & mask
    while ids[place] >= 0, keys[place] != number { place = (place &+ 1) & mask }
    return place
  }

  private mutating func grow() {
    let (oldKeys, oldIDs) = (keys, ids)
    keys = Array(repeating: 0, count: oldKeys.count * 2)
    ids = Array(repeating: -1, count: oldKeys.count * 2)
    for old in oldKeys.indices where oldIDs[old] >= 0 {
      let place = place(of: oldKeys[old])
      (keys[place], ids[place]) = (oldKeys[old], oldIDs[old])
    }
  }
}
