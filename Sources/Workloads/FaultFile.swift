// One line of a workload's faults, in a file.

import Hosts
import Systems
import Yams

extension FaultSpecification {
  /// Reads it.
  init(_ node: Node, file: String, system: SystemName) throws(WorkloadError) {
    var mapping = try YAMLMapping(node, file: file, path: "faults")
    let targets = try mapping.choices("on", NodeTarget.self)
    let means = try mapping.choices("by", CutMeans.self)
    let kinds = try Self.kinds(&mapping, on: targets, by: means)
    every = try mapping.duration("every") ?? .seconds(5)
    lasts = try mapping.duration("for") ?? .seconds(3)
    at = try mapping.durations("at")
    after = try mapping.duration("after")
    until = try mapping.duration("until")
    spread = try mapping.choices("spread", Spread.self)?.first ?? .even
    group = try mapping.text("group")
    when = try mapping.choices("when", ClusterState.self)?.first
    within = try mapping.duration("within")
    healWhen = try mapping.choices("heal-when", ClusterState.self)?.first
    try mapping.finish()
    if at != nil, after != nil || until != nil {
      throw mapping.failure("at", node, "says when; leave after and until out")
    }
    if let after, let until, after + lasts > until {
      throw mapping.failure("until", node, "nothing fits between after and until")
    }
    if within != nil, when == nil {
      throw mapping.failure("within", node, "says how long to wait, but not for what; add when")
    }
    if let group, !NodeTarget.isWord(group) {
      throw mapping.failure("group", node, "is a word of letters, digits and dashes")
    }
    guard let kind = kinds.first, kinds.count == 1 else {
      throw mapping.failure(
        "", node,
        "each fault is one of partition, disconnect, network, kill, terminate, abort, roll, pause, "
          + "disk, damage, clock, starve, members, upgrade, recipe or administer")
    }
    self.kind = kind
    guard kind.choices.count <= 1000 else {
      throw mapping.failure("", node, "there are \(kind.choices.count) choices; 1,000 may be")
    }
    if targets != nil, !kind.isAimed {
      throw mapping.failure("on", node, "\(kind.name) names its targets itself; leave `on` out")
    }
    if means != nil, !kind.isCut {
      throw mapping.failure("by", node, "\(kind.name) cuts no connections; leave `by` out")
    }
    guard system == .redis else { return }
    if when != nil || healWhen != nil {
      throw mapping.failure("when", node, "redis has no leader and no log to wait for here")
    }
    switch kind {
    case .partition, .network:
      throw mapping.failure(kind.name, node, "one node has nobody to be cut from")
    case .administer, .members, .upgrade, .damage:
      throw mapping.failure(kind.name, node, "redis has no leader, members or log to tend here")
    default: break
    }
  }

  /// What is done, of all that the mapping says.
  private static func kinds(
    _ mapping: inout YAMLMapping, on targets: [NodeTarget]?, by means: [CutMeans]?
  ) throws(WorkloadError) -> [Kind] {
    let aimed = targets ?? [.one, .leader]
    let means = means ?? [.drop]
    let kinds: [Kind?] = [
      try mapping.choices("partition", PartitionShape.self).map { .partition($0, by: means) },
      try mapping.choices("disconnect", NodeTarget.self).map { .disconnect($0, by: means) },
      try conditions(&mapping).map { .network($0, on: aimed) },
      try mapping.choices("kill", NodeTarget.self).map { .kill($0) },
      try mapping.choices("terminate", NodeTarget.self).map { .terminate($0) },
      try mapping.choices("abort", NodeTarget.self).map { .abort($0) },
      try mapping.choices("roll", NodeTarget.self).map { .roll($0) },
      try mapping.choices("pause", NodeTarget.self).map { .pause($0) },
      try mapping.choices("disk", DiskTrouble.self).map { .disk($0, on: aimed) },
      try mapping.choices("damage", FileTrouble.self).map { .damage($0, on: aimed) },
      try mapping.choices("clock", ClockTrouble.self).map { .clock($0, on: aimed) },
      try mapping.choices("starve", Resource.self).map { .starve($0, on: aimed) },
      try mapping.choices("members", MemberTrouble.self).map { .members($0, on: aimed) },
      try mapping.choices("upgrade", NodeTarget.self).map { .upgrade($0) },
      try recipes(&mapping).map { .recipe($0) },
      try mapping.choices("administer", Administration.self).map { .administer($0) },
    ]
    return kinds.compactMap { $0 }
  }

