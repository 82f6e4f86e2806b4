// A run as the index has it: read from its folder alone, so that the index can be made again.

import Bench
import FoundationEssentials
import Glibc
import Workloads

/// To which campaign a run belongs; the content of its folder's `campaign.json`.
public struct Membership: Sendable, Codable, Equatable {
  /// The campaign's folder's path in the store.
  public var campaign: String
  /// Its place in the matrix.
  public var run: CellRun
  /// Which try it was, from 1.
  public var attempt: Int

  /// A run of `campaign`.
  public init(campaign: String, run: CellRun, attempt: Int) {
    self.campaign = campaign
    self.run = run
    self.attempt = attempt
  }
}

/// A run as the index has it.
public struct RunEntry: Sendable, Codable, Equatable {
  /// Its folder's path in the store.
  public var folder: String
  /// When it began, as `20261128T021500`, in UTC.
  public var started: String
  /// The campaign's folder's path in the store; nil for a run of its own.
  public var campaign: String?
  /// The workload's name in its campaign; else the system's and the load's.
  public var workload: String
  /// Which of its faults, in a campaign; else their kinds joined by `+`.
  public var faults: String
  /// The build's name in its campaign; else the start of its checksum.
  public var build: String
  /// The checksum of what was tested.
  public var sum: String
  /// The size of the cluster.
  public var nodes: Int
  /// How many clients there were.
  public var clients: Int
  /// What fixed its random choices, in decimal.
  public var seed: String
  /// In one word.
  public var outcome: String
  /// In one sentence.
  public var summary: String
  /// What the same finding has elsewhere.
  public var fingerprint: String?
  /// From its beginning to its end.
  public var seconds: Double
  /// Of these, under load.
  public var loadSeconds: Double
  /// Operations that succeeded.
  public var ok: Int
  /// Operations that failed.
  public var fail: Int
  /// Operations of unknown outcome.
  public var info: Int
  /// The share of the time in which something succeeded.
  public var available: Double
  /// The longest time in which nothing succeeded, in seconds.
  public var longestGap: Double
  /// The longest time from a fault's end to a success of each function, in seconds.
  public var worstRecovery: Double?
  /// Processor time of all nodes, in seconds; nil where it was not measured.
  public var processorSeconds: Double?
  /// How much the folder takes, in bytes.
  public var bytes: Int

  /// Reads the run in `folder`, a path in `store`.
  ///
  /// - Throws: `BenchError` or `WorkloadError` when what lies there is no run.
  public init(reading folder: String, in store: String) throws {
    let results = try RunResults.read(RunFolder(path: "\(store)/\(folder)").results)
    try self.init(of: results, in: folder, of: store)
  }

  /// The run in `folder`, a path in `store`, that has these results; nil for one that did not come to its end.
  ///
  /// - Throws: `BenchError` or `WorkloadError` when what lies there is no run.
  init(of results: RunResults?, in folder: String, of store: String) throws {
    let run = RunFolder(path: "\(store)/\(folder)")
    let workload = try WorkloadFile.read(path: run.workload)
    let membership = FileManager.default.contents(atPath: "\(run.path)/\(Self.membershipFile)")
      .flatMap { try? JSONDecoder().decode(Membership.self, from: $0) }
    self.folder = folder
    started = Self.started(folder)
    campaign = membership?.campaign
    let kinds = Set(workload.faults.map(\.kind.name)).sorted().joined(separator: "+")
    self.workload = membership?.run.cell.workload ?? "register-\(workload.system.rawValue)"
    faults = membership?.run.cell.faults.name ?? (kinds.isEmpty ? "none" : kinds)
    sum = run.testedSum(results) ?? ""
    build = membership?.run.cell.build ?? String(sum.prefix(12))
    nodes = workload.nodes
    clients = workload.clients
    seed = "\(workload.seed ?? 0)"
    outcome = results?.outcome.rawValue ?? "unfinished"
    summary = results?.summary ?? "The run did not come to its end."
    fingerprint = results.flatMap { Fingerprint.of($0, model: workload.load.model) }
    seconds = results?.phases.reduce(0) { $0 + $1.seconds } ?? 0
    loadSeconds = results?.phases.first { $0.name == "load" }?.seconds ?? 0
    let totals = results?.totals ?? (0, 0, 0)
    (ok, fail, info) = totals
    let isMeasured = results?.availability.isMeasured ?? false
    available = isMeasured ? results?.availability.available ?? 0 : 0
    longestGap = results?.availability.longestGap ?? 0
    worstRecovery = results?.availability.worstRecovery
    processorSeconds = results?.processorSeconds
    bytes = Self.size(of: run.path)
  }

  /// When a run began, as its folder's name has it.
  package static func started(_ folder: String) -> String {
    String(folder.split(separator: "/").last?.prefix { $0 != "-" } ?? "")
  }

  /// Whether a path stays in the store that it is taken to be in.
  static func isInStore(_ path: String) -> Bool {
    !path.isEmpty && !path.hasPrefix("/")
      && !path.utf8.split(separator: UInt8(ascii: "/")).contains { $0.elementsEqual("..".utf8) }
  }

  /// The name of the file in a run's folder that says to which campaign it belongs.
  static let membershipFile = "campaign.json"

  /// The bytes of all files in `folder`, without their holes.
  static func size(of folder: String) -> Int {
    guard let names = FileManager.default.enumerator(atPath: folder) else { return 0 }
    return names.reduce(0) { sum, name in
      var status = stat()
      guard let name = name as? String, lstat("\(folder)/\(name)", &status) == 0 else { return sum }
      // A sparse file may say that it has any size.
      let (blocks, size) = (max(0, Int(status.st_blocks)), max(0, Int(status.st_size)))
      let bytes = blocks < size / 512 ? blocks * 512 : size
      return min(sum + min(bytes, .max / 2), .max / 2)
    }
  }
}
