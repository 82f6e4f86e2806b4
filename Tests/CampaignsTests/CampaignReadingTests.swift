// A journal that grows, read on: the same as if it were read from its beginning each time.

import Bench
import Foundation
import Support
import Testing

@testable import Campaigns

@Suite struct CampaignReadingTests {
  private let campaign = Campaign.made(seeds: 40)

  private func with(_ body: (CampaignFolder) throws -> Void) throws {
    let store = FileManager.default.temporaryDirectory.appending(path: "\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: store) }
    try body(try CampaignFolder.make(in: store, for: campaign, shard: .whole))
  }

  /// The journal of a campaign whose runs end one after the other.
  private func journal(outcome: RunOutcome = .valid) throws -> Data {
    let events = CampaignState(campaign).planned.flatMap { run -> [CampaignEvent] in
      let record = RunRecord(
        folder: "g/\(run.seed)", outcome: outcome, summary: "", seconds: 2, loadSeconds: 1)
      return [
        .begin(run: run, attempt: 1, folder: "g/\(run.seed)", reason: "it is next"),
        .end(run: run, attempt: 1, record), .elapsed(seconds: Double(run.seed)),
      ]
    }
    return try events.reduce(into: Data()) { $0 += try JSONEncoder().encode($1) + [0x0A] }
  }

  @Test(
    "what is read on is what would be read anew, wherever the writer was", arguments: Seed.some(10))
  func readOn(seed: Seed) throws {
    try with { folder in
      var random = SplitMix64(seed)
      let data = try journal()
      var reading: CampaignReading?
      var length = 0
      while length < data.count {
        length = min(length + .random(in: 0...2000, using: &random), data.count)
        try data.prefix(length).write(to: URL(filePath: folder.journal))
        let next = try folder.reading(after: reading)
        let anew = try folder.state()
        #expect(next.state.standings == anew.standings, "\(seed), \(length)")
        #expect(next.state.outcomes == anew.outcomes, "\(seed), \(length)")
        reading = next
      }
      #expect(reading?.state.outcomes == [.valid: 40], "\(seed)")
    }
  }

  @Test("another journal, or another plan, is read from its beginning")
  func changed() throws {
    try with { folder in
      try journal().write(to: URL(filePath: folder.journal))
      let before = try folder.reading()
      try journal(outcome: .violation).write(to: URL(filePath: folder.journal))
      #expect(try folder.reading(after: before).state.outcomes == [.violation: 40])
      try Data().write(to: URL(filePath: folder.journal))
      #expect(try folder.reading(after: before).state.outcomes == [:])
      try journal().write(to: URL(filePath: folder.journal))
      var plan = try folder.readPlan()
      plan.campaign.seeds = 41
      try folder.write(plan)
      let after = try folder.reading(after: before).state
      #expect(after.planned.count == 41 && after.outcomes == [.valid: 40])
    }
  }

  @Test("a line that is no event is named by its place in the whole journal")
  func damaged() throws {
    try with { folder in
      let data = try journal()
      try data.write(to: URL(filePath: folder.journal))
      let before = try folder.reading()
      try (data + Data("nonsense\n".utf8)).write(to: URL(filePath: folder.journal))
      #expect {
        try folder.reading(after: before)
      } throws: { error in
        "\(error)".contains("journal.jsonl:121: not an event")
      }
    }
  }
}
