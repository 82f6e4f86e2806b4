// What a limit does: it may make a verdict unknown, never another.

import History
import Linearizability
import Support
import Testing

@Suite struct LimitTests {
  /// Needs more steps than any test has time for: many writes at once, all of them needed, and
  /// a compare-and-set that never finds its value after them.
  static let hard: History = {
    let width = 40
    var lines = (0..<width).map { "\($0): [w \($0)                     ]" }
    lines += (0..<width).map { "\(100 + $0): [c \($0) \(($0 * 7 + 1) % width)                   ]" }
    lines += (0..<width).map { "\(200 + $0): [c \($0) \(($0 * 3 + 2) % width) differs          !" }
    lines.append("300:        [r 5] [r 6] [r 7] [r 5] [r 6] [r 7] [r 5] [r 5] [r 6]")
    return History(lines.joined(separator: "\n"))
  }()

  @Test("a spent time limit is unknown, and says how far the search came")
  func time() async throws {
    let limits = Limits(time: .milliseconds(50))
    let result = try await Check(limits: limits).run(Self.hard)
    #expect(result.verdict == .unknown)
    let limit = try #require(result.keys[0].limit)
    #expect(limit.reason == .time(.milliseconds(50)))
    #expect(limit.eventsInAll > 0 && limit.eventsDone < limit.eventsInAll)
    #expect(result.keys[0].seconds < 30)
  }

  @Test("a spent memory limit is unknown")
  func memory() async throws {
    let limits = Limits(memoryBytes: 4 << 20)
    let result = try await Check(limits: limits).run(Self.hard)
    #expect(result.verdict == .unknown)
    #expect(result.keys[0].limit?.reason == .memory(bytes: 4 << 20))
  }

  @Test("a cancelled check is unknown")
  func cancelled() async throws {
    let check = Task { try await Check().run(Self.hard) }
    check.cancel()
    let result = try await check.value
    #expect(result.verdict == .unknown)
    #expect(result.keys[0].limit?.reason == .interrupted)
  }

  @Test("with any memory limit the verdict is the true one or unknown", arguments: Seed.some(200))
  func honest(seed: Seed) async throws {
    var random = SplitMix64(seed)
    let (operations, initial) = SearchPropertyTests.small(using: &random)
    let truth: Verdict = EveryOrder.explains(operations, initial: initial) ? .valid : .invalid
    let limits = Limits(memoryBytes: Int.random(in: 0..<3000, using: &random))
    let history = History(operations: operations, initial: initial)
    let found = try await Check(model: .casRegister, limits: limits).run(history).verdict
    #expect(found == truth || found == .unknown)
  }
}
