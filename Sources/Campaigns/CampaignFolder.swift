// The folder of one campaign in a store: what lies where.

import Bench
import FoundationEssentials
import Glibc

/// A campaign's folder.
public struct CampaignFolder: Sendable, Equatable {
  /// The store it lies in.
  public let store: String
  /// Its path in the store: `campaigns/nightly-20261128T020000`.
  public let name: String

  /// Its path.
  public var path: String { "\(store)/\(name)" }
  /// The campaign, resolved.
  public var plan: String { "\(path)/campaign.json" }
  /// When it was made, as its name has it; nil for a folder that was named by hand.
  var beginning: Date? {
    name.firstMatch(of: /-([0-9]{8}T[0-9]{6})/).flatMap { RunFolder.date($0.output.1) }
  }
  /// Which part of a campaign a folder of that name is, as `2of8`; empty for a whole one.
  static func shard(of name: String) -> Substring {
    name.firstMatch(of: /-([0-9]+of[0-9]+)(-[0-9]+)?$/)?.output.1 ?? ""
  }
  /// What was done.
  public var journal: String { "\(path)/journal.jsonl" }
  /// Whether a controller is at work on it.
  public var isHeld: Bool { Journal.isHeld(journal) }
  /// The workload of that name, as the campaign began.
  func workload(_ name: String) -> String { "\(path)/workloads/\(name).yaml" }
  /// What the runs said.
  func log(_ run: Int, _ attempt: Int) -> String { "\(path)/logs/\(run + 1)-\(attempt).log" }

  /// What is kept of a campaign.
  struct Plan: Codable {
    var campaign: Campaign
    var shard: Shard
    var hosts: String?
    /// The parts that it was collected from; nil for one that was run.
    var parts: [String]?
  }

  /// Makes a new folder for `campaign` in `store`, with all that it needs, and points
  /// `campaigns/latest` to it, unless it is one that sets builds against each other: that is not what a night's
  /// report is of. `parts` are those that it is collected from.
  ///
  /// - Throws: `BenchError` when the store cannot be written.
  public static func make(
    in store: String, for campaign: Campaign, shard: Shard, hosts: String? = nil,
    parts: [String]? = nil
  ) throws(BenchError) -> CampaignFolder {
    let part = shard == .whole ? "" : "-\(shard.number)of\(shard.count)"
    let base = "\(campaign.name)-\(RunFolder.timestamp())\(part)"
    do {
      try FileManager.default.createDirectory(
        atPath: "\(store)/campaigns", withIntermediateDirectories: true)
    } catch {
      throw BenchError("\(store): cannot be made; name a folder you may write with --store")
    }
    for attempt in 1... {
      let folder = CampaignFolder(
        store: store, name: "campaigns/\(base)\(attempt == 1 ? "" : "-\(attempt)")")
      if mkdir(folder.path, 0o755) == 0 {
        try folder.fill(Plan(campaign: campaign, shard: shard, hosts: hosts, parts: parts))
        return folder
      }
      guard errno == EEXIST else { break }
    }
    throw BenchError("\(store): \(String(cString: strerror(errno)))")
  }

  /// The plan comes last: a folder without one was not finished, and holds nothing.
  private func fill(_ plan: Plan) throws(BenchError) {
    do {
      for folder in ["workloads", "logs"] {
        try FileManager.default.createDirectory(
          atPath: "\(path)/\(folder)", withIntermediateDirectories: true)
      }
      for workload in plan.campaign.workloads {
        try RunFolder.write(Data(workload.text.utf8), to: self.workload(workload.name))
      }
    } catch {
      throw BenchError("\(path): cannot be written: \(error); make room")
    }
    try write(plan)
    try pointLatest(for: plan.campaign)
  }

  /// Points `campaigns/latest` to it, as `make` does.
  func pointLatest(for campaign: Campaign) throws(BenchError) {
    guard !campaign.isInOrder else { return }
    try RunFolder.point(
      latest: "\(store)/campaigns/latest", to: String(name.dropFirst("campaigns/".count)))
  }

  /// Writes what is kept of the campaign.
  func write(_ plan: Plan) throws(BenchError) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    do {
      try RunFolder.write(try encoder.encode(plan), to: self.plan)
    } catch {
      throw BenchError("\(path): cannot be written: \(error); make room")
    }
  }

  /// The folder that `text` names: a path, its name in `store`, or the campaign's name, for the newest of
  /// it; `latest` is the newest of all.
  ///
  /// - Throws: `BenchError` when there is none.
  public static func find(_ text: String, in store: String) throws(BenchError) -> CampaignFolder {
    let files = FileManager.default
    // By its name alone: the newest of that name.
    let named = all(in: store).last { folder in
      (try? folder.readPlan())?.campaign.name == text
    }
    let places = ["\(store)/campaigns/\(text)", "\(store)/\(text)", text]
    for path in places + (named.map { [$0.path] } ?? []) {
      guard files.fileExists(atPath: "\(path)/campaign.json"),
        files.fileExists(atPath: "\(path)/workloads")
      else { continue }
      let real = URL(filePath: path).resolvingSymlinksInPath().path
      let parts = real.split(separator: "/", omittingEmptySubsequences: false)
      guard parts.count >= 3, parts[parts.count - 2] == "campaigns" else { continue }
      return CampaignFolder(
        store: parts.dropLast(2).joined(separator: "/"), name: "campaigns/\(parts.last!)")
    }
    if files.fileExists(atPath: "\(text)/run.yaml") {
      throw BenchError(
        "\(text): a run, and no campaign; its page is \(text)/report.html", isOfInput: true)
    }
    throw BenchError(
      "\(text): no campaign of \(store); `gauntlet campaign status --all --store \(store)` lists them",
      isOfInput: true)
  }

  /// The campaigns of `store`, the oldest first.
  public static func all(in store: String) -> [CampaignFolder] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(store)/campaigns")) ?? []
    return names.sorted().filter { $0 != "latest" && !$0.hasPrefix("latest.") }
      .map { CampaignFolder(store: store, name: "campaigns/\($0)") }
      .filter { FileManager.default.fileExists(atPath: $0.plan) }
  }

  /// The campaign, which part of it this is, and on which hosts it runs.
  func readPlan() throws(BenchError) -> Plan { try readPlan(in: try planData()) }

  func planData() throws(BenchError) -> Data {
    guard let data = FileManager.default.contents(atPath: plan) else {
      throw BenchError("\(plan): cannot be read; name a campaign's folder", isOfInput: true)
    }
    return data
  }

  func readPlan(in data: Data) throws(BenchError) -> Plan {
    let read: Plan
    do {
      read = try JSONDecoder().decode(Plan.self, from: data)
    } catch {
      throw BenchError(
        "\(plan): cannot be read as a campaign; put it back as it was, or begin a new one",
        isOfInput: true)
    }
    if let reason = read.campaign.problem {
      throw BenchError("\(plan): \(reason)", isOfInput: true)
    }
    guard (1...Shard.most).contains(read.shard.count),
      (1...read.shard.count).contains(read.shard.number)
    else {
      throw BenchError(
        "\(plan): there is no shard \(read.shard.number) of \(read.shard.count)",
        isOfInput: true)
    }
    return read
  }

  /// Where the campaign stands, as its journal has it; nothing is changed.
  ///
  /// - Throws: `BenchError` when it cannot be read.
  public func state() throws(BenchError) -> CampaignState { try reading().state }
}
