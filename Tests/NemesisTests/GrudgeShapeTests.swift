// Who is cut from whom, and when: the shapes and the plan.

import Foundation
import History
import Hosts
import Support
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

  @Test("a minority of an even cluster leaves a majority")
  func minority() {
    var random = Hosts.SplitMix64(seed: 1)
    #expect(NodeTarget.minority.nodes(count: 4, leader: nil, using: &random)?.count == 1)
    #expect(NodeTarget.minority.nodes(count: 5, leader: nil, using: &random)?.count == 2)
    #expect(NodeTarget.minority.nodes(count: 1, leader: nil, using: &random) == nil)
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
}
