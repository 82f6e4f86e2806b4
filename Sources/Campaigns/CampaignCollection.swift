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
    let folders = withoutEarlierNights(all.mapValues { $0.sorted { $0.name < $1.name } })
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
    return (1...count).filter { !there.contains($0) }.prefix(100).map { "\($0)/\(count)" }
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

  /// Makes one campaign of `parts` in `store`, with all their runs.
  ///
  /// - Throws: `BenchError` when a part cannot be read, or the store not be written.
  public static func collect(
    _ parts: [CampaignFolder], into store: String
  ) async throws -> CampaignFolder {
    var plan = try parts[0].readPlan()
    // The budget was each part's own, and what it has spent too.
    (plan.campaign.seconds, plan.campaign.runs) = (nil, nil)
    var histories: [(part: CampaignFolder, events: [CampaignEvent])] = []
    for part in parts {
      let events = try Journal.read(part.journal).events
      for case .end(_, _, let record) in events
      where record.outcome != .interrupted
        && !FileManager.default.fileExists(atPath: "\(part.store)/\(record.folder)")
      {
        throw BenchError(
          "\(part.store)/\(record.folder): is missing; collect what the part has left")
      }
      histories.append((part, events))
    }
    let whole = try CampaignFolder.make(in: store, for: plan.campaign, shard: .whole)
    let (journal, _) = try Journal.open(whole.journal)
    let index = try RunIndex(store: store)
    let sessions = histories.flatMap(\.events).compactMap { event in
      if case .session(let time) = event { time } else { nil }
    }
    if let began = sessions.min() { try journal.append(.session(time: began)) }
    for (part, events) in histories {
      var moved: [String: String] = [:]
      for event in events {
        switch event {
        case .session, .elapsed: break
        case .begin(let run, let attempt, let folder, let reason):
          let membership = Membership(campaign: whole.name, run: run, attempt: attempt)
          guard FileManager.default.fileExists(atPath: "\(part.store)/\(folder)") else { continue }
          let place = try copy(folder, of: part.store, to: store, as: membership)
          moved[folder] = place
          try journal.append(
            .begin(run: run, attempt: attempt, folder: place, reason: reason))
          if FileManager.default.fileExists(atPath: RunFolder(path: "\(store)/\(place)").results) {
            try await index.add(place)
          }
        case .end(let run, let attempt, var record):
          record.folder = moved[record.folder] ?? record.folder
          try journal.append(.end(run: run, attempt: attempt, record))
        }
      }
    }
    return whole
  }

  /// Copies a run's folder, unless it lies in `store` already; returns its path there.
  private static func copy(
    _ folder: String, of other: String, to store: String, as membership: Membership
  ) throws(BenchError) -> String {
    // From a journal, which may have come from anywhere.
    guard RunEntry.isInStore(folder) else {
      throw BenchError("\(folder): a run's folder lies in its store")
    }
    let files = FileManager.default
    let source = URL(filePath: "\(other)/\(folder)").resolvingSymlinksInPath().path
    var place = folder
    do {
      if source != URL(filePath: "\(store)/\(folder)").resolvingSymlinksInPath().path {
        var attempt = 1
        while files.fileExists(atPath: "\(store)/\(place)") {
          attempt += 1
          place = "\(folder)-\(attempt)"
        }
        let parent = URL(filePath: "\(store)/\(place)").deletingLastPathComponent().path
        try files.createDirectory(atPath: parent, withIntermediateDirectories: true)
        try files.copyItem(atPath: source, toPath: "\(store)/\(place)")
      }
      try RunFolder.write(
        try JSONEncoder().encode(membership), to: "\(store)/\(place)/\(RunEntry.membershipFile)")
    } catch let error as BenchError {
      throw error
    } catch {
      throw BenchError("\(source): cannot be copied to \(store): \(error)")
    }
    return place
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
