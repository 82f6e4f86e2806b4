// From a planned fault to one with targets: who leads now, and what the seed draws.

import Hosts
import Systems
import Workloads

extension Nemesis {
  /// The fault with its targets, and what it lays hands on.
  func resolve(_ planned: PlannedFault) async throws -> (any Fault, Set<Claim>) {
    var targets = Targets(
      names: cluster.hosts.map(\.name),
      leader: await cluster.system.leader(group: group)?.index)
    if planned.words.contains(where: { NodeTarget(rawValue: $0)?.needsStandings == true }) {
      targets.standings = await cluster.system.standings(group: group)
    }
    var draw = Draw(
      random: SplitMix64(seed: planned.seed), targets: targets, pinned: try pinned(planned))
    switch planned.kind {
    case "partition": return try partition(planned, &draw)
    case "disconnect":
      let (target, means): (NodeTarget, CutMeans) = try planned.understood(CutMeans.read)
      let fault = Disconnect(
        target: target, by: means, nodes: try draw.nodes(target), cluster: cluster, rules: rules,
        group: group)
      return (fault, [.clients])
    case "network":
      let aim: AimedTrouble<LinkConditions> = try planned.understood(AimedTrouble.init(choice:))
      let fault = SlowNetwork(
        aim: aim, nodes: try draw.nodes(aim.target), seed: draw.random.next(), rules: rules)
      return (fault, [.conditions])
    case "recipe":
      let recipe: Recipe = try planned.understood(Recipe.init(rawValue:))
      let fault = RecipeRun(
        recipe: recipe, seed: planned.seed, cluster: cluster, group: group,
        resolve: { [self] in try await resolve($0).0 })
      return (fault, Claim.all(cluster.hosts.indices))
    case "administer":
      let action: Administration = try planned.understood(Administration.init(rawValue:))
      return (Administer(action: action, cluster: cluster, group: group), [])
    case "disk":
      let aim: AimedTrouble<DiskTrouble> = try planned.understood(AimedTrouble.init(choice:))
      let nodes = try draw.nodes(aim.target)
      let fault = Disk(aim: aim, nodes: nodes, seed: draw.random.next(), cluster: cluster)
      return (fault, Set(nodes.map { .process($0) }))
    case "damage":
      let aim: AimedTrouble<StoredFile> = try planned.understood(AimedTrouble.init(choice:))
      let nodes = try draw.nodes(aim.target)
      let fault = Damage(aim: aim, nodes: nodes, seed: draw.random.next(), cluster: cluster)
      return (fault, Set(nodes.map { .process($0) }))
    case "clock":
      let aim: AimedTrouble<ClockTrouble> = try planned.understood(AimedTrouble.init(choice:))
      let nodes = try draw.nodes(aim.target)
      return (ClockSkew(aim: aim, nodes: nodes, cluster: cluster), Set(nodes.map { .clock($0) }))
    case "members":
      let aim: AimedTrouble<MemberTrouble> = try planned.understood(AimedTrouble.init(choice:))
      let nodes = try draw.nodes(aim.target)
      // All the others must hear who goes and who comes.
      let fault = Members(aim: aim, nodes: nodes, cluster: cluster, group: group)
      return (fault, Claim.all(cluster.hosts.indices))
    case "starve":
      let aim: AimedTrouble<Resource> = try planned.understood(AimedTrouble.init(choice:))
      let nodes = try draw.nodes(aim.target)
      return (Starve(aim: aim, nodes: nodes, cluster: cluster), Set(nodes.map { .process($0) }))
    default: return try process(planned, &draw)
    }
  }

  /// The places of the nodes that a plan names.
  private func pinned(_ planned: PlannedFault) throws(FaultError) -> [Int]? {
    guard let names = planned.nodes else { return nil }
    var places: [Int] = []
    for name in names {
      guard let place = cluster.hosts.firstIndex(where: { $0.name == name }) else {
        throw .skipped("there is no node \(name)")
      }
      places.append(place)
    }
    guard !places.isEmpty else { throw .skipped("the plan names no node") }
    return Array(Set(places)).sorted()
  }

  private func partition(
    _ planned: PlannedFault, _ draw: inout Draw
  ) throws(FaultError) -> (any Fault, Set<Claim>) {
    let (shape, means): (PartitionShape, CutMeans) = try planned.understood(CutMeans.read)
    let names = draw.targets.names
    let drawn = shape.grudge(nodes: names, leader: draw.targets.leader, using: &draw.random)
    guard let grudge = planned.cuts.map(Grudge.init(cuts:)) ?? drawn else { throw Draw.impossible }
    if let stranger = grudge.cuts.first(where: {
      !names.contains($0.from) || !names.contains($0.to) || $0.from == $0.to
    }) {
      throw .skipped("nothing can be cut from \(stranger.from) to \(stranger.to)")
    }
    let fault = Partition(shape: shape, by: means, grudge: grudge, rules: rules, probe: probe)
    return (fault, [.partition])
  }

  private func process(
    _ planned: PlannedFault, _ draw: inout Draw
  ) throws(FaultError) -> (any Fault, Set<Claim>) {
    let target: NodeTarget = try planned.understood(NodeTarget.init(rawValue:))
    let nodes = try draw.nodes(target)
    let fault: any Fault =
      switch planned.kind {
      case "pause": Pause(target: target, nodes: nodes, cluster: cluster)
      case "roll": Roll(target: target, nodes: nodes, cluster: cluster)
      case "upgrade": Upgrade(target: target, nodes: nodes, cluster: cluster)
      case "kill", "terminate", "abort":
        Kill(kind: planned.kind, target: target, nodes: nodes, cluster: cluster)
      default: throw .skipped("\(planned.kind) is no kind of fault")
      }
    return (fault, Set(nodes.map { .process($0) }))
  }
}

/// What a fault draws its targets from.
private struct Draw {
  static let impossible = FaultError.skipped(
    "no leader was known, there are too few nodes, or none of that name or state")

  var random: SplitMix64
  let targets: Targets
  /// What is hit whatever is drawn.
  let pinned: [Int]?

  mutating func nodes(_ target: NodeTarget) throws(FaultError) -> [Int] {
    // Drawn all the same: what is drawn after it must not change.
    let drawn = target.nodes(among: targets, using: &random)
    guard let nodes = pinned ?? drawn else { throw Self.impossible }
    return nodes
  }
}

extension PlannedFault {
  /// The words of its choice.
  fileprivate var words: [String] { choice.split(separator: " ").map(String.init) }

  /// What its choice says; a plan may be anybody's.
  fileprivate func understood<Meaning>(
    _ read: (String) -> Meaning?
  ) throws(FaultError) -> Meaning {
    guard let meaning = read(choice) else {
      throw .skipped("\(choice) is nothing that a \(kind) can be")
    }
    return meaning
  }
}
