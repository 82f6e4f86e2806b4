// Comparisons of made-up runs whose truth is known.

import Bench
import Checkers
import Foundation
import History
import Hosts
import Support
import Testing

@testable import Campaigns

@Suite struct ComparisonTests {
  /// A run with this latency of a write, and this processor time an operation in microseconds.
  private func run(
    seed: Int, latency: Double, processor: Double, fingerprint: String? = nil,
    outcome: RunOutcome = .violation, group: String = "w", plan: String = ""
  ) throws -> ComparedRun {
    let results = """
      {"outcome": "valid", "verdict": "valid", "summary": "", "checks": [],
       "functions": [{"function": "write", "ok": 1000, "fail": 0, "info": 0,
         "latency": {"p50": \(latency), "p95": \(latency * 2), "p99": \(latency * 3),
           "max": \(latency * 9)}}],
       "availability": {"available": 1, "isMeasured": true, "longestGap": 0, "recoveries": []},
       "faults": [], "phases": [{"name": "load", "seconds": 8}], "leaders": [], "crashes": [],
       "problems": [], "missing": [], "worstLag": 0, "build": "",
       "processorSeconds": \(processor * 1000 / 1e6)}
      """
    return ComparedRun(
      key: PairKey(group: group, plan: plan, seed: "\(seed)"), store: "", folder: "f\(seed)",
      outcome: fingerprint == nil ? .valid : outcome, summary: "", fingerprint: fingerprint,
      results: try JSONDecoder().decode(RunResults.self, from: Data(results.utf8)))
  }

  private func side(
    _ name: String, runs: Int, seed: Seed, noise: Double = 0.05, slower: Double = 1,
    findings: Int = 0
  ) throws -> ComparedSide {
    var random = SplitMix64(seed)
    var side = ComparedSide(name, [])
    for place in 0..<runs {
      func noisy(_ value: Double) -> Double {
        value * (1 + Double.random(in: -noise...noise, using: &random))
      }
      side.runs.append(
        try run(
          seed: place, latency: noisy(1.5), processor: noisy(40) * slower,
          fingerprint: place < findings ? "abc" : nil))
    }
    return side
  }

  @Test("a build beside itself is a regression as seldom as is said: once in a hundred times")
  func same() throws {
    let alarms = try (UInt64(0)..<200).count { round in
      let comparison = Comparison(
        try side("a", runs: 12, seed: Seed(round)),
        try side("b", runs: 12, seed: Seed(round + 1000)))
      #expect(comparison.pairs == 12 && !comparison.hasNewViolation)
      return comparison.isRegression
    }
    #expect(alarms <= 6, "\(alarms) of 200")
  }

