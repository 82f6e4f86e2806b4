// What there is to compare: the sides, found in a store.

import Bench
import FoundationEssentials

extension Comparison {
  /// Sets the builds of that name of one campaign against each other.
  ///
  /// - Throws: when the store cannot be read.
  public static func builds(
    _ first: String, _ second: String, of campaign: CampaignFolder, smallest: Double
  ) async throws -> Comparison {
    let entries = try await runs(of: campaign)
    func side(_ build: String) throws(BenchError) -> ComparedSide {
      let own = entries.filter { $0.build == build }
      guard !own.isEmpty else {
        let known = Set(entries.map(\.build)).sorted().joined(separator: ", ")
        throw BenchError("\(build): no build of \(campaign.name); it has \(known)")
      }
      return try ComparedSide(build, own, store: campaign.store)
    }
    return Comparison(try side(first), try side(second), smallest: smallest)
  }

  /// Sets a campaign against others: one, or the trail of those before it.
  ///
  /// - Throws: when the store cannot be read.
  public static func campaigns(
    _ first: [CampaignFolder], _ second: CampaignFolder, smallest: Double
  ) async throws -> Comparison {
    var before: [RunEntry] = []
    for folder in first { before += try await runs(of: folder) }
    let name =
      first.count == 1 ? first[0].name : "the \(first.count) campaigns before"
    return Comparison(
      try ComparedSide(name, before, store: second.store),
      try ComparedSide(second.name, try await runs(of: second), store: second.store),
      smallest: smallest)
  }

  /// Sets two runs against each other, whatever their plans are.
  ///
  /// - Throws: when one of them cannot be read.
  public static func runs(_ first: String, _ second: String, in store: String) throws -> Comparison
  {
    func side(_ folder: String) throws -> ComparedSide {
      var entry = try RunEntry(reading: folder, in: store)
      (entry.workload, entry.faults, entry.seed) = ("runs", "as they were", "")
      return try ComparedSide(folder, [entry], store: store)
    }
    return Comparison(try side(first), try side(second))
  }

  private static func runs(of campaign: CampaignFolder) async throws -> [RunEntry] {
    var filter = RunFilter()
    filter.campaign = campaign.name
    return try await RunIndex(store: campaign.store).runs(filter)
  }
}

extension CampaignFolder {
  /// The `count` campaigns of the same name that began before this one, the newest of them last.
  public func before(_ count: Int) throws(BenchError) -> [CampaignFolder] {
    let own = try readPlan().campaign.name
    var earlier: [CampaignFolder] = []
    for folder in CampaignFolder.all(in: store) where folder.name < name {
      if try folder.readPlan().campaign.name == own { earlier.append(folder) }
    }
    return earlier.suffix(count)
  }
}
