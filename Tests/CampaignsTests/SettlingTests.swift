// Runs whose end a controller did not see: whether what they stored of it counts.

import Bench
import Foundation
import Support
import Testing

@testable import Campaigns

@Suite struct SettlingTests {
  /// What `campaign resume` makes of a run that stored how it ended, of a build of this checksum.
  private func settled(
    by build: String, isCollected: Bool = false, results: String? = nil
  ) async throws -> RunRecord? {
    let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    #expect(
      FileManager.default.createFile(
        atPath: "\(path)/node", contents: Data("its bytes".utf8),
        attributes: [.posixPermissions: 0o755]))
    let campaign = Campaign.made(
      seeds: 1, text: "system: raft-node\nnodes: 3\ntime: 1s\nworkload: {name: register}\n",
      build: try Campaign.Build(name: "x", at: "\(path)/node"), retries: 0)
    let folder = try CampaignFolder.make(in: path, for: campaign, shard: .whole)
    let run = try #require(CampaignState(campaign).planned.first)
    let place = "register-raft-node/20261128T021500-1"
    let runFolder = RunFolder(path: "\(path)/\(place)")
    try FileManager.default.createDirectory(
      atPath: runFolder.path, withIntermediateDirectories: true)
    try RunFolder.write(Data(campaign.workloads[0].text.utf8), to: runFolder.workload)
    try RunFolder.write(
      Data((results ?? RunResults.made(build: build)).utf8), to: runFolder.results)
    do {
      let (journal, _) = try Journal.open(folder.journal)
      try journal.append(.session(time: "20261128T021500"))
      if isCollected {
        try journal.append(.collected(part: "campaigns/c-1of2", folder: place, place: place))
      }
      try journal.append(.begin(run: run, attempt: 1, folder: place, reason: ""))
    }
    let runner = try CampaignRunner(
      folder, program: "/bin/false", interruption: Interruption(),
      progress: CampaignProgress())
    return try await runner.run().record(of: run)
  }

  @Test("what a run of the campaign's build found counts; what another program did does not")
  func ownBuild() async throws {
    // printf 'its bytes' | sha256sum
    let sum = "2ea9ca2c5409c7c3146c81e7b9c4311e2bde5a5c8bb16b6012bed440dc0de434"
    #expect(try await settled(by: sum)?.outcome == .violation)
    #expect(try await settled(by: "0a")?.outcome == .benchFailure)
  }

  @Test("a run that was collected was another machine's build, and what it found counts")
  func collected() async throws {
    let record = try #require(try await settled(by: "0a", isCollected: true))
    #expect(record.outcome == .violation && record.summary.contains("stale"))
  }

  @Test("that somebody checked what there was of a run that was cut off does not end it")
  func checked() async throws {
    let sum = "2ea9ca2c5409c7c3146c81e7b9c4311e2bde5a5c8bb16b6012bed440dc0de434"
    let found = RunResults.made(build: sum)
      .replacing("\"missing\": []", with: "\"missing\": [\"\(RunResults.cutOff)\"]")
    let nothing = found.replacing(
      "\"outcome\": \"violation\"", with: "\"outcome\": \"inconclusive\"")
    #expect(nothing != found)
    #expect(try await settled(by: sum, results: found)?.outcome == .violation)
    // It is done once more, here with a program that is not there.
    let again = try #require(try await settled(by: sum, results: nothing))
    #expect(
      again.outcome == .benchFailure && again.folder != "register-raft-node/20261128T021500-1")
  }
}
