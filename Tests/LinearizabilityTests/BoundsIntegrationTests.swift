// Limits of time and memory, and Ctrl-C, kept on histories that are too hard.
// `FUZZ=1` or more tries every family with more memory, too.

import FoundationEssentials
import History
import Support
import Testing

@testable import Linearizability

@Suite(.tags(.integration), .serialized, .timeLimit(.minutes(5))) struct BoundsIntegrationTests {
  /// Checks `family` within `megabytes` and says by how many bytes the process grew at most. It
  /// must be alone in its process.
  static func growth(_ family: HardHistory, megabytes: Int) async throws -> String {
    let history = try family.history
    let before = MemoryUse.current
    let limits = Limits(time: .seconds(20), memoryBytes: megabytes << 20)
    let result = try await Check(limits: limits, shrinkingTime: .zero).run(history)
    let growth = MemoryUse.peak - before
    let line =
      "\(family.rawValue), \(megabytes) MiB: \(growth >> 20) MiB, \(result.verdict), "
      + "\(result.keys[0].limit?.description ?? "") \(result.keys[0].seconds) s"
    print(line)
    #expect(growth <= (megabytes << 20) / 10 * 11, "\(line)")
    return line
  }

  /// Enough families for every day; with `FUZZ`, all.
  static let families: [HardHistory] =
    ProcessInfo.processInfo.environment["FUZZ"] == nil
    ? [.register, .transactions] : HardHistory.allCases
  static let megabytes = ProcessInfo.processInfo.environment["FUZZ"] == nil ? [64] : [64, 128, 256]

  /// Seconds. Other machines, and other builds beside this one, are slower.
  static let leeway = ProcessInfo.processInfo.environment["FUZZ"] == nil ? 0.5 : 0.05

  @Test("memory is kept to within a tenth of the limit", arguments: families, megabytes)
  func memory(family: HardHistory, megabytes: Int) async {
    await #expect(processExitsWith: .success) { [family, megabytes] in
      _ = try await BoundsIntegrationTests.growth(family, megabytes: megabytes)
    }
  }

  @Test(
    "time is kept to within a twentieth of the limit and 50 ms", arguments: HardHistory.allCases)
  func time(family: HardHistory) async throws {
    let history = try family.history
    for engine in [Optional.none, .wingGong, .sweep] as [Engine?] {
      let limit = 0.4
      let check = Check(limits: Limits(time: .seconds(limit)), engine: engine)
      let clock = ContinuousClock()
      var took = Duration.seconds(60)
      // Others are at work on the machine: the best of three.
      for _ in 0..<3 where took.seconds > limit * 1.05 + Self.leeway {
        took = min(took, try await clock.measure { _ = try await check.run(history) })
      }
      let line = "\(family.rawValue), \(engine?.rawValue ?? "any"): \(took)"
      print(line)
      #expect(took.seconds <= limit * 1.05 + Self.leeway, "\(line)")
    }
  }

  @Test("a cancelled check answers within 200 ms", arguments: HardHistory.allCases)
  func cancelled(family: HardHistory) async throws {
    let history = try family.history
    let clock = ContinuousClock()
    let check = Task { try await Check(shrinkingTime: .zero).run(history) }
    try await clock.sleep(for: .milliseconds(700))
    let start = clock.now
    check.cancel()
    let result = try await check.value
    let took = clock.now - start
    print("\(family.rawValue) cancelled: \(took), \(result.verdict)")
    #expect(took < .seconds(Self.leeway * 4), "\(family.rawValue)")
  }

  @Test("a key that takes all there is hides no other", arguments: [true, false])
  func hidesNothing(isTime: Bool) async throws {
    var history = try HardHistory.register.history
    let wrong = History("0: [w 1] [w 2] [r 1]").operations
    // The hard ones are the longest, and there are more of them than cores: they come first.
    var operations = (0..<4).flatMap { key in history.operations.map { $0.under("hard\(key)") } }
    operations += wrong.map { $0.under("wrong") }
    history.operations = operations.sorted { $0.invocation < $1.invocation }
    let limits =
      isTime ? Limits(time: .seconds(5)) : Limits(time: .seconds(60), memoryBytes: 8 << 20)
    let result = try await Check(model: .casRegister, limits: limits, width: 2).run(history)
    #expect(result.verdict == .invalid)
    #expect(result.keys.first { $0.key == "wrong" }?.verdict == .invalid)
    #expect(result.keys.count { $0.verdict == .unknown } == 4)
  }
}

extension Tag {
  /// Needs the machine for itself.
  @Tag static var integration: Self
}

extension Operation {
  fileprivate func under(_ key: String) -> Operation {
    var copy = self
    copy.key = key
    return copy
  }
}
