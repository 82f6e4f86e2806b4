// The few tests that comparisons rest on. All of them are by counting, none assumes a distribution, and
// their random draws follow from a seed.

import Glibc
import Hosts

/// Tests of paired differences and of rates.
public enum Statistics {
  /// The mean of `differences` with the interval in which it lies with `confidence`, by resampling them
  /// (Efron 1979, percentiles). Nil for none.
  ///
  /// - Complexity: O(draws × differences).
  public static func bootstrap(
    _ differences: [Double], confidence: Double, draws: Int = 5000, seed: UInt64
  ) -> (mean: Double, interval: ClosedRange<Double>)? {
    guard !differences.isEmpty else { return nil }
    let mean = mean(differences)
    var random = SplitMix64(seed: seed)
    var means = (0..<draws).map { _ in
      (0..<differences.count).reduce(0.0) { sum, _ in
        sum + differences[Int.random(in: 0..<differences.count, using: &random)]
      } / Double(differences.count)
    }
    means.sort()
    let tail = (1 - confidence) / 2
    let low = Int((tail * Double(draws)).rounded(.down))
    let high = min(draws - 1, Int(((1 - tail) * Double(draws)).rounded(.up)))
    return (mean, min(means[low], mean)...max(means[high], mean))
  }

  /// How likely a mean as far from zero as that of `differences` is, if each could as well have had the
  /// other sign (Fisher 1935): every choice of signs is tried up to 14 differences, and `draws` of them are
  /// drawn above.
  ///
  /// - Complexity: O(2^14), or O(draws × differences).
  public static func signFlip(
    _ differences: [Double], draws: Int = 20_000, seed: UInt64
  ) -> Double {
    let count = differences.count
    guard count > 0 else { return 1 }
    // Sums that differ by rounding alone are equal.
    let actual = abs(differences.reduce(0, +)) * (1 - 1e-12)
    if count <= 14 {
      let extreme = (0..<(1 << count)).count { signs in
        var sum = 0.0
        for (place, difference) in differences.enumerated() {
          sum += signs >> place & 1 == 1 ? difference : -difference
        }
        return abs(sum) >= actual
      }
      return Double(extreme) / Double(1 << count)
    }
    var random = SplitMix64(seed: seed)
    let extreme = (0..<draws).count { _ in
      let sum = differences.reduce(0.0) { Bool.random(using: &random) ? $0 + $1 : $0 - $1 }
      return abs(sum) >= actual
    }
    // The choice that was observed is one of them, so that none is impossible.
    return Double(extreme + 1) / Double(draws + 1)
  }

  /// The least that `signFlip` can say of so many differences.
  static func leastOfSignFlip(_ count: Int, draws: Int) -> Double {
    count <= 14 ? min(1, 2 / Double(1 << count)) : 1 / Double(draws + 1)
  }

  /// Which of several tests, of which each can say `least` at best, are judged together, so that one of them
  /// is taken for a difference by chance with `significance` at most: those that can be that sure at all when
  /// they are corrected for one another (Tarone 1990). The others say nothing, and need no correction.
  static func judgeable(_ least: [Double], significance: Double) -> [Int] {
    for count in 1...max(1, least.count) {
      let able = least.indices.filter { least[$0] < significance / Double(count) }
      if able.count <= count { return able }
    }
    return []
  }

  /// `likelihoods` as they must be to be judged together: the chance that any of them is taken for a
  /// difference though there is none stays below the limit (Holm 1979).
  public static func holm(_ likelihoods: [Double]) -> [Double] {
    var corrected = likelihoods
    var highest = 0.0
    let order = likelihoods.indices.sorted { likelihoods[$0] < likelihoods[$1] }
    for (rank, place) in order.enumerated() {
      highest = max(highest, min(1, likelihoods[place] * Double(likelihoods.count - rank)))
      corrected[place] = highest
    }
    return corrected
  }

  /// How likely the second of two rates is to be as high as it is or higher, if both are the same in each of
  /// `strata`, whatever that is there (Fisher's exact test, one-sided, over several tables: Gart 1970); and the
  /// least that it could have been with as many hits.
  ///
  /// - Complexity: O(hits²) over all strata.
  public static func fisher(
    _ strata: [(first: (hits: Int, runs: Int), second: (hits: Int, runs: Int))]
  ) -> (likelihood: Double, least: Double) {
    // How likely so many of the hits beyond `fewest` are the second's.
    var (chances, fewest, seen) = ([1.0], 0, 0)
    for (first, second) in strata where first.runs > 0 && second.runs > 0 {
      let (hits, runs) = (first.hits + second.hits, first.runs + second.runs)
      let (low, high) = (max(0, hits - first.runs), min(hits, second.runs))
      guard low <= second.hits, second.hits <= high else { return (1, 1) }
      let whole = choose(runs, hits)
      let own = (low...high).map { share in
        exp(choose(second.runs, share) + choose(first.runs, hits - share) - whole)
      }
      var joined = [Double](repeating: 0, count: chances.count + own.count - 1)
      for (place, chance) in chances.enumerated() {
        for (step, other) in own.enumerated() { joined[place + step] += chance * other }
      }
      (chances, fewest, seen) = (joined, fewest + low, seen + second.hits)
    }
    let tail = chances.dropFirst(seen - fewest).reduce(0, +)
    return (min(1, tail), chances.last ?? 1)
  }

  /// The logarithm of the number of ways to choose `count` of `total`.
  private static func choose(_ total: Int, _ count: Int) -> Double {
    lgamma(Double(total) + 1) - lgamma(Double(count) + 1) - lgamma(Double(total - count) + 1)
  }

  /// The arithmetic mean; nil-free: zero of nothing.
  static func mean(_ numbers: [Double]) -> Double {
    numbers.isEmpty ? 0 : numbers.reduce(0, +) / Double(numbers.count)
  }

  /// The standard error of the mean; nil for fewer than two.
  static func standardError(_ numbers: [Double]) -> Double? {
    guard numbers.count >= 2 else { return nil }
    let mean = mean(numbers)
    let squares = numbers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return (squares / Double(numbers.count - 1) / Double(numbers.count)).squareRoot()
  }

  /// How many standard errors a normal variable is beyond with this chance, on both sides together.
  static func deviations(beyondWithChance chance: Double) -> Double {
    var (low, high) = (0.0, 40.0)
    for _ in 0..<80 {
      let middle = (low + high) / 2
      if erfc(middle / 2.0.squareRoot()) > chance { low = middle } else { high = middle }
    }
    return low
  }
}
