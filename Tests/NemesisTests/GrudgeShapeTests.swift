// Who is cut from whom, and when: the shapes and the plan.

import Foundation
import History
import Hosts
import Support
import Systems
import Testing
import Workloads

@testable import Nemesis

@Suite struct GrudgeShapeTests {
  private func nodes(_ count: Int) -> [String] { (1...count).map { "n\($0)" } }

  /// The nodes that `node` still hears, itself among them.
  private func heard(_ node: String, _ grudge: Grudge, _ nodes: [String]) -> Set<String> {
    Set(nodes).subtracting(grudge.dropped[node] ?? [])
  }

  @Test("each shape cuts what it says", arguments: Seed.some(40))
  func shapes(seed: Seed) throws {
    var random = Hosts.SplitMix64(seed: seed.number)
    for count in [3, 4, 5, 7] {
      let all = nodes(count)
      let majority = count / 2 + 1
      let one = try #require(PartitionShape.one.grudge(nodes: all, leader: nil, using: &random))
      #expect(one.cuts.count == 2 * (count - 1))
      let leader = try #require(
        PartitionShape.leaderMinority.grudge(nodes: all, leader: 1, using: &random))
      #expect(heard("n2", leader, all).count < majority)
      #expect(all.contains { heard($0, leader, all).count >= majority })
      let halves = try #require(
        PartitionShape.halves.grudge(nodes: all, leader: nil, using: &random))
      #expect(all.count { heard($0, halves, all).count >= majority } >= majority)
      let oneWay = try #require(
        PartitionShape.oneWay.grudge(nodes: all, leader: nil, using: &random))
      #expect(oneWay.cuts.count == count - 1 && oneWay.dropped.count == 1)
    }
    #expect(
      PartitionShape.leaderMinority.grudge(nodes: nodes(3), leader: nil, using: &random) == nil)
  }

  @Test("on the ring each hears a majority, and no two the same", arguments: [4, 5, 6, 7, 9])
  func ring(count: Int) throws {
    var random = Hosts.SplitMix64(seed: 1)
    let all = nodes(count)
    let ring = try #require(
      PartitionShape.majoritiesRing.grudge(nodes: all, leader: nil, using: &random))
    let heardSets = all.map { heard($0, ring, all) }
    #expect(heardSets.allSatisfy { $0.count >= count / 2 + 1 && $0.count < count || count == 4 })
    if count > 4 { #expect(Set(heardSets).count == count) }
  }

  @Test("on the fringe each hears one of a majority, and named nodes hear one another alone")
  func fringe() throws {
    var random = Hosts.SplitMix64(seed: 1)
    let all = nodes(5)
    let fringe = try #require(
      PartitionShape.fringe.grudge(nodes: all, leader: nil, using: &random))
    let counts = all.map { heard($0, fringe, all).count }.sorted()
    #expect(counts == [2, 2, 3, 4, 4])
    #expect(fringe.cuts.allSatisfy { fringe.cuts.contains(Link(from: $0.to, to: $0.from)) })
    let named = try #require(PartitionShape(rawValue: "n1+n4"))
    let split = try #require(named.grudge(nodes: all, leader: nil, using: &random))
    #expect(heard("n1", split, all) == ["n1", "n4"] && heard("n2", split, all).count == 3)
    #expect(named.grudge(nodes: nodes(3), leader: nil, using: &random) == nil)
    for shape in PartitionShape.allCases + [named] {
      #expect(PartitionShape(rawValue: shape.rawValue) == shape)
    }
  }

  @Test("a minority of an even cluster leaves a majority")
  func minority() {
    var random = Hosts.SplitMix64(seed: 1)
    #expect(NodeTarget.minority.nodes(among: Targets(names: nodes(4)), using: &random)?.count == 1)
    #expect(NodeTarget.minority.nodes(among: Targets(names: nodes(5)), using: &random)?.count == 2)
    #expect(NodeTarget.minority.nodes(among: Targets(names: nodes(1)), using: &random) == nil)
  }

  @Test("a plan follows from its seed, ends in time, and tries every choice")
  func plan() throws {
    let workload = try WorkloadFile.parse(
      """
      time: 60s
      faults:
        - {partition: [one, halves, leader-minority], every: 5s, for: 3s}
        - {kill: [one, all], every: 7s, for: 2s}
      """, file: "w.yaml")
    let plan = Plan.draw(for: workload, seed: 9)
    #expect(plan == Plan.draw(for: workload, seed: 9))
    #expect(plan != Plan.draw(for: workload, seed: 10))
    #expect(plan.map(\.fault) == Array(1...plan.count))
    #expect(plan.allSatisfy { $0.atMilliseconds + $0.forMilliseconds <= 58_000 })
    #expect(Set(plan.map(\.choice)) == ["one", "halves", "leader-minority", "all"])
  }

  @Test("a fault that was carried out says whom it hit, and a plan can be pinned to that")
  func pinned() throws {
    let line = #"""
      {"atMilliseconds":5,"choice":"one","fault":1,"forMilliseconds":9,"kind":"kill","seed":3}
      """#
    let planned = try #require(try Plan.read(Data(line.utf8)).first)
    #expect(planned.nodes == nil && planned.cuts == nil)
    let names = Value.list([.text("n2"), .text("n4")])
    let cuts = Value.list([.text("n1→n2"), .text("no link"), .integer(3)])
    let pinned = planned.pinned(to: [
      Event.Detail("target", .text("one")), Event.Detail("nodes", names),
      Event.Detail("cut", cuts), Event.Detail("late", .integer(5)),
    ])
    #expect(pinned.nodes == ["n2", "n4"] && pinned.cuts == [Link(from: "n1", to: "n2")])
    #expect(try Plan.read(try Plan.jsonLines([pinned])) == [pinned])
    #expect(Grudge(cuts: [Link(from: "n1", to: "n2")]).dropped == ["n2": ["n1"]])
  }

  @Test("a plan that is no plan, or too much of one, is refused with its line")
  func refusedPlans() throws {
    let line =
      #"{"atMilliseconds":5,"choice":"one","fault":1,"forMilliseconds":9,"kind":"kill","seed":3}"#
    for broken in [
      "x", line, line.replacing(":5,", with: ":-5,"),
      line.replacing(":9,", with: ":9223372036854775807,"),
    ] {
      #expect(throws: PlanError(line: 2)) { try Plan.read(Data("\(line)\n\(broken)\n".utf8)) }
    }
    let numbered = (1...100_001).map {
      #"{"atMilliseconds":5,"choice":"one","fault":\#($0),"forMilliseconds":9,"kind":"kill","seed":3}"#
    }
    let endless = Data(numbered.joined(separator: "\n").utf8)
    #expect(throws: PlanError(line: 100_001)) { try Plan.read(endless) }
  }

  @Test("targets are words, or names; how far nodes are tells the last, and who learns")
  func targets() throws {
    var random = Hosts.SplitMix64(seed: 1)
    let targets = Targets(
      names: nodes(3), leader: 2,
      standings: [
        NodeStanding(node: 0, lastIndex: 9, isLearner: false, sinceVote: .seconds(1)),
        NodeStanding(node: 1, lastIndex: 4, isLearner: true, sinceVote: .seconds(2)),
      ], held: [2])
    func hit(_ text: String) -> [Int]? {
      NodeTarget(rawValue: text)?.nodes(among: targets, using: &random)
    }
    #expect(hit("most-behind") == [1] && hit("learners") == [1])
    #expect(hit("last-to-vote") == [0] && hit("held") == [2])
    #expect(hit("leader") == [2] && hit("followers") == [0, 1])
    #expect(hit("n3+n1") == [0, 2] && hit("n7") == nil)
    for target in NodeTarget.allCases + [.named(["n1", "db-4"])] {
      #expect(NodeTarget(rawValue: target.rawValue) == target)
    }
    for text in ["", "two", "n1+", "n1+n1", "1", "n 1", "n1;x2"] {
      #expect(NodeTarget(rawValue: text) == nil, "\(text)")
    }
    #expect(
      NodeTarget.mostBehind.nodes(among: Targets(names: nodes(3)), using: &random) == nil)
  }

  @Test("a line's faults begin where it says: at times, or from one time to another")
  func times() throws {
    let workload = try WorkloadFile.parse(
      """
      time: 60s
      faults:
        - {kill: n1, at: [7s, 59s, 3s], for: 2s}
        - {pause: leader, after: 20s, until: 40s, every: 4s, for: 1s}
        - {abort: one, every: 3s, for: 1s, spread: random}
      """, file: "w.yaml")
    #expect(try WorkloadFile.parse(workload.yaml, file: "again") == workload)
    let plan = Plan.draw(for: workload, seed: 4)
    #expect(plan.filter { $0.kind == "kill" }.map(\.atMilliseconds) == [3000, 7000])
    let pauses = plan.filter { $0.kind == "pause" }
    #expect(pauses.count >= 3)
    #expect(pauses.allSatisfy { $0.atMilliseconds >= 20_000 && $0.atMilliseconds <= 39_000 })
    let aborts = plan.filter { $0.kind == "abort" }.map(\.atMilliseconds)
    let gaps = zip(aborts.dropFirst(), aborts).map { $0 - $1 }
    #expect(gaps.contains { $0 < 2000 } && gaps.contains { $0 > 4000 }, "\(gaps)")
  }
}
