// Campaign files: YAML to a campaign, with all that it names read, so that errors come before the first
// run.

import Bench
import FoundationEssentials
import Systems
import Workloads
import Yams

/// Reads campaign files.
///
/// ```yaml
/// workloads: [register.yaml, network.yaml]    # beside this file
/// faults: [none, each, kill+partition, all]   # `each`: one cell for each kind that the workload has
/// builds: [{name: main, path: build/raft-node}]   # left out: raft-node beside gauntlet
/// nodes: [3, 5]
/// seeds: {first: 1, count: 3}
/// time: 30s                                   # of each run's load, in place of the workloads' own
/// set: [clients=4]                            # over the workloads' own values
/// cover: pairwise                             # or full, or {sample: 40}
/// budget: {time: 1h, runs: 200}
/// labs: 2                                     # at once; left out: as cores and memory allow
/// retries: 2                                  # of a run in which the bench failed
/// quarantine: 3                               # a cell is left alone after so many of them in a row
/// findings: 1                                 # after so many a cell's other seeds are left out
/// ```
public enum CampaignFile {
  /// Reads the file at `path`; a build that it does not name is `defaultBuild`.
  ///
  /// - Throws: `WorkloadError` with file, line, what is wrong and what to do.
  public static func read(path: String, defaultBuild: String) throws(WorkloadError) -> Campaign {
    try parse(
      try YAMLText.read(path: path, kind: "campaign file"), file: path, defaultBuild: defaultBuild)
  }

  /// Reads a campaign from `text`; `file` stands in errors, and what it names lies beside it.
  public static func parse(
    _ text: String, file: String, defaultBuild: String
  ) throws(WorkloadError) -> Campaign {
    let node = try YAMLText.compose(text, file: file, beginning: "workloads: [register.yaml]")
    var root = try YAMLMapping(node, file: file)
    let folder = URL(filePath: file).deletingLastPathComponent()
    let name = try root.text("name") ?? stem(of: file)
    guard Campaign.isName(name) else {
      throw root.failure("name", nil, "\(name): use letters, digits, - and _")
    }
    var campaign = Campaign(
      name: name, workloads: [], faults: [], builds: [], nodes: [], seeds: 1, firstSeed: 1,
      settings: [], cover: .full, retries: 2, quarantine: 3, findings: 1)
    campaign.nodes = try nodes(&root)
    campaign.time = try root.duration("time")?.workloadText
    campaign.settings = try words("set", of: &root) ?? []
    for setting in campaign.settings where Override(setting) == nil {
      throw root.failure("set", nil, "\(setting): write key=value, such as clients=4")
    }
    let sources = try words("workloads", of: &root) ?? []
    guard !sources.isEmpty else {
      throw root.failure("workloads", nil, "is missing; write a list of workload files")
    }
    for source in sources {
      let path = URL(filePath: source, relativeTo: folder).path
      campaign.workloads.append(try workload(path, in: campaign))
    }
    campaign.faults = try faults(&root, for: campaign.workloads)
    campaign.builds = try builds(&root, beside: folder)
    try addDefaults(to: &campaign, defaultBuild, root)
    (campaign.firstSeed, campaign.seeds) = try seeds(&root)
    campaign.cover = try cover(&root)
    if var budget = try root.mapping("budget") {
      campaign.seconds = try budget.duration("time").map { $0 / .seconds(1) }
      campaign.runs = try budget.integer("runs", in: 1...1_000_000)
      try budget.finish()
    }
    campaign.labs = try root.integer("labs", in: 1...256)
    campaign.retries = try root.integer("retries", in: 0...100) ?? campaign.retries
    campaign.quarantine = try root.integer("quarantine", in: 1...1000) ?? campaign.quarantine
    campaign.findings = try root.integer("findings", in: 1...1_000_000) ?? campaign.findings
    try root.finish()
    if let reason = campaign.problem { throw WorkloadError(file: file, reason: reason) }
    return campaign
  }

  private static func stem(of path: String) -> String {
    let name = URL(filePath: path).lastPathComponent
    return name.lastIndex(of: ".").map { String(name[..<$0]) } ?? name
  }

  /// The workload at `path`, which must be one with each size of the cluster.
  static func workload(
    _ path: String, in campaign: Campaign
  ) throws(WorkloadError) -> Campaign.Source {
    let text = try YAMLText.read(path: path, kind: "workload file")
    let sizes: [Int?] = campaign.nodes.isEmpty ? [nil] : campaign.nodes
    var kinds: Set<String> = []
    var system = SystemName.raftNode
    for size in sizes {
      let overrides = campaign.overrides(nodes: size)
      let workload = try WorkloadFile.parse(text, file: path, overrides: overrides)
      kinds.formUnion(workload.faults.map(\.kind.name))
      system = workload.system
    }
    let name = stem(of: path)
    guard !campaign.workloads.contains(where: { $0.name == name }) else {
      throw WorkloadError(file: path, reason: "a second workload named \(name); rename one of them")
    }
    return Campaign.Source(name: name, text: text, system: system, kinds: kinds.sorted())
  }