  @Test("a tenth more processor time is seen, with its size; the other way round it is better")
  func slower() throws {
    var (seen, strangers) = (0, 0)
    for round in UInt64(0)..<100 {
      let before = try side("a", runs: 14, seed: Seed(round))
      let now = try side("b", runs: 14, seed: Seed(round + 1000), slower: 1.1)
      let comparison = Comparison(before, now)
      let worse = comparison.differences.filter { $0.verdict == "regression" }
      strangers += worse.count { $0.measure != "processor time an operation" }
      guard let own = worse.first(where: { $0.measure == "processor time an operation" }) else {
        continue
      }
      seen += 1
      #expect(abs(own.effect - 0.1) < 0.08 && own.interval[0] < own.effect)
      let back = Comparison(now, before)
      #expect(
        back.differences.contains { $0.measure == own.measure && $0.verdict == "improvement" })
    }
    #expect(seen >= 95 && strangers <= 6, "\(seen) seen, \(strangers) of others")
  }

  @Test("a difference below what counts is none, however sure")
  func small() throws {
    let comparison = Comparison(
      try side("a", runs: 14, seed: Seed(1), noise: 0.0001),
      try side("b", runs: 14, seed: Seed(2), noise: 0.0001, slower: 1.02))
    #expect(!comparison.isRegression)
  }

  @Test("findings are new, gone, known, and count by their rate")
  func findings() throws {
    func findings(_ before: Int, _ now: Int) throws -> (String, Bool, Bool) {
      let comparison = Comparison(
        try side("a", runs: 12, seed: Seed(1), findings: before),
        try side("b", runs: 12, seed: Seed(2), findings: now))
      return (
        comparison.findings.first?.verdict ?? "", comparison.isRegression,
        comparison.hasNewViolation
      )
    }
    #expect(try findings(0, 12) == ("new", true, true))
    #expect(try findings(0, 1) == ("new", false, true))
    #expect(try findings(3, 0) == ("gone", false, false))
    #expect(try findings(3, 4) == ("known", false, false))
    #expect(try findings(1, 12) == ("more often", true, false))
    #expect(try findings(0, 0) == ("", false, false))
  }

  @Test("runs of other plans are no pairs, and nothing is said of them")
  func strangers() throws {
    var other = try side("b", runs: 3, seed: Seed(2))
    for place in other.runs.indices { other.runs[place].key.plan = "another" }
    let comparison = Comparison(try side("a", runs: 3, seed: Seed(1)), other)
    #expect(comparison.pairs == 0 && comparison.differences.isEmpty)
    #expect(comparison.conclusion.contains("nothing to compare"))
    let unmatched = comparison.unmatched.map { [$0.first, $0.second, $0.failed] }
    #expect(unmatched == [[3, 3, 0]] && comparison.failed == 0)
    // Nodes that do not even start are the bench's failure, and not nothing.
    for place in other.runs.indices { other.runs[place].outcome = .benchFailure }
    #expect(Comparison(try side("a", runs: 3, seed: Seed(1)), other).failed == 3)
  }

  @Test("one pair of runs does not hide that the bench failed in the others")
  func failures() throws {
    var (before, now) = (ComparedSide("a", []), ComparedSide("b", []))
    for (group, failing) in [("sound", 20..<20), ("failing", 1..<4)] {
      for seed in 0..<20 {
        before.runs.append(
          try run(
            seed: seed, latency: 1, processor: 40,
            fingerprint: group == "failing" && seed == 2 ? "abc" : nil, group: group))
        // It is left alone after three of them.
        if group == "failing", seed >= 4 { continue }
        var late = try run(seed: seed, latency: 1, processor: 40, group: group)
        if failing.contains(seed) { late.outcome = .benchFailure }
        now.runs.append(late)
      }
    }
    let comparison = Comparison(before, now)
    #expect(comparison.pairs == 21 && comparison.failed == 3 && comparison.isUndecided)
    #expect(comparison.conclusion == "undecided: in 3 of b's runs the bench failed")
    #expect(comparison.unmatched.map { [$0.first, $0.second, $0.failed] } == [[19, 0, 3]])
    // Nobody has looked there.
    #expect(comparison.findings.map(\.verdict) == ["not tried"])
    #expect(Comparison(before, before).failed == 0)
  }

  @Test("a finding of cells that were run less often before has no higher rate for that")
  func cells() throws {
    var (before, now) = (ComparedSide("a", []), ComparedSide("b", []))
    for cell in 0..<23 {
      let fingerprint = cell < 3 ? "abc" : nil
      for _ in 0..<(cell < 3 ? 1 : 14) {
        before.runs.append(
          try run(
            seed: 1, latency: 1, processor: 40, fingerprint: fingerprint, group: "cell \(cell)"))
      }
      now.runs.append(
        try run(
          seed: 1, latency: 1, processor: 40, fingerprint: fingerprint, group: "cell \(cell)"))
    }
    let finding = try #require(Comparison(before, now).findings.first)
    #expect(finding.verdict == "known" && !finding.holds && finding.first == [3, 283])
  }

  @Test("a finding is not gone where nobody looked for it")
  func untried() throws {
    let before = ComparedSide(
      "a", [try run(seed: 1, latency: 1, processor: 40, fingerprint: "abc", group: "one")])
    let now = ComparedSide("b", [try run(seed: 1, latency: 1, processor: 40, group: "other")])
    #expect(Comparison(before, now).findings.map(\.verdict) == ["not tried"])
  }

  @Test("a finding is not gone where nobody looked in its own workload, though others were run")
  func untriedCell() throws {
    let before = ComparedSide(
      "a",
      [
        try run(seed: 1, latency: 1, processor: 40, fingerprint: "abc", group: "one"),
        try run(seed: 1, latency: 1, processor: 40, group: "other"),
      ])
    var now = ComparedSide("b", [try run(seed: 1, latency: 1, processor: 40, group: "other")])
    #expect(Comparison(before, now).findings.map(\.verdict) == ["not tried"])
    now.runs.append(try run(seed: 1, latency: 1, processor: 40, group: "one"))
    #expect(Comparison(before, now).findings.map(\.verdict) == ["gone"])
  }

  @Test("inconclusive runs show neither that a finding is gone nor that nothing is worse")
  func inconclusive() throws {
    var (before, now) = (
      try side("a", runs: 12, seed: Seed(1), findings: 3), try side("b", runs: 12, seed: Seed(2))
    )
    for place in now.runs.indices { now.runs[place].outcome = .inconclusive }
    var comparison = Comparison(before, now)
    #expect(comparison.findings.map(\.verdict) == ["not tried"])
    #expect(comparison.undecided == ["w"])
    #expect(comparison.conclusion.hasPrefix("undecided"))
    // Not the plan that had it.
    now.runs[11].outcome = .valid
    #expect(Comparison(before, now).findings.map(\.verdict) == ["not tried"])
    now.runs[0].outcome = .valid
    comparison = Comparison(before, now)
    #expect(comparison.findings.map(\.verdict) == ["gone"])
    #expect(comparison.undecided.isEmpty && comparison.conclusion == "no regression")
    // Where it was so before too nothing has got worse.
    for place in before.runs.indices { before.runs[place].outcome = .inconclusive }
    for place in now.runs.indices { now.runs[place].outcome = .inconclusive }
    #expect(Comparison(before, now).undecided.isEmpty)
  }

  @Test("what something worse hid before is no rise of its rate")
  func hidden() throws {
    var (before, now) = (ComparedSide("a", []), ComparedSide("b", []))
    for seed in 0..<12 {
      before.runs.append(try run(seed: seed, latency: 1, processor: 40, fingerprint: "abc"))
      now.runs.append(
        try run(
          seed: seed, latency: 1, processor: 40, fingerprint: "def", outcome: .objective))
    }
    let comparison = Comparison(before, now)
    #expect(comparison.findings.map(\.verdict) == ["gone", "hidden"])
    #expect(!comparison.isRegression && !comparison.hasNewViolation)
    #expect(Comparison(now, before).isRegression)
  }
}
