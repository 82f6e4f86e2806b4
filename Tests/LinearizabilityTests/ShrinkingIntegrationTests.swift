// Counterexamples of long generated histories: small, sound, and found in about the time that
// the check takes.

import FoundationEssentials
import History
import Support
import Testing

@testable import Linearizability

@Suite(.tags(.integration), .serialized) struct ShrinkingIntegrationTests {
  /// Every model with every break of it; a third of them in histories with unknown outcomes, which
  /// take several times as long.
  static let cases = ModelName.allCases.flatMap { model in
    Break.allCases.filter { $0.models.contains(model) }.map { (model, $0) }
  }.enumerated().map { (model: $1.0, kind: $1.1, info: $0.isMultiple(of: 3) ? 3 : 0) }

  /// Longer histories are for the optimised build.
  static var operations: Int {
    #if DEBUG
      return 600
    #else
      return 10_000
    #endif
  }

  @Test(
    "the counterexample of a long history has few operations and is found quickly",
    arguments: cases)
  func isSmallAndQuick(model: ModelName, kind: Break, info: Int) async throws {
    var shape = GenerationShape(model: model)
    // What ends nobody knows how takes several times as long to judge.
    shape.operations = info == 0 ? Self.operations : Self.operations / 3
    shape.values = 0
    shape.info = info
    shape.seed = info == 0 ? 1 : 3
    guard let generator = try GenerationTests.broken(shape, kind) else { return }
    let history = generator.collected().history
    // For checking and shrinking together; that shrinking is quick is asked for beside the check.
    let result = try await Check(limits: Limits(time: .seconds(20)), shrinkingTime: .seconds(20))
      .run(history)
    // With unknown outcomes the check itself may reach its limit.
    if info > 0, result.verdict == .unknown { return }
    let key = try #require(result.keys.first { $0.verdict == .invalid }, "\(kind) of \(model)")
    // Nor may it leave time to shrink.
    if info > 0, key.seconds + key.shrinkingSeconds > 18 { return }
    let found = try #require(key.counterexample)
    let name = "\(kind.rawValue) of \(model.rawValue), \(info) % info"
    // Of locks without an owner, what was open long ago may matter, and all that used it.
    if info > 0, model == .mutex || model == .semaphore { return }
    #expect(found.isMinimal, "\(name)")
    #expect(found.history.count <= 12, "\(name): \(found.history.count) operations")
    #expect(
      key.shrinkingSeconds < 10 * key.seconds + 2,
      "\(name): shrinking \(key.shrinkingSeconds) s, checking \(key.seconds) s")
    var header = history.header
    header.initial = found.initial ?? header.initial
    var relaxed = History(header: header)
    relaxed.operations = found.history
    let again = try await Check(shrinkingTime: .zero).run(relaxed)
    #expect(again.verdict == .invalid, "\(name)")
  }
}
