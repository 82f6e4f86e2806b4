// Small histories of every model pulled into extreme shapes, against the dumb twin.
// `FUZZ=1000000` sets how many, about; `SEED=0x2a` runs one seed of each model.

import FoundationEssentials
import History
import Support
import Testing

@testable import Linearizability

@Suite struct ExtremeHistoryTests {
  enum Extreme: CaseIterable {
    case asItWas
    /// One operation is open all along.
    case straggler
    /// All are open at once.
    case allAtOnce
    /// Two of three may have happened or not.
    case mostUnknown
    /// All begin before the first completes, and what is unknown comes last.
    case unknownLast
  }

  static var seeds: [Seed] {
    let wanted = ProcessInfo.processInfo.environment["FUZZ"].flatMap(Int.init)
    #if DEBUG
      return Seed.some(max(1, (wanted ?? 1_500) / 140))
    #else
      return Seed.some(max(1, (wanted ?? 14_000) / 140))
    #endif
  }

  /// All but the fenced lock: the twin's lets anybody release it.
  static let models = ModelName.allCases.filter { $0 != .fencedLock }

  @Test("every engine agrees with trying every order", arguments: models)
  func agrees(model: ModelName) throws {
    var (valid, invalid) = (0, 0)
    for seed in Self.seeds {
      var random = SplitMix64(seed)
      var shape = GenerationTests.small(model, seed)
      (shape.operations, shape.listLimit) = (min(shape.operations, 6), 0)
      shape.keys = model == .multiRegister ? 2 : 1
      shape.concurrency = Int.random(in: 2...6, using: &random)
      var whole = try HistoryGenerator(shape).collected().history
      for extreme in Extreme.allCases {
        for isSpoiled in [false, true] {
          var history = whole
          if isSpoiled { history.operations.swapResults(using: &random) }
          history.operations.pull(extreme, using: &random)
          let expected = GenerationOracle.explains(history, capacity: Int64(shape.capacity))
          expected ? (valid += 1) : (invalid += 1)
          for (_, operations) in history.operationsByKey {
            let votes = try EngineVotes.of(
              operations, header: history.header, limits: Limits())
            let found = Set(votes.values.compactMap(\.verdict))
            let flaws = votes.values.filter { if case .wrong = $0 { true } else { false } }
            try #require(flaws.isEmpty, "\(extreme) \(model) \(seed): \(votes)")
            try #require(
              found == [expected ? .valid : .invalid], "\(extreme) \(model) \(seed): \(votes)")
          }
        }
        if extreme == .asItWas { whole.operations.swapResults(using: &random) }
      }
    }
    print("\(model.rawValue): \(valid) valid, \(invalid) invalid extreme histories")
    #expect(valid > 0)
  }

  @Test("nothing at all and one operation alone are judged by every engine")
  func smallest() throws {
    for model in ModelName.allCases {
      var shape = GenerationShape(model: model)
      for count in 0...1 {
        shape.operations = count
        let history = try HistoryGenerator(shape).collected().history
        let votes = try EngineVotes.of(
          history.operations, header: history.header, limits: Limits())
        #expect(Set(votes.values.compactMap(\.verdict)) == [.valid], "\(model) \(count): \(votes)")
      }
    }
  }
}

extension [Operation] {
  /// Lets two operations that asked the same change what they saw; and one that found no lock get
  /// it.
  fileprivate mutating func swapResults(using random: inout SplitMix64) {
    if let place = indices.randomElement(using: &random), self[place].function == "acquire",
      self[place].outcome == .fail
    {
      self[place].outcome = .ok
    }
    var left = 2
    for _ in 0..<40 where left > 0 {
      guard let one = indices.randomElement(using: &random),
        let other = indices.randomElement(using: &random),
        self[one].function == self[other].function, self[one].argument == self[other].argument,
        self[one].outcome == self[other].outcome, self[one].result != self[other].result
      else { continue }
      let result = self[one].result
      self[one].result = self[other].result
      self[other].result = result
      left -= 1
    }
  }

  fileprivate mutating func pull(
    _ extreme: ExtremeHistoryTests.Extreme, using random: inout SplitMix64
  ) {
    let last = 1 + (map { Swift.max($0.invocation, $0.completion ?? 0) }.max() ?? 0)
    switch extreme {
    case .asItWas: return
    case .straggler:
      guard let place = indices.randomElement(using: &random) else { return }
      self[place].invocation = -1
      if self[place].completion != nil { self[place].completion = last }
    case .allAtOnce:
      for place in indices {
        self[place].completion = self[place].completion.map { $0 + last }
      }
    case .mostUnknown:
      for place in indices where self[place].outcome == .ok && random.next() % 3 > 0 {
        self[place].forgetCompletion()
      }
    case .unknownLast:
      for place in indices {
        if self[place].outcome == .ok, Bool.random(using: &random) {
          self[place].forgetCompletion()
          self[place].invocation += last
        } else {
          self[place].completion = self[place].completion.map { $0 + last }
        }
      }
    }
    sort { $0.invocation < $1.invocation }
  }
}
