// Parts of a campaign that were run on several machines, put together as one: a campaign like any other,
// which can be looked at, reported, compared, and resumed if a part is missing.

import Bench
import FoundationEssentials

/// Puts parts of a campaign together.
public enum CampaignCollection {
  /// The newest of each part among the campaigns of `stores`, but none of an earlier night than the others.
  ///
  /// - Throws: `BenchError` when there are none, or they are of several campaigns.
  public static func parts(in stores: [String]) throws(BenchError) -> [CampaignFolder] {
    var all: [Int: [CampaignFolder]] = [:]
    for folder in stores.flatMap({ CampaignFolder.all(in: $0) }) {
      let plan = try folder.readPlan()
      if plan.shard != .whole { all[plan.shard.number, default: []].append(folder) }
    }
    guard !all.isEmpty else {
      throw BenchError(
        "\(stores.joined(separator: ", ")): no parts of a campaign are there",
        isOfInput: true)
    }
    let folders = withoutEarlierNights(all.mapValues(Self.inOrder))
    let first = try folders[0].readPlan()
    for folder in folders {
      let plan = try folder.readPlan()
      guard plan.campaign.isSameWork(as: first.campaign), plan.shard.count == first.shard.count
      else {
        throw BenchError(
          "\(folder.path): of another campaign than \(folders[0].path); collect them apart",
          isOfInput: true)
      }
    }
    return folders
  }

  /// The newest last, whatever campaign they are of.
  static func inOrder(_ folders: [CampaignFolder]) -> [CampaignFolder] {
    folders.sorted {
      ($0.beginning ?? .distantPast, $0.name) < ($1.beginning ?? .distantPast, $1.name)
    }
  }

  /// The parts that there should be beside `parts` and are not, as `2/8`.
  ///
  /// - Throws: `BenchError` when a part cannot be read.
  public static func missing(of parts: [CampaignFolder]) throws(BenchError) -> [String] {
    var there: Set<Int> = []
    var count = 0
    for part in parts {
      let shard = try part.readPlan().shard
      there.insert(shard.number)
      count = max(count, shard.count)
    }
    guard count > there.count else { return [] }
    return (1...count).lazy.filter { !there.contains($0) }.prefix(100).map { "\($0)/\(count)" }
  }

  /// The last of each part's folders, unless it began half a day before the newest of all, when most of the
  /// other parts began too that have begun again since: then this part is missing, and its last is of the
  /// night before.
  static func withoutEarlierNights(_ all: [Int: [CampaignFolder]]) -> [CampaignFolder] {
    let beginnings = all.mapValues { $0.compactMap(\.beginning) }
    let newest = beginnings.values.compactMap(\.last).max()
    return all.sorted { $0.key < $1.key }.compactMap { part, folders in
      guard let last = folders.last else { return nil }
      guard let newest, let begun = last.beginning else { return last }
      let gap = newest.timeIntervalSince(begun)
      let others = beginnings.filter { $0.key != part }.values
      let beside = others.count { dates in
        dates.dropLast().contains { abs(begun.timeIntervalSince($0)) < gap }
      }
      let isEarlier = gap > 12 * 3600 && 2 * beside > others.count
      return isEarlier ? nil : last
    }
  }

  /// Makes one campaign of `parts` in `store`, with all their runs that have ended; what was made of some of
  /// them before is gone on with, so that no run comes in twice.
  ///
  /// - Throws: `BenchError` when a part cannot be read, or the store not be written.
  public static func collect(
    _ parts: [CampaignFolder], into store: String
  ) async throws -> CampaignFolder {
    var plan = try parts[0].readPlan()
    // The budget was each part's own, and what it has spent too.
    (plan.campaign.seconds, plan.campaign.runs) = (nil, nil)
    let names = parts.map(\.name)
    let before = try earlier(plan.campaign, of: names, in: store)
    let opened = try before.map { try CollectedCampaign($0, parts: names) }
    var runs: [(part: CampaignFolder, reason: String, event: CampaignEvent)] = []
    var began: String?
    for part in parts {
      var reasons: [String: String] = [:]
      for event in try Journal.read(part.journal).events {
        switch event {
        case .session(let time): began = min(began ?? time, time)
        case .begin(_, _, let folder, let reason): reasons[folder] = reason
        case .end(_, _, let record) where record.outcome != .interrupted:
          let isThere = FileManager.default.fileExists(atPath: "\(part.store)/\(record.folder)")
          guard isThere || opened?.hasAll(of: record.folder, in: part) == true else {
            throw BenchError(
              "\(part.store)/\(record.folder): is missing; collect what the part has left")
          }
          runs.append((part, reasons[record.folder] ?? "", event))
        case .end, .elapsed, .collected: break
        }
      }
    }
    let whole =
      try before
      ?? CampaignFolder.make(in: store, for: plan.campaign, shard: .whole, parts: names)
    var collected = try opened ?? CollectedCampaign(whole, parts: names)
    if let began { try collected.note(began: began) }
    for case (let part, let reason, .end(let run, _, let record)) in runs {
      try await collected.take(record, of: run, begunFor: reason, from: part)
    }
    return whole
  }

  /// The campaign that some of these parts were collected in before; nil where another folder of one of them
  /// was, which is of another night.
  private static func earlier(
    _ campaign: Campaign, of parts: [String], in store: String
  ) throws(BenchError) -> CampaignFolder? {
    CampaignFolder.all(in: store).last { folder in
      guard let plan = try? folder.readPlan(), let before = plan.parts,
        plan.campaign.isSameWork(as: campaign), !Set(before).isDisjoint(with: parts)
      else { return false }
      let together = Set(before).union(parts)
      return Set(together.map(CampaignFolder.shard(of:))).count == together.count
    }
  }
}

extension Campaign {
  /// Whether both are the same matrix, wherever their programs lie and whoever built them.
  func isSameWork(as other: Campaign) -> Bool {
    var (own, others) = (self, other)
    own.builds = builds.map { Build(name: $0.name, path: "", sum: "", system: $0.system) }
    others.builds = other.builds.map { Build(name: $0.name, path: "", sum: "", system: $0.system) }
    return own == others
  }
}
