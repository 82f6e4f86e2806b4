// When faults may be on together, and how much of a cluster they may take.

import Foundation
import Hosts
import Support
import Systems
import Testing
import Workloads

@testable import Nemesis

@Suite("schedule") struct ScheduleTests {
  private func spans(_ plan: [PlannedFault]) -> [Range<Int>] {
    plan.map { $0.atMilliseconds..<($0.atMilliseconds + $0.forMilliseconds) }
  }

  private func mostAtOnce(_ spans: [Range<Int>]) -> Int {
    spans.map { span in spans.count { $0.contains(span.lowerBound) } }.max() ?? 0
  }

  private static func workload(_ more: String) throws -> Workload {
    try WorkloadFile.parse(
      """
      time: 120s
      faults:
        - {partition: [one, halves], every: 4s, for: 3s, group: a}
        - {kill: [one, all], every: 5s, for: 3s, group: a}
        - {pause: [one], every: 3s, for: 2s}
      \(more)
      """, file: "w.yaml")
  }

  @Test("faults of one group are never on together, and others are", arguments: Seed.some(20))
  func groups(seed: Seed) throws {
    let plan = Plan.draw(for: try Self.workload(""), seed: seed.number)
    let grouped = spans(plan.filter { $0.kind != "pause" })
    #expect(mostAtOnce(grouped) == 1)
    #expect(mostAtOnce(spans(plan)) == 2)
    #expect(grouped.count > 20)
    #expect(plan.allSatisfy { $0.atMilliseconds + $0.forMilliseconds <= 118_000 })
    #expect(plan.map(\.atMilliseconds) == plan.map(\.atMilliseconds).sorted())
    #expect(plan.map(\.fault) == Array(1...plan.count))
  }

  @Test("no more are on at once than may be, and none in quiet times", arguments: Seed.some(20))
  func limits(seed: Seed) throws {
    let plan = Plan.draw(
      for: try Self.workload("schedule: {at-once: 1, quiet: {every: 15s, for: 6s}}"),
      seed: seed.number)
    #expect(mostAtOnce(spans(plan)) == 1)
    #expect(plan.count > 10)
    for span in spans(plan) {
      // Each stretch of fifteen seconds ends with six quiet ones.
      #expect(span.lowerBound / 15_000 == (span.upperBound - 1) / 15_000)
      #expect(span.upperBound % 15_000 <= 9_000 && span.upperBound % 15_000 > 0)
    }
  }

  @Test("a plan keeps what a fault waits for, and one that was carried out waits no more")
  func waits() throws {
    let workload = try WorkloadFile.parse(
      """
      time: 60s
      faults:
        - {kill: leader, every: 10s, for: 3s, when: level, heal-when: no-leader}
      """, file: "w.yaml")
    let plan = Plan.draw(for: workload, seed: 3)
    #expect(plan.allSatisfy { $0.when == .level && $0.healWhen == .noLeader })
    #expect(plan.allSatisfy { $0.withinMilliseconds == 10_000 })
    // The longest wait is over, and the fault healed, before the quiet end.
    #expect(plan.allSatisfy { $0.atMilliseconds + 13_000 <= 58_000 })
    #expect(try Plan.read(try Plan.jsonLines(plan)) == plan)
    let first = try #require(plan.first)
    let pinned = first.pinned(to: [
      .init("nodes", .list([.text("n2")])), .init("waited", .integer(1234)),
      .init("lasted", .integer(77)),
    ])
    #expect(pinned.atMilliseconds == first.atMilliseconds + 1234 && pinned.when == nil)
    #expect(pinned.forMilliseconds == 77 && pinned.healWhen == nil && pinned.nodes == ["n2"])
  }

  @Test("a quorum is left while one node hears, both ways, a majority that runs")
  func quorums() {
    func cuts(_ pairs: [(Int, Int)]) -> Set<[Int]> { Set(pairs.map { [$0.0, $0.1] }) }
    #expect(Harm().leavesQuorum(of: 1))
    #expect(Harm(down: [0, 1]).leavesQuorum(of: 5))
    #expect(!Harm(down: [0, 1, 2]).leavesQuorum(of: 5))
    #expect(!Harm(down: [0, 1]).leavesQuorum(of: 4))
    #expect(!Harm(down: [0, 1], inTurn: [[0, 1, 2]]).leavesQuorum(of: 5))
    #expect(Harm(down: [0, 1], inTurn: [[0, 1]]).leavesQuorum(of: 5))
    #expect(!Harm(inTurn: [[1], [2]]).leavesQuorum(of: 3))
    #expect(Harm(inTurn: [[1, 2], [0, 1]]).leavesQuorum(of: 5))
    // One direction is as bad as both: who is not answered cannot lead.
    #expect(!Harm(cuts: cuts([(0, 1), (1, 2), (2, 0)])).leavesQuorum(of: 3))
    #expect(Harm(cuts: cuts([(0, 1), (0, 2)])).leavesQuorum(of: 3))
    #expect(!Harm(down: [1], cuts: cuts([(0, 2)])).leavesQuorum(of: 3))
    // On a ring of five each hears two others: that is a majority.
    let ring = (0..<5).flatMap { [($0, ($0 + 2) % 5), ($0, ($0 + 3) % 5)] }
    #expect(Harm(cuts: cuts(ring)).leavesQuorum(of: 5))
    #expect(Harm(down: [0], cuts: cuts(ring)).leavesQuorum(of: 5))
    #expect(!Harm(down: [0, 2], cuts: cuts(ring)).leavesQuorum(of: 5))
  }

  @Test("an envelope refuses what is too much, with all that is on")
  func envelopes() {
    let two = Harm(down: [0, 1], unsynced: [0, 1])
    #expect(Envelope.quorum.refusal(of: two, nodes: 5) == nil)
    #expect(Envelope.quorum.refusal(of: two + Harm(down: [4]), nodes: 5) != nil)
    #expect(Envelope.quorum.refusal(of: Harm(synced: [1]), nodes: 5) != nil)
    #expect(Envelope.minorityDurable.refusal(of: two, nodes: 5) == nil)
    #expect(Envelope.minorityDurable.refusal(of: two + Harm(synced: [2]), nodes: 5) != nil)
    #expect(Envelope.minorityDurable.refusal(of: Harm(down: [0, 1, 2]), nodes: 3) == nil)
    #expect(Envelope.anything.refusal(of: .everything(0..<3), nodes: 3) == nil)
    #expect(Envelope.quorum.refusal(of: .everything(0..<3), nodes: 3) != nil)
  }
}
