// What a campaign is: the axes of its matrix, its limits, and how it goes on after trouble.

import Bench
import FoundationEssentials
import Workloads

/// Which of its workload's faults a cell has.
public enum FaultChoice: Hashable, Sendable {
  /// All of them.
  case all
  /// None.
  case none
  /// Those of these kinds, in order of their names.
  case kinds([String])

  /// As files and tables have it: `all`, `none`, or kinds joined by `+`.
  public var name: String {
    switch self {
    case .all: "all"
    case .none: "none"
    case .kinds(let kinds): kinds.joined(separator: "+")
    }
  }

  /// The choice of that name.
  public init(name: String) {
    switch name {
    case "all": self = .all
    case "none": self = .none
    default: self = .kinds(name.split(separator: "+").map(String.init).sorted())
    }
  }

  /// What `gauntlet run --faults` calls it; nil for all.
  var flag: String? {
    switch self {
    case .all: nil
    case .none: "none"
    case .kinds(let kinds): kinds.joined(separator: ",")
    }
  }
}

extension FaultChoice: Codable {
  /// By its name.
  public init(from decoder: any Decoder) throws {
    self.init(name: try decoder.singleValueContainer().decode(String.self))
  }

  /// Its name.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(name)
  }
}

/// A matrix of runs, resolved: nothing outside it decides what is run, but for the builds themselves.
public struct Campaign: Sendable, Codable, Equatable {
  /// One of its workloads.
  public struct Source: Sendable, Codable, Equatable {
    /// Its name in tables: the file's, without its ending.
    public var name: String
    /// The file's text as the campaign began.
    public var text: String
    /// The system that it drives.
    public var system: SystemName
    /// The kinds of faults it has.
    public var kinds: [String]
  }

  /// One of its builds.
  public struct Build: Sendable, Codable, Equatable {
    /// Its name in tables.
    public var name: String
    /// The path of the program.
    public var path: String
    /// Its SHA-256, in hexadecimal.
    public var sum: String
    /// The system that it is a build of.
    public var system: SystemName

    init(name: String, path: String, sum: String, system: SystemName = .raftNode) {
      (self.name, self.path, self.sum, self.system) = (name, path, sum, system)
    }

    /// The program at `path`, called `name`, or else as its file is.
    ///
    /// - Throws: `BenchError` when there is none.
    public init(
      name: String? = nil, at path: String, of system: SystemName = .raftNode
    ) throws(BenchError) {
      self.system = system
      sum = try BuildSum.sum(of: path)
      self.path = URL(filePath: path).path
      self.name = name ?? URL(filePath: path).lastPathComponent
    }
  }

  /// How much of the matrix is run.
  public enum Cover: Sendable, Codable, Equatable {
    /// Every cell.
    case full
    /// So many cells that every two values of two axes meet in one.
    case pairwise
    /// So many cells, drawn by the seed.
    case sample(Int)
  }

  /// Its name.
  public var name: String
  /// Its workloads.
  public var workloads: [Source]
  /// Which of their faults; each goes with the workloads that have them.
  public var faults: [FaultChoice]
  /// What is tested.
  public var builds: [Build]
  /// Sizes of the cluster; empty for what each workload says.
  public var nodes: [Int]
  /// How many seeds each cell is run with.
  public var seeds: Int
  /// The first of them.
  public var firstSeed: UInt64
  /// The load's time in each run, in place of the workloads' own, as `30s`.
  public var time: String?
  /// Values over the workloads', as `clients=4`.
  public var settings: [String]
  /// How much of the matrix is run.
  public var cover: Cover
  /// The most seconds that it takes, without interruptions; nil for no limit.
  public var seconds: Double?
  /// The most runs; nil for no limit.
  public var runs: Int?
  /// How many labs at once; nil for as many as cores and memory allow.
  public var labs: Int?
  /// How often a run is tried again when the bench failed.
  public var retries: Int
  /// After so many failures of the bench in a row a cell is left alone.
  public var quarantine: Int
  /// After so many findings a cell's other seeds are left out.
  public var findings: Int
  /// Whether runs come in the order of the plan, and not as earlier campaigns make them promising.
  public var isInOrder = false

  /// Every cell that there can be, in the order of the file.
  public var matrix: [Cell] {
    let sizes: [Int?] = nodes.isEmpty ? [nil] : nodes
    return workloads.flatMap { workload in
      faults(for: workload).flatMap { faults in
        builds.filter { $0.system == workload.system }.flatMap { build in
          sizes.map {
            Cell(workload: workload.name, faults: faults, build: build.name, nodes: $0)
          }
        }
      }
    }
  }

  /// The cells that are run.
  public var cells: [Cell] {
    switch cover {
    case .full: matrix
    case .pairwise: Cover.pairwise(of: matrix, seed: firstSeed)
    case .sample(let count): Cover.sample(count, of: matrix, seed: firstSeed)
    }
  }

  /// Everything that is to be run: each cell with each seed, all cells with the first seed first. Every
  /// second seed goes through the cells backwards, so that no build always comes before another.
  public var planned: [CellRun] {
    let cells = cells
    return (0..<UInt64(seeds)).flatMap { place in
      (place % 2 == 0 ? cells : cells.reversed())
        .map { CellRun(cell: $0, seed: firstSeed &+ place) }
    }
  }

