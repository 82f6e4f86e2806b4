// Changes that must keep the verdict on generated histories of every model.
// `FUZZ=100000` sets how many, about; `SEED=0x2a` runs one seed of each model.

import FoundationEssentials
import History
import Support
import Testing

@testable import Linearizability

@Suite struct ModelMetamorphicTests {
  static var seeds: [Seed] {
    let wanted = ProcessInfo.processInfo.environment["FUZZ"].flatMap(Int.init)
    #if DEBUG
      return Seed.some(max(1, (wanted ?? 120) / 60))
    #else
      return Seed.some(max(1, (wanted ?? 180) / 60))
    #endif
  }
  /// An engine that is lost says nothing; most histories take less than one.
  static let limits = Limits(time: .milliseconds(15))

  /// A history of one key; nil when it has no place for the break.
  static func history(_ model: ModelName, _ seed: Seed, _ kind: Break?) throws -> History? {
    var shape = EngineAgreementTests.shape(model, seed)
    shape.operations = seed.number % 4 == 0 ? 40 : 20
    shape.concurrency = min(shape.concurrency, 4)
    shape.listLimit = 0
    if model != .multiRegister { shape.keys = 1 }
    guard let kind else { return try HistoryGenerator(shape).collected().history }
    return try GenerationTests.broken(shape, kind)?.collected().history
  }

  private func verdicts(_ operations: [Operation], _ header: Header) throws -> Set<Verdict> {
    let votes = try EngineVotes.of(operations, header: header, limits: Self.limits)
    for (engine, vote) in votes {
      if case .wrong(let flaw) = vote { Issue.record("\(engine): \(flaw)") }
    }
    return Set(votes.values.compactMap(\.verdict))
  }

  @Test("what is true of less is true still", arguments: ModelName.allCases)
  func relaxed(model: ModelName) throws {
    var counts: [Relaxation: Int] = [:]
    for seed in Self.seeds {
      var random = SplitMix64(seed)
      guard let history = try Self.history(model, seed, Optional.none) else { continue }
      for relaxation in Relaxation.allCases {
        var operations = history.operations
        // One after the other, so that they meet.
        for step in 1...3 {
          let next = relaxation.apply(to: operations, model: model, using: &random)
          guard let next else { continue }
          operations = next
          counts[relaxation, default: 0] += 1
          let found = try verdicts(operations, history.header)
          try #require(found.isSubset(of: [.valid]), "\(relaxation) \(step), \(model) \(seed)")
        }
      }
    }
    for relaxation in Relaxation.allCases where relaxation != .withoutRead {
      #expect(counts[relaxation] ?? 0 > 0, "\(relaxation)")
    }
  }

  @Test("what is false of less is false still", arguments: ModelName.allCases)
  func restricted(model: ModelName) throws {
    var count = 0
    for seed in Self.seeds {
      var random = SplitMix64(seed)
      for kind in Break.allCases where kind.models.contains(model) {
        guard let history = try Self.history(model, seed, kind) else { continue }
        for restriction in Restriction.allCases {
          var operations = history.operations
          for step in 1...2 {
            let next = restriction.apply(to: operations, model: model, using: &random)
            guard let next else { continue }
            operations = next
            count += 1
            let found = try verdicts(operations, history.header)
            try #require(
              found.isSubset(of: [.invalid]), "\(restriction) \(step), \(kind) \(model) \(seed)")
          }
        }
      }
    }
    #expect(count > 10)
  }
}
