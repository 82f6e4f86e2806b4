// Two builds, campaigns or runs set against each other: what is new, what is gone, what is slower, and how
// sure that is.

import Bench
import FoundationEssentials
import Glibc

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
    /// `new`, `gone`, `more often`, `known`; `hidden`, where every run of the first side ended with something
    /// worse, or `not tried`, where the second did nothing of the same plan that could have shown it, or
    /// nothing of that was conclusive.
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
    /// The store of `run`.
    public var store: String
    /// The least that `likelihood` could have been with so many that show it.
    var least: Double

    enum CodingKeys: String, CodingKey {
      case fingerprint, outcome, summary, verdict, first, second, likelihood, holds, run
      case store, reproduction
    }
  }

  /// Runs that nothing could be set against: the other side has none of the same plan that says something.
  public struct Unmatched: Sendable, Encodable {
    /// Workload, faults and size.
    public var group: String
    /// How many runs of the first side say something.
    public var first: Int
    /// And of the second.
    public var second: Int
    /// In how many of the second side's the bench failed.
    public var failed: Int
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
  /// Workloads and faults that only one side has.
  public var unmatched: [Unmatched]
  /// Workloads and faults of which all of the second side's runs are inconclusive, and not all of the first's:
  /// what the second would have shown there is not known.
  public var undecided: [String]
  /// Plans of which the second side has only runs in which the bench failed, of workloads and faults that the
  /// first has others of: it may be that the second's nodes do not even start.
  public var failed: Int
  /// The chance of seeing any difference where there is none.
  public var significance: Double
  /// Smaller effects are none.
  public var smallest: Double

  /// Whether no difference of any figure could have been seen, and no finding's rate either.
  public var isBlind: Bool { differences.allSatisfy { $0.verdict == "unseen" } }

  /// Whether runs are missing that could have shown that the second side is worse.
  public var isUndecided: Bool { pairs == 0 || isBlind || !undecided.isEmpty || failed > 0 }

  /// Whether a figure or a rate is worse for sure.
  public var isRegression: Bool {
    differences.contains { $0.verdict == "regression" } || findings.contains(where: \.holds)
  }

  /// Whether the second side has a violation or a crash that the first has not.
  public var hasNewViolation: Bool {
    findings.contains {
      ["new", "hidden"].contains($0.verdict) && $0.outcome != RunOutcome.objective.rawValue
    }
  }

  /// So many pairs for each of `workloads` that every figure of theirs can be seen to differ, with two to spare.
  public static func pairs(for workloads: Int, significance: Double = 0.01) -> Int {
    // Three functions, whatever they are called.
    let figures = Double(workloads * Measure.all(functions: ["", "", ""]).count)
    return Int(log2(2 * figures / significance).rounded(.up)) + 2
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
      Dictionary(grouping: side.runs.filter(\.saysSomething), by: \.key)
    }
    let keys = sides[0].keys.filter { sides[1][$0] != nil }.sorted()
    pairs = keys.count
    differences = []
    for (cell, keys) in Dictionary(grouping: keys, by: \.cell).sorted(by: {
      $0.value[0] < $1.value[0]
    }) {
      let results = sides.map { side in
        Dictionary(uniqueKeysWithValues: keys.map { ($0, side[$0]?.compactMap(\.results) ?? []) })
      }
      let functions = Set(
        results.flatMap { $0.values.flatMap { $0.flatMap(\.functions).map(\.function) } }
      ).sorted()
      for measure in Measure.all(functions: functions) {
        let values = keys.compactMap { key -> (Double, Double)? in
          guard let left = Self.value(measure, results[0][key]),
            let right = Self.value(measure, results[1][key])
          else { return nil }
          return (left, right)
        }
        if let difference = Self.difference(measure, values, cell[0], significance) {
          differences.append(difference)
        }
      }
    }
    unmatched = Self.unmatched(first, second, pairedBy: Set(keys))
    findings = Self.findings(first, second, pairedBy: Set(keys))
    undecided = Dictionary(grouping: keys, by: \.cell).values.filter { keys in
      func isUndecided(_ side: [PairKey: [ComparedRun]]) -> Bool {
        keys.allSatisfy { side[$0]?.allSatisfy { $0.outcome == .inconclusive } ?? true }
      }
      return isUndecided(sides[1]) && !isUndecided(sides[0])
    }.map { $0[0].group }.sorted()
    let tried = Set(first.runs.filter(\.saysSomething).map(\.key.group))
    failed = Dictionary(grouping: second.runs, by: \.key).count { key, runs in
      tried.contains(key.group) && !runs.contains(where: \.saysSomething)
        && runs.contains { $0.outcome == .benchFailure }
    }
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
      differences.map { difference in
        // Where both are the same nothing can be turned round.
        Statistics.leastOfSignFlip(difference.logarithms.count { $0 != 0 }, draws: draws)
      }
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
        // Nor is it one below what counts.
        let least = difference.scale == .ratio ? log(1 + smallest) : smallest
        return Self.effect(
          max(Statistics.deviations(beyondWithChance: level) * error, least) + 0.84 * error,
          difference.scale)
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

  /// What only one side has, of each group.
  private static func unmatched(
    _ first: ComparedSide, _ second: ComparedSide, pairedBy keys: Set<PairKey>
  ) -> [Unmatched] {
    func groups(_ side: ComparedSide) -> [String: [ComparedRun]] {
      Dictionary(grouping: side.runs.filter { !keys.contains($0.key) }, by: \.key.group)
    }
    let (left, right) = (groups(first), groups(second))
    return Set(left.keys).union(right.keys).sorted().map { group in
      let (before, now) = (left[group] ?? [], right[group] ?? [])
      return Unmatched(
        group: group, first: before.count(where: \.saysSomething),
        second: now.count(where: \.saysSomething),
        failed: now.count { $0.outcome == .benchFailure })
    }
  }

  /// What either side has found. Rates are taken, cell by cell, of runs that have a partner with the same plan
  /// and that did not end with something worse, which would have hidden it; whether a finding is new, of all.
  private static func findings(
    _ first: ComparedSide, _ second: ComparedSide, pairedBy keys: Set<PairKey>
  ) -> [Finding] {
    let shown = (first.runs + second.runs).filter { $0.saysSomething && $0.fingerprint != nil }
    return Dictionary(grouping: shown) { $0.fingerprint ?? "" }
      .sorted { $0.key < $1.key }
      .map { fingerprint, runs in
        let rank = runs.map(\.rank).min() ?? .max
        func isShown(_ run: ComparedRun) -> Bool { run.fingerprint == fingerprint }
        func couldShow(_ run: ComparedRun) -> Bool {
          run.saysSomething && (isShown(run) || run.rank > rank)
        }
        func rates(_ side: ComparedSide) -> [[String]: (hits: Int, runs: Int)] {
          let able = side.runs.filter { keys.contains($0.key) && couldShow($0) }
          return Dictionary(grouping: able, by: \.key.cell).mapValues { runs in
            (runs.count(where: isShown), runs.count)
          }
        }
        let (left, right) = (rates(first), rates(second))
        let chance = Statistics.fisher(
          left.compactMap { cell, rate in right[cell].map { (first: rate, second: $0) } })
        let plans = Set(first.runs.filter(isShown).map(\.key))
        // Whether somebody looked where it was.
        let isTried = second.runs.contains {
          plans.contains($0.key) && couldShow($0) && $0.outcome != .inconclusive
        }
        let verdict =
          if first.runs.contains(where: isShown) {
            if second.runs.contains(where: isShown) {
              "known"
            } else {
              isTried ? "gone" : "not tried"
            }
          } else {
            first.runs.isEmpty || first.runs.contains(where: couldShow) ? "new" : "hidden"
          }
        let example = (second.runs + first.runs).first(where: isShown)
        func total(_ rates: [[String]: (hits: Int, runs: Int)]) -> [Int] {
          [rates.values.reduce(0) { $0 + $1.hits }, rates.values.reduce(0) { $0 + $1.runs }]
        }
        return Finding(
          fingerprint: fingerprint, outcome: runs[0].outcome.rawValue, summary: runs[0].summary,
          verdict: verdict, first: total(left), second: total(right),
          likelihood: chance.likelihood, holds: false, run: example?.folder ?? "",
          store: example?.store ?? "", least: chance.least)
      }
  }
}
