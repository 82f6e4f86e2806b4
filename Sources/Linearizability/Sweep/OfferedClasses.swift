// The operations of unknown outcome that a sweep may use, in classes of equal action.

/// Classes of `info` operations.
///
/// Any two of a class are interchangeable, so they are used in the order of their invocations
/// and a configuration only counts them. A class takes a place in the configurations when one of
/// them first uses it, and loses it when all agree on how many were used.
struct OfferedClasses {
  struct Class {
    var action: Int32
    /// Members used by every configuration.
    var usedByAll = 0
    /// Where configurations count what they used besides, or -1.
    var slot = -1
    /// By member: its tag, and how many offers there were up to its own.
    var tags: [Int] = []
    var stamps: [UInt32] = []
    /// Members settled in the order.
    var settled = 0
  }

  private(set) var all: [Class] = []
  /// Offers made so far.
  private(set) var offers: UInt32 = 0
  private(set) var slotCount = 0
  private var freeSlots: [Int] = []
  private var byAction: [Int32: Int] = [:]
  private(set) var blindByMake: [Int32: [Int]] = [:]
  private(set) var rigidByMake: [Int32: [Int]] = [:]
  private(set) var blind: [Int] = []
  private(set) var rigid: [Int] = []
  /// Whether some action is legal by more than equality.
  private(set) var hasLoose = false

  var bytes: Int { all.count * 200 + Int(offers) * 12 }

  /// - Returns: whether the action was not known before: the class retains it.
  mutating func offer<M: Model>(
    _ action: Int32, tag: Int, in alphabet: borrowing SweepAlphabet<M>
  ) -> Bool {
    offers += 1
    let known = byAction[action]
    let number = known ?? all.count
    if known == nil {
      byAction[action] = number
      all.append(Class(action: action))
      let make = alphabet.makes[Int(action)]
      switch alphabet.kinds[Int(action)] {
      case .pure: preconditionFailure("a pure operation of unknown outcome is never offered")
      case .blind:
        blind.append(number)
        blindByMake[make, default: []].append(number)
      case .rigid:
        rigid.append(number)
        rigidByMake[make, default: []].append(number)
        if alphabet.needs[Int(action)] < 0 || make < 0 { hasLoose = true }
      }
    }
    all[number].tags.append(tag)
    all[number].stamps.append(offers)
    return known == nil
  }

  func number(ofAction action: Int32) -> Int? { byAction[action] }

  /// Whether `row` can use one more of class `number` that was offered by offer `latest`.
  @inline(__always)
  func offers(_ number: Int, to row: Row, _ layout: RowLayout, by latest: UInt32) -> Bool {
    let slot = all[number].slot
    let used = all[number].usedByAll + (slot < 0 ? 0 : Int(row.count(slot, layout)))
    return used < all[number].stamps.count && all[number].stamps[used] <= latest
  }

  /// A place in the configurations for class `number`.
  mutating func giveSlot(to number: Int) {
    all[number].slot = freeSlots.popLast() ?? slotCount
    slotCount = max(slotCount, all[number].slot + 1)
  }

  /// By place: that of a blind class whose members can stand in for this one's, or -1.
  func standIns<M: Model>(
    count: Int, in alphabet: borrowing SweepAlphabet<M>
  ) -> [Int] {
    var standIns = [Int](repeating: -1, count: count)
    for number in rigid where all[number].slot >= 0 {
      let make = alphabet.makes[Int(all[number].action)]
      guard make >= 0 else { continue }
      for other in blindByMake[make] ?? [] where all[other].slot >= 0 {
        standIns[all[number].slot] = all[other].slot
      }
    }
    return standIns
  }

  /// Takes places away on which all of `rows` agree.
  mutating func fold(_ rows: borrowing ConfigurationSet) {
    for number in all.indices where all[number].slot >= 0 {
      let slot = all[number].slot
      let first = rows.row(0).count(slot, rows.layout)
      var agree = true
      for row in 0..<rows.count where rows.row(row).count(slot, rows.layout) != first {
        agree = false
        break
      }
      guard agree else { continue }
      for row in 0..<rows.count { rows.row(row).take(first, fromCount: slot, rows.layout) }
      all[number].usedByAll += Int(first)
      all[number].slot = -1
      freeSlots.append(slot)
    }
  }

  /// The tag of the next member of class `number` to be settled.
  mutating func settleNext(of number: Int) -> Int {
    defer { all[number].settled += 1 }
    return all[number].tags[all[number].settled]
  }
}
