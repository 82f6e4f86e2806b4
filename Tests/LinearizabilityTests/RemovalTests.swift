// Leaving writes out keeps every linearizable history linearizable.
// Only in debug builds: `Removal` is internal, and release builds are not made for testing.

#if DEBUG
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
        let removal = try #require(Removal(try Subject(model: model, operations: operations)))
        for start in operations.indices {
          for end in start + 1...operations.count {
            let left = removal.removing(places: start..<end) ?? []
            try #require(EveryOrder.explains(left, initial: initial), "\(seed)")
          }
        }
        for count in 1..<max(2, removal.setterCount) where count <= removal.setterCount {
          let left = removal.keepingLastSetters(count)
          try #require(EveryOrder.explains(left, initial: initial), "\(seed)")
        }
      }
    }
  }
#endif
