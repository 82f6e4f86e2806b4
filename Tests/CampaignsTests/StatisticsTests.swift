// The tests that comparisons rest on, against what is known of them.

import Foundation
import Support
import Testing

@testable import Campaigns

@Suite struct StatisticsTests {
  @Test("Fisher's exact test gives the textbook's figures")
  func fisher() {
    // The lady tasting tea: 3 of 4 and 1 of 4.
    func chance(first: (Int, Int), second: (Int, Int)) -> Double {
      Statistics.fisher([(first: first, second: second)]).likelihood
    }
    let tea = chance(first: (1, 4), second: (3, 4))
    #expect(abs(tea - 17.0 / 70) < 1e-9)
    #expect(abs(chance(first: (0, 10), second: (10, 10)) - 1.0 / 184_756) < 1e-12)
    #expect(abs(chance(first: (0, 12), second: (1, 12)) - 0.5) < 1e-9)
    #expect(chance(first: (0, 12), second: (0, 12)) == 1)
    #expect(chance(first: (3, 3), second: (0, 9)) == 1)
    #expect(chance(first: (0, 0), second: (3, 3)) == 1)
  }

  @Test("flipping signs counts the ways that are as extreme")
  func signFlip() {
    #expect(Statistics.signFlip([1, 1, 1, 1, 1], seed: 1) == 2.0 / 32)
    #expect(Statistics.signFlip([1, -1], seed: 1) == 1)
    #expect(Statistics.signFlip([0.1, 0.2, 0.3, -0.05], seed: 1) == 4.0 / 16)
    #expect(Statistics.signFlip([], seed: 1) == 1)
    #expect(Statistics.signFlip(Array(repeating: 1, count: 30), seed: 1) < 0.001)
  }

  @Test("Holm's correction is the textbook's")
  func holm() {
    let corrected = Statistics.holm([0.01, 0.04, 0.03, 0.005])
    for (got, want) in zip(corrected, [0.03, 0.06, 0.06, 0.02]) { #expect(abs(got - want) < 1e-12) }
    #expect(Statistics.holm([]) == [])
    #expect(Statistics.holm([0.9, 0.8]) == [1, 1])
  }

  @Test("nineteen of twenty intervals hold the truth, and chance is seen as often as it is said")
  func coverage() throws {
    var random = SplitMix64(Seed(7))
    func normal() -> Double {
      let (radius, angle) = (
        Double.random(in: .leastNonzeroMagnitude..<1, using: &random),
        Double.random(in: 0..<(2 * .pi), using: &random)
      )
      return (-2 * log(radius)).squareRoot() * cos(angle)
    }
    var (held, seen) = (0, 0)
    for round in 0..<400 {
      let differences = (0..<12).map { _ in normal() }
      let estimate = try #require(
        Statistics.bootstrap(differences, confidence: 0.95, draws: 1000, seed: UInt64(round)))
      if estimate.interval.contains(0) { held += 1 }
      if Statistics.signFlip(differences, seed: UInt64(round)) <= 0.05 { seen += 1 }
    }
    // Percentile intervals of twelve values are a little short.
    #expect((350...395).contains(held), "\(held) of 400")
    #expect((8...34).contains(seen), "\(seen) of 400")
  }

  @Test("a normal variable's deviations are the table's")
  func deviations() {
    for (chance, deviations) in [(0.3173, 1.0), (0.05, 1.96), (0.01, 2.5758)] {
      #expect(abs(Statistics.deviations(beyondWithChance: chance) - deviations) < 0.001)
    }
  }

  @Test(
    "figures have the digits that say something",
    arguments: [
      (1234.5, 3, "1234"), (12.345, 3, "12.3"), (0.012345, 2, "0.012"), (0, 3, "0"),
      (-3.14159, 3, "-3.14"), (99.96, 3, "100.0"), (1e-9, 1, "0.000000001"),
    ])
  func rounded(number: Double, digits: Int, text: String) {
    #expect(Comparison.rounded(number, digits) == text)
  }
}
