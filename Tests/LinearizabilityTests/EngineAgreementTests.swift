// All engines on histories of every model whose truth is known from how they were made.
// `FUZZ=100000` sets how many, in all, about; `SEED=0x2a` runs one seed of each model.

import FoundationEssentials
import History
import Support
import Testing

@testable import Linearizability

@Suite struct EngineAgreementTests {
  static var seeds: [Seed] {
    let wanted = ProcessInfo.processInfo.environment["FUZZ"].flatMap(Int.init)
    #if DEBUG
      return Seed.some(max(1, (wanted ?? 150) / 75))
    #else
      return Seed.some(max(1, (wanted ?? 150) / 75))
    #endif
  }
  /// One engine may be lost on a history that another finds easy.
  static let limits = Limits(time: .milliseconds(100), memoryBytes: 256 << 20)

  /// A shape that depends on `seed` in all it leaves open.
  static func shape(_ model: ModelName, _ seed: Seed) -> GenerationShape {
    var random = SplitMix64(seed)
    var shape = GenerationShape(model: model)
    shape.operations = [50, 50, 100, 100, 300, 2000].randomElement(using: &random) ?? 50
    shape.concurrency = Int.random(in: 2...12, using: &random)
    shape.values = [0, 0, 2, 5, 20].randomElement(using: &random) ?? 0
    shape.info = [0, 0, 1, 5, 20].randomElement(using: &random) ?? 0
    shape.reads = [20, 40, 50, 70].randomElement(using: &random) ?? 50
    shape.keys = [1, 1, 1, 3].randomElement(using: &random) ?? 1
    shape.pauses = Bool.random(using: &random)
    shape.observations = [0, 20, 80].randomElement(using: &random) ?? 20
    shape.snapshots = [0, 0, 30].randomElement(using: &random) ?? 0
    shape.listLimit = [0, 20].randomElement(using: &random) ?? 0
    shape.capacity = Int.random(in: 1...4, using: &random)
    shape.seed = seed.number
    return shape
  }

  @Test("all engines agree with each other and with the truth", arguments: ModelName.allCases)
  func agree(model: ModelName) throws {
    var (valid, broken) = (EngineBallot(), EngineBallot())
    var (validCount, brokenCount) = (0, 0)
    for seed in Self.seeds {
      let shape = Self.shape(model, seed)
      let whole = try HistoryGenerator(shape).collected().history
      try valid.hold(on: whole, isValid: true, limits: Self.limits, "\(model) \(seed)")
      validCount += 1
      for kind in Break.allCases where kind.models.contains(model) {
        let place = Double(1 + (seed.number &* 7 + UInt64(kind.rawValue.count)) % 9) / 10
        guard let made = try GenerationTests.broken(shape, kind, near: place) else { continue }
        try broken.hold(
          on: made.collected().history, isValid: false, limits: Self.limits,
          "\(kind) \(model) \(seed)")
        brokenCount += 1
      }
    }
    print("\(model.rawValue): \(validCount) valid: \(valid.summary)")
    print("\(model.rawValue): \(brokenCount) broken: \(broken.summary)")
    // What no engine answers proves nothing.
    #expect(valid.answered[.wingGong] ?? 0 > validCount / 4)
    #expect(brokenCount == 0 || broken.answered.values.reduce(0, +) > 0)
  }

  @Test(
    "whatever engine blames a history, the counterexample is invalid", arguments: Engine.allCases)
  func counterexamples(engine: Engine) async throws {
    var found = 0
    for model in ModelName.allCases {
      for seed in Self.seeds.prefix(1) {
        var shape = Self.shape(model, seed)
        (shape.operations, shape.concurrency, shape.keys) = (40, min(shape.concurrency, 4), 2)
        for kind in Break.allCases where kind.models.contains(model) {
          guard let made = try GenerationTests.broken(shape, kind) else { continue }
          let history = made.collected().history
          let check = Check(
            limits: Limits(time: .milliseconds(50)), engine: engine,
            shrinkingTime: .milliseconds(30))
          guard let counterexample = try await check.run(history).counterexample else { continue }
          found += 1
          var header = history.header
          header.initial = counterexample.initial ?? header.initial
          let votes = try EngineVotes.of(
            counterexample.history, header: header, limits: Self.limits)
          let verdicts = Set(votes.values.compactMap(\.verdict))
          try #require(verdicts.isSubset(of: [.invalid]), "\(kind) \(model) \(seed): \(votes)")
        }
      }
    }
    print("\(engine.rawValue): \(found) counterexamples")
    #expect(found > 10)
  }
}
