// Campaign files: the matrix they spell, and the one line for those that spell none.

import Foundation
import Testing

@testable import Campaigns
@testable import Workloads

@Suite struct CampaignFileTests {
  /// A folder with workload files of these names, each with all of these kinds of faults.
  static func withFolder<R>(
    _ workloads: [String: [String]], _ body: (String) throws -> R
  ) throws -> R {
    let folder = FileManager.default.temporaryDirectory.appending(path: "\(UUID())").path
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for (name, kinds) in workloads {
      let faults = kinds.map { "\n  - {\($0): one, every: 5s}" }.joined()
      let text = "system: raft-node\nfaults:\(faults.isEmpty ? " []" : faults)\n"
      try Data(text.utf8).write(to: URL(filePath: "\(folder)/\(name).yaml"))
    }
    return try body(folder)
  }

  static func campaign(_ text: String, in folder: String) throws -> Campaign {
    try CampaignFile.parse(
      text, file: "\(folder)/c.yaml", defaultBuild: "/proc/self/exe")
  }

  private func refusal(_ text: String) throws -> String {
    try Self.withFolder(["a": ["kill"], "b": []]) { folder in
      do {
        _ = try Self.campaign(text, in: folder)
        return "accepted"
      } catch {
        return "\(error)".replacing(folder, with: "")
      }
    }
  }

  @Test("cells are those that there can be, seeds come after one another")
  func matrix() throws {
    try Self.withFolder(["a": ["kill", "pause"], "b": ["partition"]]) { folder in
      let campaign = try Self.campaign(
        """
        workloads: [a.yaml, b.yaml]
        faults: [none, each, pause+kill, all]
        nodes: [3, 5]
        seeds: {first: 7, count: 2}
        time: 2s
        """, in: folder)
      let faults = Set(campaign.matrix.map { "\($0.workload) \($0.faults.name)" })
      #expect(
        faults == [
          "a none", "a kill", "a pause", "a kill+pause", "a all", "b none", "b partition", "b all",
        ])
      #expect(campaign.matrix.count == 16 && campaign.planned.count == 32)
      #expect(campaign.planned.prefix(16).allSatisfy { $0.seed == 7 })
      #expect(campaign.planned.suffix(16).allSatisfy { $0.seed == 8 })
      #expect(campaign.time == "2s" && campaign.builds.map(\.name) == ["exe"])
    }
  }

  @Test("what is wrong is said with its line, and what to do")
  func refusals() throws {
    #expect(try refusal("faults: [all]").contains("workloads: is missing; write a list"))
    #expect(try refusal("workloads: [c.yaml]").contains("/c.yaml: cannot be read"))
    #expect(
      try refusal("workloads: a.yaml\nfaults: [pause]").contains(
        "/c.yaml:2: faults: no workload has pause"))
    #expect(try refusal("workloads: a.yaml\nseeds: 0").contains("/c.yaml:2: seeds: 0 is no"))
    #expect(try refusal("workloads: a.yaml\nnodes: [3, x]").contains("nodes: x is no whole"))
    #expect(try refusal("workloads: a.yaml\ncover: some").contains("some is none of full"))
    #expect(try refusal("workloads: a.yaml\nbuilds: [no/such]").contains("/c.yaml:2: builds: "))
    #expect(try refusal("workloads: a.yaml\nbudgets: 1").contains("/c.yaml:2: unknown key budgets"))
    #expect(try refusal("workloads: [a.yaml, a.yaml]").contains("a second workload named a"))
    #expect(
      try refusal("workloads: [a.yaml, b.yaml]\nfaults: kill").contains("b has none of these"))
    #expect(try refusal("workloads: b.yaml\nfaults: none") == "accepted")
    #expect(
      try refusal("workloads: a.yaml\nbuilds: [/proc/self/exe, /proc/self/exe]").contains(
        "a second"))
    #expect(try refusal("workloads: a.yaml\nname: ../x").contains("use letters"))
  }

  @Test("in pairwise cover every two values meet that meet in the whole", arguments: 0..<20)
  func pairwise(seed: UInt64) throws {
    let kinds = ["kill", "pause", "partition"]
    let cells = ["a", "b", "c"].flatMap { workload in
      kinds.filter { workload != "c" || $0 != "pause" }.flatMap { kind in
        ["x", "y"].flatMap { build in
          [3, 5, 7].map { nodes in
            Cell(workload: workload, faults: .kinds([kind]), build: build, nodes: nodes)
          }
        }
      }
    }
    func pairs(_ cells: [Cell]) -> Set<[String]> {
      Set(
        cells.flatMap { cell in
          let values = [cell.workload, cell.faults.name, cell.build, "\(cell.nodes ?? 0)"]
          return values.flatMap { first in values.map { [first, $0] } }
        })
    }
    let chosen = Campaign.Cover.pairwise(of: cells, seed: seed)
    #expect(pairs(chosen) == pairs(cells))
    #expect(chosen.count <= 14, "of \(cells.count) cells")
  }
}
