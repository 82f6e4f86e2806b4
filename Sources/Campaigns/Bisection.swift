// The first bad commit, when a bad one shows the finding only in some of its runs. Pure: what is run is
// for others to see to.

import Glibc

/// A search for the first of `commits` that shows a finding.
///
/// One run that shows it proves its commit bad. A commit counts as good after so many runs without it that
/// the whole search errs with a chance of `error` at most, given that each run of a bad commit shows it with
/// a chance of `rate` at least.
public struct Bisection: Sendable {
  /// The commits in question, the oldest first; the last is bad.
  public let commits: [String]
  /// How many runs without the finding make a commit good.
  public let runsEach: Int
  /// All before are good.
  public private(set) var firstOpen = 0
  /// The first that is known to be bad.
  public private(set) var firstBad: Int
  /// Those that cannot be judged.
  public private(set) var skipped: Set<Int> = []

  /// A search among `commits`, of which the last is bad and the one before the first is good.
  public init(_ commits: [String], rate: Double, error: Double) {
    precondition(
      !commits.isEmpty && rate > 0 && rate <= 1, "\(commits.count) commits, rate \(rate)")
    self.commits = commits
    firstBad = commits.count - 1
    runsEach = Self.runs(for: commits.count, rate: rate, error: error)
  }

  /// How many runs without a finding, of which each shows it with a chance of `rate`, make a commit good in
  /// a search among so many that errs with a chance of `error`.
  public static func runs(for commits: Int, rate: Double, error: Double) -> Int {
    let steps = max(1, log2(Double(commits)).rounded(.up))
    return rate >= 1 ? 1 : max(1, Int((log(error / steps) / log(1 - rate)).rounded(.up)))
  }

  /// The least rate that is likely after `hits` of `runs`: below it so many hits would have come with a
  /// chance of a tenth at most (Clopper & Pearson 1934).
  public static func leastRate(hits: Int, runs: Int) -> Double {
    guard hits > 0 else { return 0 }
    var (low, high) = (0.0, Double(hits) / Double(runs))
    for _ in 0..<60 {
      let rate = (low + high) / 2
      let tail = (hits...runs).reduce(0.0) { sum, count in
        let ways =
          lgamma(Double(runs) + 1) - lgamma(Double(count) + 1)
          - lgamma(Double(runs - count) + 1)
        let misses = count == runs ? 0 : Double(runs - count) * log(1 - rate)
        return sum + exp(ways + Double(count) * log(rate) + misses)
      }
      if tail > 0.1 { high = rate } else { low = rate }
    }
    return low
  }

  /// Which commit is to be judged next: the middle of what is open, or what is nearest to it of those that
  /// can be judged; nil when the search is over.
  public var next: Int? {
    let middle = (firstOpen + firstBad) / 2
    return (firstOpen..<firstBad).filter { !skipped.contains($0) }
      .min { abs($0 - middle) < abs($1 - middle) }
  }

  /// Says what the commit at `place` is; nil when it cannot be judged.
  public mutating func judge(_ place: Int, isBad: Bool?) {
    switch isBad {
    case true: firstBad = place
    case false: firstOpen = place + 1
    case nil: skipped.insert(place)
    }
  }

  /// The commits of which one is the first bad one: several when those between cannot be judged.
  public var suspects: [String] { Array(commits[firstOpen...firstBad]) }
}
