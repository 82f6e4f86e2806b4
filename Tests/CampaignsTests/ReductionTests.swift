// Shrinking and bisecting, with made-up systems whose bug is known.

import Foundation
@testable import Nemesis
import Support
import Testing
import Workloads

@testable import Campaigns

@Suite struct ReductionTests {
  private func whole(faults: Int) throws -> Reproduction {
    let workload = try WorkloadFile.parse(
      """
      nodes: 5
      clients: 16
      time: 30s
      workload: {name: register, keys: 8}
      faults: [{kill: one, every: 5s}, {pause: one, every: 5s}]
      """, file: "w.yaml")
    let plan = (0..<faults).map { place in
      PlannedFault(
        fault: place + 1, kind: place % 2 == 0 ? "kill" : "pause", choice: "one",
        atMilliseconds: 1000 * place, forMilliseconds: 500, seed: UInt64(place))
    }
    return Reproduction(workload: workload, plan: plan)
  }

  @Test("of many faults those stay that are needed, and nothing else", arguments: Seed.some(50))
  func shrinks(seed: Seed) async throws {
    var random = SplitMix64(seed)
    let whole = try whole(faults: 20)
    let needed = Set(
      (0..<Int.random(in: 0...3, using: &random)).map { _ in
        Int.random(in: 1...20, using: &random)
      })
    let (nodes, clients) = (
      [3, 5].randomElement(using: &random) ?? 3, Int.random(in: 2...16, using: &random)
    )
    var tries = 0
    let smallest = try await Shrinker { reproduction in
      tries += 1
      let isShown =
        needed.isSubset(of: reproduction.plan.map(\.fault))
        && reproduction.workload.nodes >= nodes && reproduction.workload.clients >= clients
      return isShown ? Showing(at: [.seconds(29)]) : nil
    }.shrink(whole, shown: Showing(at: [.seconds(29)]))
    #expect(Set(smallest.plan.map(\.fault)) == needed)
    #expect(smallest.workload.nodes == nodes)
    #expect(smallest.workload.clients >= clients && smallest.workload.clients / 2 < clients)
    #expect(smallest.workload.load.keys == 1)
    let kinds = Set(smallest.workload.faults.map(\.kind.name))
    #expect(kinds == Set(smallest.plan.map(\.kind)))
    #expect(tries < 120)
  }

  @Test("what comes after the finding goes first")
  func cut() async throws {
    let whole = try whole(faults: 20)
    var first: Reproduction?
    _ = try await Shrinker { reproduction in
      if first == nil { first = reproduction }
      return nil
    }.shrink(whole, shown: Showing(at: [.seconds(8)]))
    #expect(first?.workload.time == .seconds(10))
    #expect(first?.plan.count == 10)
  }

  @Test("a fault that goes on when the finding shows itself stays, to its end")
  func fault() async throws {
    var whole = try whole(faults: 20)
    whole.plan[9].forMilliseconds = 5000
    let cut = whole.upTo(.milliseconds(9500))
    #expect(cut.plan.map(\.fault) == Array(1...10) && cut.workload.time == .milliseconds(14001))
    #expect(whole.upTo(.seconds(9)).workload.time == .seconds(9))
    #expect(whole.upTo(.seconds(29)).plan.count == 20 && whole.upTo(.seconds(31)) == whole)
  }

  @Test("of a finding that comes sooner and later the short runs are tried first")
  func soonest() async throws {
    let whole = try whole(faults: 20)
    var lengths: [Duration] = []
    _ = try await Shrinker { reproduction in
      lengths.append(reproduction.workload.time)
      return nil
    }.shrink(whole, shown: Showing(at: [.seconds(13), .seconds(7), .seconds(25), .seconds(6)]))
    // Nine seconds are about as short as eight, and 27 about as long as the whole.
    #expect(lengths.prefix { $0 < whole.workload.time } == [.seconds(8), .seconds(15)])
  }

  @Test("a finding that comes sooner makes runs shorter, and one that comes late does not")
  func shortens() async throws {
    let whole = try whole(faults: 20)
    var lengths: [Duration] = []
    let smallest = try await Shrinker { reproduction in
      lengths.append(reproduction.workload.time)
      // The fewer clients, the sooner.
      return Showing(at: [.milliseconds(500 * reproduction.workload.clients)])
    }.shrink(whole, shown: Showing(at: [.seconds(29)]))
    #expect(smallest.workload.time < .seconds(5) && smallest.plan.isEmpty)
    #expect(zip(lengths, lengths.dropFirst()).allSatisfy { $0 >= $1 })
  }

  @Test(
    "what shows a finding as often as it should is kept, what does half as often is not",
    arguments: [0.1, 0.46, 0.63, 1])
  func rates(rate: Double) {
    var random = SplitMix64(Seed(UInt64(rate * 100)))
    for (share, allowed) in [(1.0, 0.25), (0.5, 0.2), (0.0, 0.0)] {
      var (wrong, runs) = (0, 0)
      for _ in 0..<1000 {
        var test = RateTest(rate: rate, error: 0.05)
        while test.verdict == nil {
          test.add(isShown: Double.random(in: 0..<1, using: &random) < rate * share)
          runs += 1
        }
        if test.verdict != (share == 1) { wrong += 1 }
      }
      #expect(Double(wrong) <= 1000 * allowed, "\(share) of the rate: \(wrong) of 1000 wrong")
      #expect(Double(runs) / 1000 <= 10 / rate, "\(share) of the rate: \(runs) runs for 1000")
    }
  }

  @Test("bisecting names the first bad commit, though the bad ones show it seldom")
  func bisects() {
    var wrong = 0
    for round in 0..<300 {
      var random = SplitMix64(Seed(UInt64(round)))
      let commits = (0..<32).map { "c\($0)" }
      let truth = Int.random(in: 0..<32, using: &random)
      let rate = Double.random(in: 0.2...1, using: &random)
      func shows(_ place: Int) -> Bool {
        place >= truth && Double.random(in: 0..<1, using: &random) < rate
      }
      var (hits, runs) = (0, 0)
      while hits < 3 {
        runs += 1
        if shows(31) { hits += 1 }
      }
      var bisection = Bisection(
        commits, rate: Bisection.leastRate(hits: hits, runs: runs), error: 0.05)
      while let place = bisection.next {
        bisection.judge(place, isBad: (0..<bisection.runsEach).contains { _ in shows(place) })
      }
      if bisection.suspects != ["c\(truth)"] { wrong += 1 }
    }
    // A twentieth is promised, and the bound on the rate fails one time of ten.
    #expect(wrong <= 20, "\(wrong) of 300 wrong")
  }

  @Test("commits that cannot be built are suspects with their neighbours, no more")
  func skips() {
    var bisection = Bisection((0..<8).map { "c\($0)" }, rate: 1, error: 0.05)
    var asked = 0
    while let place = bisection.next {
      asked += 1
      bisection.judge(place, isBad: (3...4).contains(place) ? nil : place >= 4)
    }
    #expect(bisection.suspects == ["c3", "c4", "c5"] && asked <= 8)
  }

  @Test("the least rate is what the table says")
  func leastRate() {
    // Nine of ten bounds: 3 of 3 is 0.1 ^ (1/3), 1 of 10 is 1 - 0.9 ^ (1/10).
    #expect(abs(Bisection.leastRate(hits: 3, runs: 3) - 0.46416) < 0.0001)
    #expect(abs(Bisection.leastRate(hits: 1, runs: 10) - 0.010481) < 0.0001)
    #expect(Bisection.leastRate(hits: 0, runs: 5) == 0)
  }
}