  /// A recipe, or a list of them.
  private static func recipes(_ mapping: inout YAMLMapping) throws(WorkloadError) -> [Recipe]? {
    guard let node = mapping.take("recipe") else { return nil }
    var recipes: [Recipe] = []
    for member in node.array().isEmpty ? [node] : node.array() {
      do throws(Recipe.Complaint) {
        recipes.append(try Recipe(member.string ?? ""))
      } catch {
        throw mapping.failure("recipe", member, error.text)
      }
    }
    return recipes
  }

  /// A mapping of netem's options, or a list of them.
  private static func conditions(
    _ mapping: inout YAMLMapping
  ) throws(WorkloadError) -> [LinkConditions]? {
    guard let node = mapping.take("network") else { return nil }
    let members = node.array().isEmpty ? [node] : node.array()
    var all: [LinkConditions] = []
    for member in members {
      var conditions = LinkConditions()
      guard case .mapping(let options) = member else {
        throw mapping.failure("network", member, "write {delay: 50ms, jitter: 10ms, loss: 5%}")
      }
      for (name, value) in options {
        if let complaint = conditions.set(name.string ?? "?", value.string ?? "it") {
          throw mapping.failure("network.\(name.string ?? "?")", name, complaint)
        }
      }
      if let complaint = conditions.complaint {
        throw mapping.failure("network", member, complaint)
      }
      all.append(conditions)
    }
    return all
  }
}

extension FaultSpecification {
  /// The line that gives it again.
  var yaml: String {
    var words = [kind.yaml, "every: \(every.workloadText)", "for: \(lasts.workloadText)"]
    if let at { words.append("at: [\(at.map(\.workloadText).joined(separator: ", "))]") }
    if let after { words.append("after: \(after.workloadText)") }
    if let until { words.append("until: \(until.workloadText)") }
    if spread != .even { words.append("spread: \(spread.rawValue)") }
    if let group { words.append("group: \(group)") }
    if let when { words.append("when: \(when.rawValue)") }
    if let within { words.append("within: \(within.workloadText)") }
    if let healWhen { words.append("heal-when: \(healWhen.rawValue)") }
    return "{\(words.joined(separator: ", "))}"
  }
}

extension FaultSpecification.Kind {
  /// Whether it takes `on`.
  fileprivate var isAimed: Bool {
    switch self {
    case .network, .disk, .damage, .clock, .starve, .members: true
    default: false
    }
  }

  /// Whether it takes `by`.
  fileprivate var isCut: Bool {
    switch self {
    case .partition, .disconnect: true
    default: false
    }
  }

  /// What is done and to whom, as a workload file says it.
  var yaml: String {
    func list(_ names: [String]) -> String { "[\(names.joined(separator: ", "))]" }
    func aimed(_ troubles: [String], _ targets: [NodeTarget]) -> String {
      "\(name): \(list(troubles)), on: \(list(targets.map(\.rawValue)))"
    }
    func cut(_ shapes: [String], _ means: [CutMeans]) -> String {
      "\(name): \(list(shapes)), by: \(list(means.map(\.rawValue)))"
    }
    return switch self {
    case .partition(let shapes, let means): cut(shapes.map(\.rawValue), means)
    case .disconnect(let targets, let means): cut(targets.map(\.rawValue), means)
    case .network(let conditions, let targets):
      aimed(
        conditions.map {
          "{\($0.rawValue.replacing("=", with: ": ").replacing(",", with: ", "))}"
        }, targets)
    case .disk(let troubles, let targets): aimed(troubles.map(\.rawValue), targets)
    case .damage(let files, let targets): aimed(files.map(\.rawValue), targets)
    case .clock(let troubles, let targets): aimed(troubles.map(\.rawValue), targets)
    case .starve(let resources, let targets): aimed(resources.map(\.rawValue), targets)
    case .members(let troubles, let targets): aimed(troubles.map(\.rawValue), targets)
    case .recipe(let recipes): "\(name): \(list(recipes.map { "\"\($0.rawValue)\"" }))"
    case .kill, .terminate, .abort, .roll, .upgrade, .pause, .administer:
      "\(name): \(list(choices))"
    }
  }
}
