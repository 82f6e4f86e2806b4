// The sweep on drawn histories, and what covers what.

import History
import Testing

@testable import Linearizability

@Suite struct SweepTests {
  @Test("a later blind set lets an unknown write offered since then be hidden before it")
  func hiddenSinceLaterSet() throws {
    let history = History(
      """
      0: [w 1]
      1: [w 1           ]
      2: [r 2               ]
      3:       [w 2 )
      4:                      [r 1]
      """)
    #expect(try Swept(history.operations, initial: .absent) == .valid)
  }

  @Test("an unknown write is not hidden before a set that was over when it began")
  func hiddenTooLate() throws {
    let history = History(
      """
      0: [w 1]
      2: [r 2               ]
      3:       [w 2 )
      4:                      [r 1]
      """)
    #expect(try Swept(history.operations, initial: .absent) == .invalid(at: 7))
  }

  @Test("the completion named is the first that nothing explains")
  func firstWrong() throws {
    let history = History(
      """
      0: [w 1] [w 2] [r 2]
      1:                   [r 1]
      2:                         [r 3]
      """)
    #expect(try Swept(history.operations, initial: .absent) == .invalid(at: 7))
  }

  @Test("one blind operation left stands in for one rigid one, not for two")
  func standIns() {
    let layout = RowLayout(maskWords: 1, countSlots: 4)
    var slots = SlotTable()
    slots.standIns = [-1, 0, 0, -1]
    func row(_ counts: [Int]) -> Row {
      let row = Row.allocate(capacity: layout.stride)
      row.initialize(repeating: 0, count: layout.stride)
      for (slot, count) in counts.enumerated() {
        for _ in 0..<count { row.increment(count: slot, layout) }
      }
      return row
    }
    for (first, second, isCovered) in [
      ([0, 1, 0], [1, 0, 0], true), ([0, 1, 1], [1, 0, 0], false), ([0, 1, 1], [2, 0, 0], true),
      ([1, 0, 0], [0, 1, 0], false), ([0, 0, 0, 1], [1, 0, 0, 0], false),
    ] {
      var set = ConfigurationSet(layout)
      let (one, other) = (row(first), row(second))
      #expect(set.insert(one, slots) == 0)
      #expect((set.insert(other, slots) < 0) == isCovered, "\(first) and \(second)")
      one.deallocate()
      other.deallocate()
    }
  }

  @Test("a spent limit is told as such, never as a verdict")
  func limits() throws {
    let operations = History("0: [w 1] [r 2]").operations
    let subject = try Subject(model: RegisterModel(), operations: operations)
    var sweep = SweepRun(subject, budget: Budget(Limits(memoryBytes: 8)))
    guard case .unknown(.memory(8)) = sweep.run() else {
      Issue.record("8 bytes were enough")
      return
    }
  }
}