  /// A campaign that sets two builds against each other: every cell with both, one after the other, with
  /// as many seeds as there shall be pairs.
  ///
  /// - Throws: `WorkloadError` for a workload that cannot be read.
  public static func comparing(
    _ builds: [Build], name: String, workloads: [String], faults: [FaultChoice], settings: [String],
    time: String?, pairs: Int, seconds: Double?, firstSeed: UInt64
  ) throws(WorkloadError) -> Campaign {
    var campaign = Campaign(
      name: name, workloads: [], faults: faults, builds: builds, nodes: [], seeds: pairs,
      firstSeed: firstSeed, time: time, settings: settings, cover: .full, seconds: seconds,
      labs: 1, retries: 2, quarantine: 5, findings: 1_000_000)
    campaign.isInOrder = true
    for path in workloads {
      campaign.workloads.append(try CampaignFile.workload(path, in: campaign))
    }
    if let reason = campaign.problem { throw WorkloadError(file: workloads[0], reason: reason) }
    return campaign
  }
}

extension Campaign {
  /// Which of the choices go with a workload. To one without faults none and all are the same.
  func faults(for workload: Source) -> [FaultChoice] {
    let plain = faults.first { $0 == .none || $0 == .all }
    return faults.filter { choice in
      switch choice {
      case .all, .none: !workload.kinds.isEmpty || choice == plain
      case .kinds(let kinds): kinds.allSatisfy(workload.kinds.contains)
      }
    }
  }

  /// Why it cannot be run; nil when it can. A campaign may come from a file that somebody else wrote.
  public var problem: String? {
    func twice(_ names: [String]) -> String? {
      Dictionary(grouping: names) { $0 }.first { $0.value.count > 1 }?.key
    }
    let names = [name] + workloads.map(\.name)
    if let bad = names.first(where: { !Self.isName($0) }) { return "\(bad) is no name" }
    if let name = twice(workloads.map(\.name)) { return "two workloads are named \(name)" }
    if let name = twice(builds.map(\.name)) { return "two builds are named \(name); name them" }
    if let name = twice(faults.map(\.name)) { return "the faults \(name) stand twice" }
    if !nodes.allSatisfy((1...99).contains) || Set(nodes).count < nodes.count {
      return "sizes are from 1 to 99, each once"
    }
    let ranges: [(String, Int, ClosedRange<Int>)] = [
      ("seeds", seeds, 1...1_000_000), ("labs", labs ?? 1, 1...256), ("retries", retries, 0...100),
      ("quarantine", quarantine, 1...1000), ("findings", findings, 1...1_000_000),
      ("runs of the budget", runs ?? 1, 1...1_000_000),
    ]
    if let (name, value, range) = ranges.first(where: { !$0.2.contains($0.1) }) {
      return "\(name) is \(value), not of \(range)"
    }
    if case .sample(let count) = cover, !(1...1_000_000).contains(count) {
      return "a sample of \(count) is none; take from 1"
    }
    if let bad = settings.first(where: { Override($0) == nil }) {
      return "\(bad): write key=value, such as clients=4"
    }
    if let idle = workloads.first(where: { faults(for: $0).isEmpty }) {
      return "\(idle.name) has none of these faults, so it would never be run; add none or all"
    }
    if let idle = workloads.first(where: { own in !builds.contains { $0.system == own.system } }) {
      return "there is no build of \(idle.system.rawValue), which \(idle.name) drives"
    }
    // Counted before it is made: a file of a megabyte can name more cells than memory holds.
    let axes = [
      faults.count + workloads.reduce(0) { $0 + $1.kinds.count }, builds.count, nodes.count,
    ]
    var most = workloads.count
    for axis in axes {
      let product = most.multipliedReportingOverflow(by: max(axis, 1))
      guard !product.overflow, product.partialValue <= 1_000_000 else {
        return "a matrix of too many cells; leave out some"
      }
      most = product.partialValue
    }
    let runs = matrix.count.multipliedReportingOverflow(by: seeds)
    if runs.overflow || runs.partialValue > 1_000_000 {
      return "more than 1,000,000 runs; take fewer seeds, or a smaller matrix"
    }
    return nil
  }

  /// Whether it can be a part of a path.
  static func isName(_ name: String) -> Bool {
    !name.isEmpty && name.count <= 100 && name.first != "."
      && name.allSatisfy { $0.isLetter || $0.isNumber || "-_.".contains($0) }
  }
}

/// One place of the matrix.
public struct Cell: Hashable, Sendable, Codable {
  /// The workload's name.
  public var workload: String
  /// Which of its faults.
  public var faults: FaultChoice
  /// The build's name.
  public var build: String
  /// The size of the cluster; nil for the workload's own.
  public var nodes: Int?

  /// The cell of these values.
  public init(workload: String, faults: FaultChoice, build: String, nodes: Int?) {
    self.workload = workload
    self.faults = faults
    self.build = build
    self.nodes = nodes
  }

  /// As tables have it. Two cells of a campaign have two names.
  public var name: String {
    ([workload, faults.name, build] + (nodes.map { ["\($0) nodes"] } ?? []))
      .joined(separator: " · ")
  }
}

/// A cell with a seed: what is run once.
public struct CellRun: Hashable, Sendable, Codable {
  /// Its cell.
  public var cell: Cell
  /// What fixes its random choices.
  public var seed: UInt64

  /// `cell` with `seed`.
  public init(cell: Cell, seed: UInt64) {
    self.cell = cell
    self.seed = seed
  }

  /// As progress has it.
  public var name: String { "\(cell.name) · seed \(seed)" }
}
