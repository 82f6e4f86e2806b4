// From a planned fault to one with targets: who leads now, and what the seed draws.

import Hosts
import Systems
import Workloads

/// A fault with its targets.
struct ResolvedFault {
  var fault: any Fault
  /// What it lays hands on.
  var claims: Set<Nemesis.Claim>
  /// What it takes while it is on.
  var harm = Harm()
}

extension Nemesis {
  /// The fault with its targets.
  func resolve(_ planned: PlannedFault) async throws -> ResolvedFault {
    var targets = Targets(
      names: cluster.hosts.map(\.name),
      leader: await cluster.system.leader(group: group)?.index,
      held: Set(held().compactMap { name in cluster.hosts.firstIndex { $0.name == name } }))
    if planned.words.contains(where: { NodeTarget(rawValue: $0)?.needsStandings == true }) {
      targets.standings = await cluster.system.standings(within: .seconds(5), group: group)
    }
    var draw = Draw(
      random: SplitMix64(seed: planned.seed), targets: targets, pinned: try pinned(planned))
    switch planned.kind {
    case "partition": return try partition(planned, &draw)
    case "disconnect":
      let (target, means): (NodeTarget, CutMeans) = try planned.understood(CutMeans.read)
      let nodes = try draw.nodes(target)
      let fault = Disconnect(
        target: target, by: means, nodes: nodes, cluster: cluster, rules: rules, group: group)
      return ResolvedFault(fault: fault, claims: [.clients], harm: Harm(down: Set(nodes)))
    case "network":
      let aim: AimedTrouble<LinkConditions> = try planned.understood(AimedTrouble.init(choice:))
      let fault = SlowNetwork(
        aim: aim, nodes: try draw.nodes(aim.target), seed: draw.random.next(), rules: rules)
      let cuts = aim.trouble.isAsGoodAsCut ? places(of: fault.grudge.cuts) : []
      return ResolvedFault(fault: fault, claims: [.conditions], harm: Harm(cuts: cuts))
    case "recipe":
      let recipe: Recipe = try planned.understood(Recipe.init(rawValue:))
      let fault = RecipeRun(
        recipe: recipe, seed: planned.seed, cluster: cluster, group: group,
        resolve: { [self] in try await resolve($0).fault })
      // Whom its steps hit nobody knows before their time.
      let nodes = cluster.hosts.indices
      return ResolvedFault(
        fault: fault, claims: Claim.all(nodes), harm: .everything(nodes))
    case "administer":
      let action: Administration = try planned.understood(Administration.init(rawValue:))
      return ResolvedFault(
        fault: Administer(action: action, cluster: cluster, group: group), claims: [])
    default: return try nodeFault(planned, &draw)
    }
  }

