// Workload files: YAML to a `Workload`, and the resolved workload back to YAML.

import Hosts
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

  /// What `text` says, as `workload.keys=16`; nil when it is nothing of that form.
  public init?(_ text: String) {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty else { return nil }
    self.init(String(parts[0]), String(parts[1]))
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

  /// Reads a workload from `text`; `file` stands in errors, with `overrides` where they are what is wrong.
  public static func parse(
    _ text: String, file: String, overrides: [Override] = []
  ) throws(WorkloadError) -> Workload {
    var node = try YAMLText.compose(text, file: file, beginning: "system: raft-node")
    for override in overrides { try put(override, into: &node) }
    do {
      return try workload(node, file: file)
    } catch {
      // A file that is right without them is not to blame, and has no line for it.
      guard !overrides.isEmpty, (try? parse(text, file: file)) != nil else { throw error }
      let put = overrides.map { "\($0.path)=\($0.value)" }.joined(separator: " ")
      throw WorkloadError(file: "\(file) with \(put)", reason: error.reason)
    }
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
      // Nothing after the colon is none; anything else that is no list was meant to be something.
      guard list.sequence != nil || list.string?.isEmpty == true else {
        throw root.failure(
          "faults", list, "must be a list, such as [{kill: [one], every: 5s, for: 1s}]")
      }
      for item in list.array() {
        faults.append(try FaultSpecification(item, file: file, system: system))
      }
    }
    if load.reads == .lease, faults.contains(where: \.kind.bendsTime) {
      throw root.failure(
        "faults", nil,
        "clocks that go fast or slow break what a lease rests on; leave reads: lease out")
    }
    let planned = faults.reduce(0.0) { $0 + ($1.at.map { Double($0.count) } ?? time / $1.every) }
    guard planned <= 100_000 else {
      throw root.failure("faults", nil, "more than 100,000 would be planned; let them be rarer")
    }
    let schedule = try Schedule(try root.mapping("schedule"))
    let envelope = try root.choices("envelope", Envelope.self)?.first ?? .anything
    let network = try root.choices("network", LabNetwork.Family.self)?.first ?? .ipv4
    let capturesPackets = try root.flag("capture") ?? false
    let checks = try root.choices("check", CheckName.self) ?? CheckName.allCases
    var recovery: Duration?
    var gap: Duration?
    var latency: Duration?
    if var objectives = try root.mapping("objectives") {
      recovery = try objectives.duration("recovery")
      gap = try objectives.duration("gap")
      latency = try objectives.duration("latency")
      try objectives.finish()
      let given = [("recovery", recovery), ("gap", gap), ("latency", latency)]
      if let objective = given.first(where: { $0.1 != nil }), !checks.contains(.availability) {
        throw objectives.failure(objective.0, nil, "nobody judges it; add availability to check")
      }
    }
    let seed = try seed(&root)
    try root.finish()
    return Workload(
      system: system, nodes: nodes, clients: clients, rate: rate, time: time, timeout: timeout,
      load: load, faults: faults, schedule: schedule, envelope: envelope,
      network: network, capturesPackets: capturesPackets, checks: checks,
      recoveryObjective: recovery, gapObjective: gap, latencyObjective: latency,
      seed: seed)
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
    load.reads = try mapping.choices("reads", RegisterLoad.Reads.self)?.first ?? load.reads
    if system == .redis, load.reads == .lease {
      throw mapping.failure("reads", nil, "redis has no lease; leave it out")
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
        + "write: \(load.mix.write), cas: \(load.mix.cas)}, values: \(values), "
        + "reads: \(load.reads.rawValue)}")
    lines.append(faults.isEmpty ? "faults: []" : "faults:")
    lines += faults.map { "  - \($0.yaml)" }
    if let schedule = schedule.yaml { lines.append(schedule) }
    if envelope != .anything { lines.append("envelope: \(envelope.rawValue)") }
    if network != .ipv4 { lines.append("network: \(network.rawValue)") }
    if capturesPackets { lines.append("capture: true") }
    lines.append("check: [\(checks.map(\.rawValue).joined(separator: ", "))]")
    let objectives = [
      ("recovery", recoveryObjective), ("gap", gapObjective), ("latency", latencyObjective),
    ].compactMap { name, time in time.map { "\(name): \($0.workloadText)" } }
    if !objectives.isEmpty { lines.append("objectives: {\(objectives.joined(separator: ", "))}") }
    if let seed { lines.append("seed: \(seed)") }
    return lines.joined(separator: "\n") + "\n"
  }
}
