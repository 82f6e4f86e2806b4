// Workload files: YAML to a `Workload`, and the resolved workload back to YAML.

import Systems
import Yams

/// One value that a flag puts over what the file says, such as `workload.keys` and `16`.
public struct Override: Equatable, Sendable {
  /// The path of keys, joined by dots.
  public var path: String
  /// The value, as YAML.
  public var value: String

  /// Puts `value` at `path`.
  public init(_ path: String, _ value: String) {
    self.path = path
    self.value = value
  }
}

/// Reads workload files.
public enum WorkloadFile {
  /// Reads the file at `path`, with `overrides` put over it.
  ///
  /// - Throws: `WorkloadError` with file, line, what is wrong and what to do.
  public static func read(
    path: String, overrides: [Override] = []
  ) throws(WorkloadError) -> Workload {
    let text = try YAMLText.read(path: path, kind: "workload file")
    return try parse(text, file: path, overrides: overrides)
  }

  /// Reads a workload from `text`; `file` stands in errors.
  public static func parse(
    _ text: String, file: String, overrides: [Override] = []
  ) throws(WorkloadError) -> Workload {
    var node = try YAMLText.compose(text, file: file, beginning: "system: raft-node")
    for override in overrides { try put(override, into: &node) }
    return try workload(node, file: file)
  }

  private static func put(_ override: Override, into node: inout Node) throws(WorkloadError) {
    let value: Node?
    do { value = try Yams.compose(yaml: override.value) } catch {
      throw WorkloadError(file: "--set \(override.path)", reason: "\(override.value) is no YAML")
    }
    let path = override.path.split(separator: ".").map(String.init)
    put(value ?? Node(""), at: path[...], into: &node)
  }

  private static func put(_ value: Node, at path: ArraySlice<String>, into node: inout Node) {
    guard let first = path.first else {
      node = value
      return
    }
    var mapping = node.mapping ?? Node.Mapping([])
    var inner = mapping[Node(first)] ?? .mapping(Node.Mapping([]))
    put(value, at: path.dropFirst(), into: &inner)
    mapping[Node(first)] = inner
    node = .mapping(mapping)
  }

  private static func workload(_ node: Node, file: String) throws(WorkloadError) -> Workload {
    var root = try YAMLMapping(node, file: file)
    let system = try root.choices("system", SystemName.self)?.first ?? .raftNode
    let nodes = try root.integer("nodes", in: 1...99) ?? (system == .redis ? 1 : 5)
    if system == .redis, nodes != 1 {
      throw root.failure("nodes", nil, "redis runs as one node here; set nodes: 1")
    }
    let clients = try root.integer("clients", in: 1...10_000) ?? 10
    let rate = try root.positive("rate")
    let time = try root.duration("time") ?? .seconds(10)
    let timeout = try root.duration("timeout") ?? .seconds(1)
    let load = try load(try root.mapping("workload"), of: root, system: system)
    var faults: [FaultSpecification] = []
    if let list = root.take("faults") {
      for item in list.array() { faults.append(try fault(item, file: file, system: system)) }
    }
    let checks = try root.choices("check", CheckName.self) ?? CheckName.allCases
    var recovery: Duration?
    if var objectives = try root.mapping("objectives") {
      recovery = try objectives.duration("recovery")
      try objectives.finish()
      if recovery != nil, !checks.contains(.availability) {
        throw objectives.failure("recovery", nil, "nobody judges it; add availability to check")
      }
    }
    let seed = try seed(&root)
    try root.finish()
    return Workload(
      system: system, nodes: nodes, clients: clients, rate: rate, time: time, timeout: timeout,
      load: load, faults: faults, checks: checks, recoveryObjective: recovery, seed: seed)
  }

  private static func seed(_ root: inout YAMLMapping) throws(WorkloadError) -> UInt64? {
    guard let node = root.take("seed") else { return nil }
    guard let text = node.string, let seed = UInt64(text) else {
      throw root.failure("seed", node, "\(node.string ?? "it") is no whole number from 0")
    }
    return seed
  }

