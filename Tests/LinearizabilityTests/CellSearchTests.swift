// The search of long transaction histories, where it turns back often and foresees much.

import History
import Support
import Testing

@testable import Linearizability

@Suite struct CellSearchTests {
  /// What is foreseen and the order of moves must stay the same from beginning to end: what was
  /// remembered under another would make a wrong `invalid`.
  @Test("atomic registers' transactions are never invalid", arguments: Array(1...10))
  func transactions(seed: UInt64) async throws {
    var shape = GenerationShape(model: .multiRegister)
    (shape.operations, shape.concurrency, shape.info, shape.seed) = (5000, 10, 1, seed)
    let history = try HistoryGenerator(shape).collected().history
    let check = Check(limits: Limits(time: .seconds(5)), engine: .wingGong)
    #expect(try await check.run(history).verdict != .invalid)
  }
}
