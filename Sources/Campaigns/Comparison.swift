// Two builds, campaigns or runs set against each other: what is new, what is gone, what is slower, and how
// sure that is.

import Bench
import FoundationEssentials
import Glibc

/// What is compared with what: runs of both sides with the same key were given the same plan.
public struct PairKey: Hashable, Sendable, Comparable {
  /// The workload, its faults and the size of the cluster: the part that is judged together.
  public var group: String
  /// What fixed the run's random choices.
  public var seed: String

  /// The key of a run of the index.
  init(_ entry: RunEntry) {
    group = "\(entry.workload) · \(entry.faults) · \(entry.nodes) nodes"
    seed = entry.seed
  }

  /// By group, then by seed.
  public static func < (left: PairKey, right: PairKey) -> Bool {
    (left.group, left.seed) < (right.group, right.seed)
  }
}

/// One side of a comparison.
public struct ComparedSide: Sendable {
  /// What it is called.
  public var name: String
  /// Its runs, with their results.
  public var runs: [(entry: RunEntry, results: RunResults)] = []

  /// The runs of `entries` that said something of the system, with their results as they lie in `store`.
  ///
  /// - Throws: `BenchError` for results that are damaged.
  public init(_ name: String, _ entries: [RunEntry], store: String) throws(BenchError) {
    self.name = name
    for entry in entries
    where ["valid", "violation", "crash", "objective", "inconclusive"]
      .contains(entry.outcome)
    {
      let results = try RunResults.read(RunFolder(path: "\(store)/\(entry.folder)").results)
      if let results { runs.append((entry, results)) }
    }
  }
}

/// What a comparison came to.
public struct Comparison: Sendable, Encodable {
  /// How a figure differs between the sides.
  public struct Difference: Sendable, Encodable {
    /// Workload, faults and size.
    public var group: String
    /// What was measured.
    public var measure: String
    /// Its unit; empty for shares.
    public var unit: String
    /// Whether `effect` is a ratio less one, or a difference.
    public var scale: Measure.Scale
    /// How many pairs there were.
    public var pairs: Int
    /// The mean of the first side.
    public var first: Double
    /// The mean of the second.
    public var second: Double
    /// By how much the second is more than the first.
    public var effect: Double
    /// Between what the effect lies, with the comparison's confidence.
    public var interval: [Double]
    /// How likely it is that there is none, all figures taken together.
    public var likelihood: Double
    /// The smallest effect that would have been seen four times of five; nil where none could have been.
    public var detectable: Double?
    /// `regression`, `improvement`, `none`, or `unseen`, where there were too few pairs to see any.
    public var verdict: String
    /// In pairs: logarithms of ratios, or differences.
    var logarithms: [Double]

    enum CodingKeys: String, CodingKey {
      case group, measure, unit, scale, pairs, first, second, effect, interval, likelihood
      case detectable, verdict
    }
  }

  /// A finding, with how often each side has it.
  public struct Finding: Sendable, Encodable {
    /// What it has in every run that shows it.
    public var fingerprint: String
    /// `violation`, `crash` or `objective`.
    public var outcome: String
    /// In one sentence, of one run.
    public var summary: String
    /// `new`, `gone`, `more often`, or `known`.
    public var verdict: String
    /// In how many runs the first side has it, and how many it has.
    public var first: [Int]
    /// And the second.
    public var second: [Int]
    /// How likely it is that the second has it no more often.
    public var likelihood: Double
    /// Whether that is too unlikely: the rate has gone up.
    public var holds: Bool
    /// A run that shows it, as its folder's path in the store.
    public var run: String
    /// The least that shows it; nil where nobody looked for it, or no replay showed it.
    public var reproduction: ShrunkFinding?
    /// The least that `likelihood` could have been with so many that show it.
    var least: Double

    enum CodingKeys: String, CodingKey {
      case fingerprint, outcome, summary, verdict, first, second, likelihood, holds, run
      case reproduction
    }
  }