  private static func faults(
    _ root: inout YAMLMapping, for workloads: [Campaign.Source]
  ) throws(WorkloadError) -> [FaultChoice] {
    let known = Set(workloads.flatMap(\.kinds)).sorted()
    var choices: [FaultChoice] = []
    for word in try words("faults", of: &root) ?? ["all"] {
      let named = word == "each" ? known.map { .kinds([$0]) } : [FaultChoice(name: word)]
      for choice in named {
        if case .kinds(let kinds) = choice,
          let stranger = kinds.first(where: { !known.contains($0) }) ?? (kinds.isEmpty ? "" : nil)
        {
          throw root.failure(
            "faults", nil,
            known.isEmpty
              ? "no workload has any; leave it out, or write none"
              : "no workload has \(stranger); they have \(known.joined(separator: ", ")), and there "
                + "are all, none and each")
        }
        if !choices.contains(choice) { choices.append(choice) }
      }
    }
    return choices
  }

  private static func builds(
    _ root: inout YAMLMapping, beside folder: URL
  ) throws(WorkloadError) -> [Campaign.Build] {
    guard let node = root.take("builds") else { return [] }
    var builds: [Campaign.Build] = []
    for member in node.array().isEmpty ? [node] : node.array() {
      var name: String?
      var path = member.string
      var system = SystemName.raftNode
      if path == nil {
        var mapping = try root.inner(member, "builds")
        name = try mapping.text("name")
        path = try mapping.text("path")
        system = try mapping.choices("system", SystemName.self)?.first ?? system
        try mapping.finish()
      }
      guard let path, !path.isEmpty else {
        throw root.failure("builds", member, "name a program: {name: main, path: build/raft-node}")
      }
      let build = try build(
        named: name, at: URL(filePath: path, relativeTo: folder).path, of: system, root)
      guard !builds.contains(where: { $0.name == build.name }) else {
        throw root.failure("builds", member, "a second build named \(build.name); name them")
      }
      builds.append(build)
    }
    return builds
  }

  /// Gives each system that workloads drive and no build is of its usual one.
  private static func addDefaults(
    to campaign: inout Campaign, _ defaultBuild: String, _ root: YAMLMapping
  ) throws(WorkloadError) {
    for system in SystemName.allCases
    where campaign.workloads.contains(where: { $0.system == system })
      && !campaign.builds.contains(where: { $0.system == system })
    {
      let path =
        switch system {
        case .raftNode: defaultBuild
        case .redis: RedisServer.usualProgram ?? "redis-server"
        }
      campaign.builds.append(try build(named: nil, at: path, of: system, root))
    }
  }

  private static func build(
    named name: String?, at path: String, of system: SystemName, _ root: YAMLMapping
  ) throws(WorkloadError) -> Campaign.Build {
    do {
      return try Campaign.Build(name: name, at: path, of: system)
    } catch {
      throw root.failure("builds", nil, "\(error)")
    }
  }

  private static func nodes(_ root: inout YAMLMapping) throws(WorkloadError) -> [Int] {
    guard let node = root.take("nodes") else { return [] }
    var sizes: [Int] = []
    for member in node.array().isEmpty ? [node] : node.array() {
      guard let size = member.int, (1...99).contains(size) else {
        throw root.failure("nodes", member, "\(member.string ?? "it") is no whole number of 1...99")
      }
      if !sizes.contains(size) { sizes.append(size) }
    }
    return sizes
  }

  private static func seeds(
    _ root: inout YAMLMapping
  ) throws(WorkloadError) -> (first: UInt64, count: Int) {
    guard let node = root.take("seeds") else { return (1, 1) }
    let range = 1...1_000_000
    if let count = node.int {
      guard range.contains(count) else {
        throw root.failure("seeds", node, "\(count) is no whole number of \(range)")
      }
      return (1, count)
    }
    var mapping = try root.inner(node, "seeds")
    let first = try mapping.integer("first", in: 0...Int.max) ?? 1
    let count = try mapping.integer("count", in: range) ?? 1
    try mapping.finish()
    return (UInt64(first), count)
  }

  private static func cover(_ root: inout YAMLMapping) throws(WorkloadError) -> Campaign.Cover {
    guard let node = root.take("cover") else { return .full }
    switch node.string {
    case "full": return .full
    case "pairwise": return .pairwise
    case .some(let word):
      throw root.failure("cover", node, "\(word) is none of full, pairwise, {sample: 40}")
    case nil: break
    }
    var mapping = try root.inner(node, "cover")
    let count = try mapping.integer("sample", in: 1...1_000_000)
    try mapping.finish()
    guard let count else { throw root.failure("cover", node, "write {sample: 40}") }
    return .sample(count)
  }

  /// A word, or a list of them.
  private static func words(
    _ key: String, of root: inout YAMLMapping
  ) throws(WorkloadError) -> [String]? {
    guard let node = root.take(key) else { return nil }
    var words: [String] = []
    for member in node.array().isEmpty ? [node] : node.array() {
      guard let word = member.string, !word.isEmpty else {
        throw root.failure(key, member, "must be a list of words")
      }
      words.append(word)
    }
    return words
  }
}

extension Campaign {
  /// What a run puts over its workload's file.
  func overrides(nodes: Int?) -> [Override] {
    var overrides = settings.compactMap { Override($0) }
    if let time { overrides.append(Override("time", time)) }
    if let nodes { overrides.append(Override("nodes", "\(nodes)")) }
    return overrides
  }
}
