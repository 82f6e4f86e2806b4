// A campaign of one cell, made up.

@testable import Campaigns

extension Campaign {
  /// One workload of that text, without faults, run with `seeds` seeds.
  static func made(
    seeds: Int, text: String = "", build: Build = Build(name: "x", path: "/x", sum: "1"),
    retries: Int = 1
  ) -> Campaign {
    Campaign(
      name: "c", workloads: [Source(name: "w", text: text, system: .raftNode, kinds: [])],
      faults: [.none], builds: [build], nodes: [], seeds: seeds, firstSeed: 1, settings: [],
      cover: .full, retries: retries, quarantine: 9, findings: 9)
  }
}
