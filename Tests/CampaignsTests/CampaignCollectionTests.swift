// Parts put together as one campaign: each run once, whatever happened in between.

import Bench
import Foundation
import Testing

@testable import Campaigns

@Suite struct CampaignCollectionTests {
  private let campaign = Campaign.made(seeds: 2)

  /// A campaign's folder that can be worked on, as its controller would.
  private struct Worked {
    let folder: CampaignFolder

    /// A part of `campaign`, begun in a store of its own.
    init(_ part: Int, of campaign: Campaign, in path: String) throws {
      folder = try CampaignFolder.make(
        in: "\(path)/\(part)", for: campaign, shard: Shard(number: part, count: 2))
      try note(.session(time: "20261128T02000\(part)"))
    }

    init(_ folder: CampaignFolder) { self.folder = folder }

    func note(_ event: CampaignEvent) throws { try Journal.open(folder.journal).0.append(event) }

    /// One try of its only run, or of that one.
    func end(_ outcome: RunOutcome, attempt: Int = 1, run: CellRun? = nil) throws {
      let plan = try folder.readPlan()
      let run = try run ?? #require(CampaignState(plan.campaign, shard: plan.shard).planned.first)
      let place = "g/20261128T021500-\(run.seed)-\(outcome.rawValue)"
      try FileManager.default.createDirectory(
        atPath: "\(folder.store)/\(place)/nodes", withIntermediateDirectories: true)
      try note(.begin(run: run, attempt: attempt, folder: place, reason: ""))
      let record = RunRecord(
        folder: place, outcome: outcome, summary: "", seconds: 1, loadSeconds: 1)
      try note(.end(run: run, attempt: attempt, record))
    }
  }

  private func withFolder(_ body: (String) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try await body(folder)
  }

  private func folders(in store: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: "\(store)/g").sorted()
  }

  @Test("what a part does after it was collected is taken in by collecting again, once")
  func again() async throws {
    try await withFolder { path in
      let (first, second) = (
        try Worked(1, of: campaign, in: path), try Worked(2, of: campaign, in: path)
      )
      let store = "\(path)/night"
      try second.end(.interrupted)
      try second.end(.benchFailure)
      let parts = [first.folder, second.folder]
      let whole = try await CampaignCollection.collect([second.folder], into: store)
      #expect(try whole.state().outcomes == [:] && whole.state().retried.count == 1)
      try first.end(.valid)
      try second.end(.violation, attempt: 2)
      for _ in 0..<2 {
        #expect(try await CampaignCollection.collect(parts, into: store) == whole)
        let state = try whole.state()
        #expect(state.outcomes == [.valid: 1, .violation: 1] && state.retried.count == 1)
        #expect(state.began == "20261128T020001")
      }
      #expect(CampaignFolder.all(in: store) == [whole])
      #expect(try folders(in: store).count == 3)
      // One that was begun anew is of another campaign.
      let anew = try Worked(1, of: campaign, in: path)
      try anew.end(.crash)
      let other = try await CampaignCollection.collect([anew.folder, second.folder], into: store)
      #expect(other != whole)
      #expect(try other.state().outcomes == [.crash: 1, .violation: 1])
    }
  }

  @Test("a run that was done here meanwhile stays, unless the part's has a finding, or a worse one")
  func meanwhile() async throws {
    try await withFolder { path in
      for (own, late, wanted) in [
        (RunOutcome.valid, RunOutcome.violation, RunOutcome.violation),
        (.violation, .valid, .violation), (.crash, .violation, .violation),
        (.objective, .violation, .violation), (.violation, .crash, .violation),
        (.valid, .benchFailure, .valid), (.benchFailure, .valid, .valid),
      ] {
        let place = "\(path)/\(own)-\(late)"
        let (first, second) = (
          try Worked(1, of: campaign, in: place), try Worked(2, of: campaign, in: place)
        )
        try first.end(.valid)
        let parts = [first.folder, second.folder]
        let whole = try await CampaignCollection.collect(parts, into: "\(place)/night")
        let left = try #require(try whole.state().waiting.first).run
        try Worked(whole).end(own, attempt: 2, run: left)
        try second.end(late, attempt: 1)
        _ = try await CampaignCollection.collect(parts, into: "\(place)/night")
        #expect(try whole.state().record(of: left)?.outcome == wanted, "\(own), then \(late)")
      }
    }
  }

  @Test("parts are not before the whole that was collected from them, nor is another whole of them")
  func before() async throws {
    try await withFolder { path in
      let earlier = try CampaignFolder.make(in: path, for: campaign, shard: .whole)
      let parts = try (1...2).map {
        try CampaignFolder.make(in: path, for: campaign, shard: Shard(number: $0, count: 2))
      }
      for part in parts { try Worked(part).end(.valid) }
      // Folders are in the order of the seconds that they were made in.
      try await Task.sleep(for: .milliseconds(1100))
      let first = try await CampaignCollection.collect(parts, into: path)
      #expect(first.name > parts[1].name && parts[1].name > earlier.name)
      #expect(try first.before(14) == [earlier])
      try await Task.sleep(for: .milliseconds(1100))
      let part = try CampaignFolder.make(
        in: path, for: campaign, shard: Shard(number: 1, count: 2))
      #expect(try part.before(14) == [parts[0]])
      try Worked(part).end(.valid)
      try await Task.sleep(for: .milliseconds(1100))
      let second = try await CampaignCollection.collect([part, parts[1]], into: path)
      #expect(second != first)
      #expect(try second.before(14) == [earlier])
    }
  }

  @Test("numbers that no campaign has are refused, wherever its file comes from")
  func bounds() async throws {
    try await withFolder { path in
      for runs in [Int.min, -1, .max] {
        var bad = campaign
        bad.runs = runs
        #expect(bad.problem != nil)
      }
      let folder = try CampaignFolder.make(in: path, for: campaign, shard: .whole)
      var plan = try folder.readPlan()
      plan.shard = Shard(number: 1, count: .max)
      try folder.write(plan)
      #expect(throws: BenchError.self) { try folder.readPlan() }
    }
  }

  @Test("a collection that is cut short anywhere is gone on with, and leaves no run twice")
  func cutShort() async throws {
    try await withFolder { path in
      let part = try Worked(1, of: campaign, in: path)
      try part.end(.valid)
      let store = "\(path)/night"
      let whole = try await CampaignCollection.collect([part.folder], into: store)
      let lines = try String(contentsOfFile: whole.journal, encoding: .utf8)
        .split(separator: "\n", omittingEmptySubsequences: false).dropLast()
      #expect(lines.count == 4)
      for length in 0...lines.count {
        for isCopied in [false, true] {
          let text = lines.prefix(length).map { "\($0)\n" }.joined()
          try Data(text.utf8).write(to: URL(filePath: whole.journal))
          // Whether the copy was there is known from the third line on.
          if !isCopied, length < 3 { try? FileManager.default.removeItem(atPath: "\(store)/g") }
          if isCopied, length < 2 { continue }
          #expect(try await CampaignCollection.collect([part.folder], into: store) == whole)
          #expect(try whole.state().outcomes == [.valid: 1], "after \(length) lines")
          #expect(try folders(in: store).count == 1, "after \(length) lines")
        }
      }
    }
  }
}