  private func nodeFault(
    _ planned: PlannedFault, _ draw: inout Draw
  ) throws -> ResolvedFault {
    switch planned.kind {
    case "disk":
      let aim: AimedTrouble<DiskTrouble> = try planned.understood(AimedTrouble.init(choice:))
      let nodes = try draw.nodes(aim.target)
      let fault = Disk(aim: aim, nodes: nodes, seed: draw.random.next(), cluster: cluster)
      let unsynced = aim.trouble.losesUnsynced ? Set(nodes) : []
      return ResolvedFault(
        fault: fault, claims: Set(nodes.map { .process($0) }),
        harm: Harm(down: Set(nodes), unsynced: unsynced))
    case "damage":
      let aim: AimedTrouble<FileTrouble> = try planned.understood(AimedTrouble.init(choice:))
      let nodes = try draw.nodes(aim.target)
      let fault = Damage(aim: aim, nodes: nodes, seed: draw.random.next(), cluster: cluster)
      let synced = aim.trouble.losesDurable ? Set(nodes) : []
      return ResolvedFault(
        fault: fault, claims: Set(nodes.map { .process($0) }),
        harm: Harm(down: Set(nodes), synced: synced))
    case "clock":
      let aim: AimedTrouble<ClockTrouble> = try planned.understood(AimedTrouble.init(choice:))
      let nodes = try draw.nodes(aim.target)
      if aim.trouble == .restartAhead {
        let fault = ClockAtStart(aim: aim, nodes: nodes, cluster: cluster)
        return ResolvedFault(
          fault: fault, claims: Set(nodes.flatMap { [.process($0), .clock($0)] }),
          harm: Harm(down: Set(nodes)))
      }
      let fault = ClockSkew(aim: aim, nodes: nodes, cluster: cluster)
      return ResolvedFault(fault: fault, claims: Set(nodes.map { .clock($0) }))
    case "members":
      let aim: AimedTrouble<MemberTrouble> = try planned.understood(AimedTrouble.init(choice:))
      let nodes = try draw.nodes(aim.target)
      // All the others must hear who goes and who comes.
      let fault = Members(aim: aim, nodes: nodes, cluster: cluster, group: group)
      return ResolvedFault(
        fault: fault, claims: Claim.all(cluster.hosts.indices), harm: Harm(down: Set(nodes)))
    case "starve":
      let aim: AimedTrouble<Resource> = try planned.understood(AimedTrouble.init(choice:))
      let nodes = try draw.nodes(aim.target)
      let fault = Starve(aim: aim, nodes: nodes, cluster: cluster)
      return ResolvedFault(
        fault: fault, claims: Set(nodes.map { .process($0) }), harm: Harm(down: Set(nodes)))
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

  /// The directions by the places of their nodes.
  private func places(of cuts: Set<Link>) -> Set<[Int]> {
    let names = cluster.hosts.map(\.name)
    return Set(
      cuts.map { [$0.from, $0.to].map { name in names.firstIndex { $0 == name } ?? names.count } })
  }

  private func partition(
    _ planned: PlannedFault, _ draw: inout Draw
  ) throws(FaultError) -> ResolvedFault {
    let (shape, means): (PartitionShape, CutMeans) = try planned.understood(CutMeans.read)
    let names = draw.targets.names
    let drawn = shape.grudge(nodes: names, leader: draw.targets.leader, using: &draw.random)
    guard let grudge = planned.cuts.map(Grudge.init(cuts:)) ?? drawn else {
      throw draw.impossible(shape.rawValue)
    }
    if let stranger = grudge.cuts.first(where: {
      !names.contains($0.from) || !names.contains($0.to) || $0.from == $0.to
    }) {
      throw .skipped("nothing can be cut from \(stranger.from) to \(stranger.to)")
    }
    let fault = Partition(shape: shape, by: means, grudge: grudge, rules: rules, probe: probe)
    return ResolvedFault(
      fault: fault, claims: [.partition], harm: Harm(cuts: places(of: grudge.cuts)))
  }

  private func process(
    _ planned: PlannedFault, _ draw: inout Draw
  ) throws(FaultError) -> ResolvedFault {
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
    let isInTurn = ["roll", "upgrade"].contains(planned.kind)
    return ResolvedFault(
      fault: fault, claims: Set(nodes.map { .process($0) }),
      harm: isInTurn ? Harm(inTurn: [Set(nodes)]) : Harm(down: Set(nodes)))
  }
}

/// What a fault draws its targets from.
private struct Draw {
  /// Why a target names nobody.
  func impossible(_ target: String) -> FaultError {
    let nodes = targets.names.joined(separator: ", ")
    return switch NodeTarget(rawValue: target) {
    case .leader, .followers: .skipped("no leader was known")
    case .named: .skipped("there is no such node as \(target) among \(nodes)")
    case .held: .skipped("no client had called a node")
    case .lastToVote: .skipped("no node has given its vote to another since it was started")
    case .learners: .skipped("no node was a learner")
    case .mostBehind: .skipped("no node said how far it is")
    default: .skipped("too few nodes, or no leader known, for \(target): there are \(nodes)")
    }
  }

  var random: SplitMix64
  let targets: Targets
  /// What is hit whatever is drawn.
  let pinned: [Int]?

  mutating func nodes(_ target: NodeTarget) throws(FaultError) -> [Int] {
    // Drawn all the same: what is drawn after it must not change.
    let drawn = target.nodes(among: targets, using: &random)
    guard let nodes = pinned ?? drawn else { throw impossible(target.rawValue) }
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
