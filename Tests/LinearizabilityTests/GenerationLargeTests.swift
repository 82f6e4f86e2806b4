// Generation at length: speed, where breaks go, what it refuses.

import History
import Support
import Testing

@testable import Linearizability

@Suite struct GenerationLargeTests {
  @Test("generation is fast", arguments: ModelName.allCases)
  func isFast(model: ModelName) throws {
    var shape = GenerationShape(model: model)
    #if DEBUG
      shape.operations = 20_000
    #else
      shape.operations = 1_000_000
    #endif
    shape.concurrency = 10
    shape.info = 1
    var generator = try HistoryGenerator(shape)
    var events = 0
    let clock = ContinuousClock()
    let took = clock.measure { while generator.next() != nil { events += 1 } }
    #expect(events == 2 * shape.operations)
    let rate = Int(Double(shape.operations) / (took / .seconds(1)))
    print("\(model.rawValue): \(rate) operations/s")
    #if !DEBUG
      // Far below what is measured: a loaded machine must not fail it.
      #expect(rate > 100_000)
    #endif
  }

  @Test("breaks go where they are wanted", arguments: Break.allCases)
  func breaksAreNear(kind: Break) throws {
    for model in ModelName.allCases where kind.models.contains(model) {
      var shape = GenerationShape(model: model)
      shape.operations = 4000
      shape.values = 0
      let whole = try HistoryGenerator(shape).collected().history
      let generator = try HistoryGenerator(shape, breaking: kind)
      let history = generator.collected().history
      let changed = zip(whole.operations, history.operations).filter { $0 != $1 }.map { $0.0 }
      // One that is part of the break may have ended so anyway.
      #expect(!changed.isEmpty)
      #expect(Set(changed.map(\.invocation)).isSubset(of: generator.broken))
      let last = try #require(generator.broken.last)
      let place = Double(last) / Double(history.endIndex)
      #expect((0.85...0.95).contains(place), "\(kind) \(model): \(place)")
    }
  }

  @Test("what needs no distinct values goes where it is wanted with few of them and crashes")
  func breaksWithReuse() throws {
    let kinds: [Break] = [
      .readFromNowhere, .phantomElement, .dirtyRead, .wrongCount, .doubleToken,
    ]
    for kind in kinds {
      for model in ModelName.allCases where kind.models.contains(model) {
        var shape = GenerationShape(model: model)
        shape.operations = 4000
        shape.concurrency = 10
        shape.info = 3
        let generator = try HistoryGenerator(shape, breaking: kind)
        let last = try #require(generator.broken.last)
        #expect((6800...7600).contains(last), "\(kind) \(model): event \(last) of 8000")
      }
    }
  }

  @Test("the search says the same of longer registers", arguments: Seed.some(20))
  func searchAgrees(seed: Seed) async throws {
    for model in [ModelName.register, .casRegister] {
      var shape = GenerationShape(model: model)
      shape.operations = 200
      shape.values = seed.number % 2 == 0 ? 0 : 5
      shape.info = 1
      shape.seed = seed.number
      let check = Check(shrinkingTime: .zero)
      let valid = try await check.run(HistoryGenerator(shape).collected().history)
      #expect(valid.verdict == .valid, "\(model) \(seed)")
      for kind in Break.allCases where kind.models.contains(model) {
        guard let broken = try GenerationTests.broken(shape, kind) else { continue }
        let result = try await check.run(broken.collected().history)
        #expect(result.verdict == .invalid, "\(kind) \(model) \(seed)")
      }
    }
  }

  @Test("what cannot be is refused in words")
  func refusals() {
    var shape = GenerationShape(model: .counter)
    #expect(throws: GenerationError(reason: .notForModel(.swap, .counter))) {
      try HistoryGenerator(shape, breaking: .swap)
    }
    shape.operations = 0
    #expect(throws: GenerationError(reason: .noPlace(.wrongCount))) {
      try HistoryGenerator(shape, breaking: .wrongCount)
    }
    shape.concurrency = 0
    #expect(
      throws: GenerationError(
        reason: .range(name: "concurrency", value: 0, allowed: 1...100_000))
    ) { try HistoryGenerator(shape) }
    #expect(
      GenerationError(reason: .notForModel(.swap, .counter)).description
        == "a counter has no swap; choose one of wrong-count")
  }

  @Test("every model can be broken, and every break breaks some model")
  func breaksCover() {
    for model in ModelName.allCases {
      #expect(Break.allCases.contains { $0.models.contains(model) }, "\(model)")
    }
    for kind in Break.allCases { #expect(!kind.models.isEmpty, "\(kind)") }
  }
}
