// What there is to compare: runs, with the plan that each was given, as campaigns have noted them.

import Bench
import Checksum
import FoundationEssentials
import Workloads

/// What is compared with what: runs of both sides with the same key were given the same plan.
public struct PairKey: Hashable, Sendable, Comparable {
  /// The workload, its faults and the size of the cluster, as people read them.
  public var group: String
  /// What else the runs had in common: a checksum of the workload's text and of what was put over it.
  public var plan: String
  /// What fixed the run's random choices.
  public var seed: String

  /// Of these.
  public init(group: String, plan: String, seed: String) {
    (self.group, self.plan, self.seed) = (group, plan, seed)
  }

  /// The part that is judged together: all but the seed.
  var cell: [String] { [group, plan] }

  /// By group, then by plan and seed.
  public static func < (left: PairKey, right: PairKey) -> Bool {
    (left.group, left.plan, left.seed) < (right.group, right.plan, right.seed)
  }
}

/// A run of one side.
public struct ComparedRun: Sendable {
  /// What it can be paired by.
  public var key: PairKey
  /// The store that it lies in.
  public var store: String
  /// Its folder's path there.
  public var folder: String
  /// How it ended.
  public var outcome: RunOutcome
  /// In one sentence.
  public var summary: String
  /// What the same finding has elsewhere; nil where nothing was found.
  public var fingerprint: String?
  /// Its results; nil where they are no longer there.
  public var results: RunResults?

  /// Whether it says something of the system.
  var saysSomething: Bool { outcome != .benchFailure && outcome != .interrupted }

  /// Of two things that a run could be said to have found, the one of the lower rank is what it is said to
  /// have found, and hides the other.
  var rank: Int {
    switch outcome {
    case .violation: return 0
    case .crash: return 1
    case .objective:
      let detail = results?.checks.first { $0.name == CheckName.availability.rawValue }?.detail
      let missed = Objective.missed(in: detail ?? "")
      return 2 + (Objective.allCases.firstIndex(where: missed.contains) ?? 0)
    case .valid, .inconclusive, .benchFailure, .interrupted: return .max
    }
  }
}

/// One side of a comparison.
public struct ComparedSide: Sendable {
  /// What it is called.
  public var name: String
  /// Its runs.
  public var runs: [ComparedRun]

  /// A side of these runs.
  public init(_ name: String, _ runs: [ComparedRun]) { (self.name, self.runs) = (name, runs) }

  /// The runs of `campaigns` that ended and count, as their journals have them: also those whose folders were
  /// removed since. Runs of different builds are compared apart, unless one `build` is named.
  ///
  /// - Parameters:
  ///   - limit: the most runs, the newest of them.
  ///   - admit: throws when what lies in a run's folder must not be read.
  /// - Throws: `BenchError` for a campaign or results that are damaged, and what `admit` throws.
  public init(
    _ name: String, of campaigns: [CampaignFolder], build: String? = nil, limit: Int = .max,
    admit: (String) throws -> Void = { _ in }
  ) throws {
    var runs: [ComparedRun] = []
    for campaign in campaigns {
      let state = try campaign.state()
      for (run, record) in state.records where build.map({ $0 == run.cell.build }) ?? true {
        runs.append(ComparedRun(run, record, state.campaign, campaign.store, isNamed: build != nil))
      }
    }
    runs = Array(runs.suffix(limit))
    for place in runs.indices where runs[place].saysSomething {
      try admit(runs[place].folder)
      let folder = RunFolder(path: "\(runs[place].store)/\(runs[place].folder)")
      runs[place].results = try RunResults.read(folder.results)
    }
    self.init(name, runs)
  }

  /// One run, which can be paired with any other.
  ///
  /// - Throws: when it cannot be read.
  init(_ run: RunFolder) throws {
    let parts = URL(filePath: run.path).resolvingSymlinksInPath().path
      .split(separator: "/", omittingEmptySubsequences: false)
    let (store, folder) = (
      parts.dropLast(2).joined(separator: "/"), parts.suffix(2).joined(separator: "/")
    )
    let entry = try RunEntry(reading: folder, in: store)
    let results = try RunResults.read(RunFolder(path: "\(store)/\(folder)").results)
    let run = ComparedRun(
      key: PairKey(group: "runs as they were", plan: "", seed: ""), store: store, folder: folder,
      outcome: results?.outcome ?? .interrupted, summary: entry.summary,
      fingerprint: entry.fingerprint, results: results)
    self.init(folder, [run])
  }
}

extension ComparedRun {
  fileprivate init(
    _ run: CellRun, _ record: RunRecord, _ campaign: Campaign, _ store: String, isNamed: Bool
  ) {
    let cell = run.cell
    let source = campaign.workloads.first { $0.name == cell.workload }
    let group =
      [cell.workload, cell.faults.name] + (cell.nodes.map { ["\($0) nodes"] } ?? [])
      + (isNamed || campaign.builds.count { $0.system == source?.system } < 2 ? [] : [cell.build])
    let given = [source?.text ?? "", campaign.time ?? ""] + campaign.settings
    self.init(
      key: PairKey(
        group: group.joined(separator: " · "),
        plan: String(sha256(of: Data(given.joined(separator: "\n").utf8)).prefix(12)),
        seed: "\(run.seed)"),
      store: store, folder: record.folder, outcome: record.outcome, summary: record.summary,
      fingerprint: record.fingerprint, results: nil)
  }
}

extension Comparison {
  /// Sets the builds of that name of one campaign against each other.
  ///
  /// - Throws: when the campaign cannot be read.
  public static func builds(
    _ first: String, _ second: String, of campaign: CampaignFolder, smallest: Double
  ) throws -> Comparison {
    func side(_ build: String) throws -> ComparedSide {
      let side = try ComparedSide(build, of: [campaign], build: build)
      guard !side.runs.isEmpty else {
        let known = try campaign.readPlan().campaign.builds.map(\.name).joined(separator: ", ")
        throw BenchError(
          "\(build): no runs of it in \(campaign.name), which has \(known)", isOfInput: true)
      }
      return side
    }
    return Comparison(try side(first), try side(second), smallest: smallest)
  }

  /// Sets a campaign against others: one, or the trail of those before it.
  ///
  /// - Throws: when one of them cannot be read.
  public static func campaigns(
    _ first: [CampaignFolder], _ second: CampaignFolder, smallest: Double
  ) throws -> Comparison {
    let name = first.count == 1 ? first[0].name : "the \(first.count) campaigns before it"
    return Comparison(
      try ComparedSide(name, of: first), try ComparedSide(second.name, of: [second]),
      smallest: smallest)
  }

  /// Sets two runs against each other, whatever their plans are.
  ///
  /// - Throws: when one of them cannot be read.
  public static func runs(_ first: RunFolder, _ second: RunFolder) throws -> Comparison {
    Comparison(try ComparedSide(first), try ComparedSide(second))
  }
}

extension CampaignFolder {
  /// The `count` campaigns of the same name that began before this one, the newest of them last: whole ones,
  /// or the same part of them; none that has runs of this one's.
  public func before(_ count: Int) throws(BenchError) -> [CampaignFolder] {
    let own = try readPlan()
    var earlier: [CampaignFolder] = []
    for folder in CampaignFolder.all(in: store) where folder.name < name {
      let plan = try folder.readPlan()
      // Parts that a whole was collected from have its runs, and so has a whole of other such parts.
      guard plan.campaign.name == own.campaign.name, plan.shard == own.shard,
        Set(own.parts ?? []).isDisjoint(with: plan.parts ?? [])
      else { continue }
      earlier.append(folder)
    }
    return earlier.suffix(count)
  }
}
