// Leaving writes out of a register keeps every linearizable history linearizable.

import History
import Support
import Testing

@testable import Linearizability

@Suite struct RemovalTests {
  @Test("whatever is removed, a valid history stays valid", arguments: Seed.some(200))
  func keepsValid(seed: Seed) throws {
    var random = SplitMix64(seed)
    for _ in 0..<10 {
      let (operations, initial) = SearchPropertyTests.small(using: &random)
      guard EveryOrder.explains(operations, initial: initial) else { continue }
      let model = CASRegisterModel(initial: initial)
      let subject = try Subject(model: model, operations: operations)
      let removal = try #require(Removal(footprintsOf: subject))
      for start in 0..<removal.count {
        for end in start + 1...removal.count {
          let left = removal.relaxing(start..<end)?.operations ?? []
          try #require(EveryOrder.explains(left, initial: initial), "\(seed)")
        }
        let kept = Set(operations.suffix(start).map(\.invocation))
        let left = removal.keeping(kept)?.operations ?? []
        try #require(EveryOrder.explains(left, initial: initial), "\(seed)")
      }
    }
  }
}