  /// Of its JSON: `gauntlet report --schema comparison` has what it is.
  public let version = 1
  /// The first side.
  public var first: String
  /// The second side.
  public var second: String
  /// Pairs of runs with the same plan.
  public var pairs: Int
  /// Findings of either side.
  public var findings: [Finding]
  /// All figures, in the order of groups.
  public var differences: [Difference]
  /// The chance of seeing any difference where there is none.
  public var significance: Double
  /// Smaller effects are none.
  public var smallest: Double

  /// Whether no difference of any figure could have been seen, and no finding's rate either.
  public var isBlind: Bool { differences.allSatisfy { $0.verdict == "unseen" } }

  /// Whether a figure or a rate is worse for sure.
  public var isRegression: Bool {
    differences.contains { $0.verdict == "regression" } || findings.contains(where: \.holds)
  }

  /// Whether the second side has a violation or a crash that the first has not.
  public var hasNewViolation: Bool {
    findings.contains { $0.verdict == "new" && $0.outcome != RunOutcome.objective.rawValue }
  }

  /// Sets `second` against `first`. A difference counts when it is at least `smallest`, as a share, and
  /// would be seen by chance with less than `significance`, all figures taken together.
  public init(
    _ first: ComparedSide, _ second: ComparedSide, significance: Double = 0.01,
    smallest: Double = 0.03
  ) {
    (self.first, self.second) = (first.name, second.name)
    self.significance = significance
    self.smallest = smallest
    let sides = [first, second].map { side in
      Dictionary(grouping: side.runs) { PairKey($0.entry) }.mapValues { $0.map(\.results) }
    }
    let keys = sides[0].keys.filter { sides[1][$0] != nil }.sorted()
    pairs = keys.count
    differences = []
    for (group, keys) in Dictionary(grouping: keys, by: \.group).sorted(by: { $0.key < $1.key }) {
      let functions = Set(
        keys.flatMap { key in sides.flatMap { $0[key] ?? [] } }.flatMap(\.functions)
          .map(\.function)
      ).sorted()
      for measure in Measure.all(functions: functions) {
        let values = keys.compactMap { key -> (Double, Double)? in
          guard let left = Self.value(measure, sides[0][key]),
            let right = Self.value(measure, sides[1][key])
          else { return nil }
          return (left, right)
        }
        if let difference = Self.difference(measure, values, group, significance) {
          differences.append(difference)
        }
      }
    }
    findings = Self.findings(first, second, pairedBy: Set(keys))
    judge()
  }

  /// The value of several runs with the same plan, as of one.
  private static func value(_ measure: Measure, _ results: [RunResults]?) -> Double? {
    let values = (results ?? []).compactMap(measure.value).filter(\.isFinite)
    guard !values.isEmpty else { return nil }
    switch measure.scale {
    case .difference: return Statistics.mean(values)
    case .ratio: return values.allSatisfy { $0 > 0 } ? exp(Statistics.mean(values.map(log))) : nil
    }
  }

  private static func difference(
    _ measure: Measure, _ values: [(Double, Double)], _ group: String, _ significance: Double
  ) -> Difference? {
    let differences = values.map { left, right in
      measure.scale == .ratio ? log(right) - log(left) : right - left
    }
    // What a file says may be any number.
    guard differences.allSatisfy(\.isFinite) else { return nil }
    let seed = group.utf8.reduce(UInt64(14_695_981_039_346_656_037)) {
      ($0 ^ UInt64($1)) &* 1_099_511_628_211
    }
    guard
      let estimate = Statistics.bootstrap(
        differences, confidence: 1 - significance, seed: seed)
    else { return nil }
    return Difference(
      group: group, measure: measure.name, unit: measure.unit, scale: measure.scale,
      pairs: values.count, first: Statistics.mean(values.map(\.0)),
      second: Statistics.mean(values.map(\.1)), effect: effect(estimate.mean, measure.scale),
      interval: [estimate.interval.lowerBound, estimate.interval.upperBound]
        .map { effect($0, measure.scale) },
      likelihood: 1, verdict: measure.isMoreBetter ? "improvement" : "regression",
      logarithms: differences)
  }

