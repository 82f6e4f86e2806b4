// Changes that must keep a verdict, on histories too long for the dumb twin.

import History
import Linearizability
import Support
import Testing

@Suite struct MetamorphicTests {
  static let shape = Shape(operations: 60, processes: 5, values: 4, unknown: 8)
  /// Many operations of unknown outcome, few of them read: what dominance is for.
  static let crashing = Shape(
    operations: 40, processes: 4, values: 3, unknown: 45, reads: 40, writes: 25, differs: false)

  @Test("an atomic register that loses many answers is valid", arguments: Seed.some(2000))
  func crashing(seed: Seed) async throws {
    var random = SplitMix64(seed)
    let valid = AtomicRegister.history(Self.crashing, initial: 1, using: &random)
    #expect(try await verdict(valid) == .valid)
  }

  func verdict(_ operations: [Operation]) async throws -> Verdict {
    let history = History(operations: operations, initial: 1)
    return try await Check(model: .casRegister, shrinkingTime: .zero).run(history).verdict
  }

  @Test("what is true of less is true still", arguments: Seed.some(300))
  func relaxed(seed: Seed) async throws {
    var random = SplitMix64(seed)
    let valid = AtomicRegister.history(Self.shape, initial: 1, using: &random)
    #expect(try await verdict(valid) == .valid)
    let place = Int.random(in: valid.indices, using: &random)

    var looser = valid
    if looser[place].outcome == .ok { looser[place].forget() }
    #expect(try await verdict(looser) == .valid, "an ok made info")

    let fewer = valid.enumerated().filter { $0.offset != place || $0.element.function != "read" }
    #expect(try await verdict(fewer.map(\.element)) == .valid, "a read left out")

    let cut = valid[place].invocation
    var prefix = valid.filter { $0.invocation < cut }
    for place in prefix.indices where prefix[place].completion ?? cut >= cut {
      prefix[place].forget()
    }
    #expect(try await verdict(prefix) == .valid, "a prefix")

    var wider = valid
    for place in wider.indices {
      wider[place].invocation = wider[place].invocation * 4
      wider[place].completion = wider[place].completion.map { $0 * 4 + 10 }
    }
    #expect(try await verdict(wider.unique()) == .valid, "intervals widened")
  }

  @Test("what is false of less is false still", arguments: Seed.some(300))
  func tightened(seed: Seed) async throws {
    var random = SplitMix64(seed)
    var invalid = AtomicRegister.history(Self.shape, initial: 1, using: &random)
    invalid.spoil(values: 4, using: &random)
    guard try await verdict(invalid) == .invalid else { return }
    let last = invalid.map { max($0.invocation, $0.completion ?? 0) }.max() ?? 0
    var more = History("99: [r 3] [w 2] [r 2]").operations
    for place in more.indices {
      more[place].invocation += last + 1
      more[place].completion = more[place].completion.map { $0 + last + 1 }
    }
    #expect(try await verdict(invalid + more) == .invalid, "operations appended")
  }
}

extension Operation {
  /// Makes it `info`: nobody knows how it ended.
  fileprivate mutating func forget() {
    (outcome, result, completion, observed, differs) = (.info, .absent, nil, nil, false)
  }
}

extension [Operation] {
  /// The same with each index once: invocations before completions that they coincide with.
  fileprivate func unique() -> [Operation] {
    var marks = indices.flatMap { place in
      [(self[place].invocation, 0, place)] + (self[place].completion.map { [($0, 1, place)] } ?? [])
    }
    marks.sort { $0 < $1 }
    var copy = self
    for (index, mark) in marks.enumerated() {
      if mark.1 == 0 { copy[mark.2].invocation = index } else { copy[mark.2].completion = index }
    }
    return copy
  }
}