  private static func load(
    _ mapping: YAMLMapping?, of root: YAMLMapping, system: SystemName
  ) throws(WorkloadError) -> RegisterLoad {
    let plain = RegisterLoad.Mix(read: 4, write: 4, cas: system == .redis ? 0 : 2)
    var load = RegisterLoad(keys: 8, mix: plain, values: .unique)
    guard var mapping else { return load }
    if let name = mapping.take("name"), name.string != "register" {
      throw mapping.failure("name", name, "\(name.string ?? "it") is unknown; it is register")
    }
    load.keys = try mapping.integer("keys", in: 1...1_000_000) ?? load.keys
    if var mix = try mapping.mapping("mix") {
      load.mix = RegisterLoad.Mix(
        read: try mix.integer("read", in: 0...1000) ?? 0,
        write: try mix.integer("write", in: 0...1000) ?? 0,
        cas: try mix.integer("cas", in: 0...1000) ?? 0)
      try mix.finish()
      guard load.mix.read + load.mix.write + load.mix.cas > 0 else {
        throw mapping.failure("mix", nil, "all weights are zero; give one function a weight")
      }
    }
    if system == .redis, load.mix.cas > 0 {
      throw mapping.failure("mix", nil, "redis has no compare-and-set of its own; set cas: 0")
    }
    if let values = mapping.take("values"), values.string != "unique" {
      guard let count = values.int, count >= 1 else {
        throw mapping.failure(
          "values", values, "\(values.string ?? "it") is neither unique nor a number from 1")
      }
      load.values = .upTo(count)
    }
    try mapping.finish()
    return load
  }

  private static func fault(
    _ node: Node, file: String, system: SystemName
  ) throws(WorkloadError) -> FaultSpecification {
    var mapping = try YAMLMapping(node, file: file, path: "faults")
    let partitions = try mapping.choices("partition", PartitionShape.self)
    let targets = try mapping.choices("on", NodeTarget.self)
    let kinds: [FaultSpecification.Kind?] = [
      partitions.map { .partition($0) },
      try mapping.choices("kill", NodeTarget.self).map { .kill($0) },
      try mapping.choices("terminate", NodeTarget.self).map { .terminate($0) },
      try mapping.choices("abort", NodeTarget.self).map { .abort($0) },
      try mapping.choices("roll", NodeTarget.self).map { .roll($0) },
      try mapping.choices("pause", NodeTarget.self).map { .pause($0) },
      try mapping.choices("disk", DiskTrouble.self).map {
        .disk($0, on: targets ?? [.one, .leader])
      },
      try mapping.choices("clock", ClockTrouble.self).map {
        .clock($0, on: targets ?? [.one, .leader])
      },
      try mapping.choices("administer", Administration.self).map { .administer($0) },
    ]
    let every = try mapping.duration("every") ?? .seconds(5)
    let lasts = try mapping.duration("for") ?? .seconds(3)
    try mapping.finish()
    guard let kind = kinds.compactMap({ $0 }).first, kinds.compactMap({ $0 }).count == 1 else {
      throw mapping.failure(
        "", node,
        "each fault is one of partition, kill, terminate, abort, roll, pause, disk, clock or administer"
      )
    }
    if targets != nil, !kind.needsShim {
      throw mapping.failure("on", node, "\(kind.name) names its targets itself; leave `on` out")
    }
    if system == .redis, case .partition = kind {
      throw mapping.failure("partition", node, "one node has nobody to be cut from")
    }
    if system == .redis, case .administer = kind {
      throw mapping.failure("administer", node, "redis has no leader, snapshot or log to tend here")
    }
    return FaultSpecification(kind: kind, every: every, lasts: lasts)
  }
}

extension Workload {
  /// The workload as a file that gives it again.
  public var yaml: String {
    var lines = ["system: \(system.rawValue)", "nodes: \(nodes)", "clients: \(clients)"]
    if let rate { lines.append("rate: \(rate)") }
    lines.append("time: \(time.workloadText)")
    lines.append("timeout: \(timeout.workloadText)")
    let values =
      switch load.values {
      case .unique: "unique"
      case .upTo(let count): "\(count)"
      }
    lines.append(
      "workload: {name: register, keys: \(load.keys), mix: {read: \(load.mix.read), "
        + "write: \(load.mix.write), cas: \(load.mix.cas)}, values: \(values)}")
    lines.append(faults.isEmpty ? "faults: []" : "faults:")
    for fault in faults {
      lines.append(
        "  - {\(fault.kind.yaml), "
          + "every: \(fault.every.workloadText), for: \(fault.lasts.workloadText)}")
    }
    lines.append("check: [\(checks.map(\.rawValue).joined(separator: ", "))]")
    if let recoveryObjective {
      lines.append("objectives: {recovery: \(recoveryObjective.workloadText)}")
    }
    if let seed { lines.append("seed: \(seed)") }
    return lines.joined(separator: "\n") + "\n"
  }
}

extension FaultSpecification.Kind {
  /// What is done and to whom, as a workload file says it.
  fileprivate var yaml: String {
    func list(_ names: [String]) -> String { "[\(names.joined(separator: ", "))]" }
    return switch self {
    case .disk(let troubles, let targets):
      "\(name): \(list(troubles.map(\.rawValue))), on: \(list(targets.map(\.rawValue)))"
    case .clock(let troubles, let targets):
      "\(name): \(list(troubles.map(\.rawValue))), on: \(list(targets.map(\.rawValue)))"
    case .partition, .kill, .terminate, .abort, .roll, .pause, .administer:
      "\(name): \(list(choices))"
    }
  }
}