  private static func effect(_ mean: Double, _ scale: Measure.Scale) -> Double {
    scale == .ratio ? exp(mean) - 1 : mean
  }

  /// Says what each difference and each finding is, all taken together. Until then a difference's `verdict`
  /// is what more of it means.
  private mutating func judge() {
    // So many draws that none is too few to be sure with.
    let draws = max(
      20_000, Int(4 * Double(differences.count + findings.count) / significance))
    let able = Statistics.judgeable(
      differences.map { Statistics.leastOfSignFlip($0.pairs, draws: draws) }
        + findings.map(\.least), significance: significance)
    let tests = able.map { place in
      place < differences.count
        ? Statistics.signFlip(differences[place].logarithms, draws: draws, seed: UInt64(place))
        : findings[place - differences.count].likelihood
    }
    let corrected = Dictionary(uniqueKeysWithValues: zip(able, Statistics.holm(tests)))
    for place in findings.indices {
      guard let likelihood = corrected[differences.count + place] else { continue }
      findings[place].likelihood = likelihood
      findings[place].holds = likelihood < significance
      if findings[place].verdict == "known", findings[place].holds {
        findings[place].verdict = "more often"
      }
    }
    for place in differences.indices {
      var difference = differences[place]
      let meaning = difference.verdict
      defer { differences[place] = difference }
      guard let likelihood = corrected[place] else {
        difference.verdict = "unseen"
        continue
      }
      difference.likelihood = likelihood
      // Four of five: 0.84 standard errors beyond what is judged to be a difference.
      let level = significance / Double(able.count)
      difference.detectable = Statistics.standardError(difference.logarithms).map { error in
        Self.effect(
          (Statistics.deviations(beyondWithChance: level) + 0.84) * error, difference.scale)
      }
      let interval = difference.interval
      let isApart = interval[0] > 0 || interval[1] < 0
      if likelihood >= significance || abs(difference.effect) < smallest || !isApart {
        difference.verdict = "none"
      } else if difference.effect < 0 {
        difference.verdict = meaning == "regression" ? "improvement" : "regression"
      }
    }
  }

  /// What either side has found. Rates are taken of runs that have a partner with the same plan; whether a
  /// finding is new, of all.
  private static func findings(
    _ first: ComparedSide, _ second: ComparedSide, pairedBy keys: Set<PairKey>
  ) -> [Finding] {
    let shown = (first.runs + second.runs).filter { $0.entry.fingerprint != nil }
    return Dictionary(grouping: shown) { $0.entry.fingerprint ?? "" }
      .sorted { $0.key < $1.key }
      .map { fingerprint, runs in
        func isShown(_ run: (entry: RunEntry, results: RunResults)) -> Bool {
          run.entry.fingerprint == fingerprint
        }
        func rate(_ side: ComparedSide) -> (hits: Int, runs: Int) {
          let paired = side.runs.filter { keys.contains(PairKey($0.entry)) }
          return (paired.count(where: isShown), paired.count)
        }
        let (left, right) = (rate(first), rate(second))
        let verdict =
          !first.runs.contains(where: isShown)
          ? "new" : !second.runs.contains(where: isShown) ? "gone" : "known"
        let example = (second.runs + first.runs).first(where: isShown)?.entry
        let most = min(left.hits + right.hits, right.runs)
        return Finding(
          fingerprint: fingerprint, outcome: runs[0].entry.outcome, summary: runs[0].entry.summary,
          verdict: verdict, first: [left.hits, left.runs], second: [right.hits, right.runs],
          likelihood: Statistics.fisher(first: left, second: right), holds: false,
          run: example?.folder ?? "",
          least: Statistics.fisher(
            first: (left.hits + right.hits - most, left.runs), second: (most, right.runs)))
      }
  }
}
