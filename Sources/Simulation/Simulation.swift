// One simulation: nodes and clients in a world, disturbed and watched, from one seed.

import History
import Linearizability
import Raft

/// What a simulation is made of.
public struct SimulationOptions: Sendable {
  /// Where everything comes from.
  public var seed: UInt64
  /// Voters.
  public var nodes = 5
  /// How long, in the world's time.
  public var time = Duration.seconds(60)
  /// Clients, and what they ask for in all.
  public var clients = 5
  /// Operations a second of all clients.
  public var operationsASecond = 50
  /// Registers.
  public var keys = 3
  /// After this time a client gives up on an answer.
  public var timeout = Duration.milliseconds(500)
  /// How long a sync takes, in microseconds.
  public var syncTime = 100...3000
  /// How far the nodes' clocks may go wrong, in parts in a million.
  public var drift = 1000
  /// What the network does wrong.
  public var network = NetworkFaults()
  /// What the disks do wrong.
  public var disk = DiskFaults()
  /// The nodes' figures.
  public var raft = Configuration(id: NodeID(1))

  /// What `seed` draws: some seeds have calm networks, some have wild ones.
  public init(seed: UInt64) {
    self.seed = seed
    var random = SplitMix64(seed: seed ^ 0x5eed)
    network.loss = [0, 0.01, 0.1].randomElement(using: &random)!
    network.duplication = [0, 0.05].randomElement(using: &random)!
    network.stragglers = [0, 0.02].randomElement(using: &random)!
    disk.tornWrites = 0.5
    raft.snapshotPolicy = .sinceLast([20, 200, 5000].randomElement(using: &random)!)
    raft.logsToKeep = [0, 10, 100].randomElement(using: &random)!
    raft.snapshotChunkBytes = 256
    raft.maxRequestBytes = 512
  }
}

/// What came of a simulation.
public struct SimulationResult: Sendable {
  /// The first promise that was broken.
  public var violation: Violation?
  /// What the clients saw.
  public var history: History
  /// Operations that were answered.
  public var answered: Int
  /// Steps of all cores.
  public var steps: Int
  /// The sum over all that happened.
  public var trace: Trace
}

/// A world with a cluster in it.
public final class Simulation {
  private let options: SimulationOptions
  private let world: World
  private let network: SimulatedNetwork
  private let oracle: Oracle
  private let nodes: [SimulatedNode]
  private let log: ClientLog
  private let clients: [SimulatedClient]
  private var isHealing = false

  /// A world of `options`, at its beginning.
  public init(_ options: SimulationOptions) {
    self.options = options
    let world = World(seed: options.seed)
    let network = SimulatedNetwork(world, faults: options.network)
    let oracle = Oracle(world)
    let log = ClientLog(world)
    let ids = (1...UInt64(options.nodes)).map { NodeID($0) }
    nodes = ids.map { SimulatedNode(id: $0, world, network, oracle, options) }
    clients = (0..<options.clients).map {
      SimulatedClient($0, of: options.clients, world, network, log, ids, options)
    }
    self.world = world
    self.network = network
    self.oracle = oracle
    self.log = log
  }

  /// Runs it to its end; then everything is healed, and a quorum must come back.
  public func run() -> SimulationResult {
    let membership = Membership(voters: nodes.map(\.id))
    for node in nodes { start(node, membership) }
    for client in clients { client.start() }
    disturb()
    world.run { oracle.violation != nil || world.now >= options.time }
    heal()
    let answered = log.answered
    let end = world.now + .seconds(10)
    world.run { oracle.violation != nil || world.now >= end }
    for client in clients { client.isStopped = true }
    if oracle.violation == nil, log.answered == answered {
      oracle.broken("a healed cluster answers", "nothing was answered for 10 s")
    }
    let rest = world.now + .seconds(2)
    world.run { oracle.violation != nil || world.now >= rest }
    return SimulationResult(
      violation: oracle.violation, history: log.history, answered: log.answered,
      steps: oracle.stepCount, trace: world.trace)
  }

  private func start(_ node: SimulatedNode, _ membership: Membership?) {
    do {
      try node.start(initializing: membership)
    } catch {
      oracle.broken("what a crash leaves can be opened", "\(node.id): \(error)")
    }
  }

  /// Every now and then something happens to some node.
  private func disturb() {
    world.after(world.draw(microseconds: 50_000...2_000_000)) { [self] in
      guard !isHealing else { return }
      let node = nodes[world.draw(0...(nodes.count - 1))]
      switch world.draw(0...9) {
      case 0...3: crash(node)
      case 4: for node in nodes where world.happens(0.6) { crash(node) }
      case 5, 6: cutOff([node.id])
      case 7: cutOff(Set(nodes.map(\.id).filter { _ in world.happens(0.5) }))
      case 8: cutOneWay(node.id)
      default: meddle(node)
      }
      disturb()
    }
  }

  private func crash(_ node: SimulatedNode) {
    guard node.isUp else { return }
    node.crash()
    world.after(world.draw(microseconds: 1000...3_000_000)) { [self] in
      if !node.isUp { start(node, nil) }
    }
  }

  private func cutOff(_ part: Set<NodeID>) {
    var ways: Set<SimulatedNetwork.Way> = []
    for one in nodes.map(\.id) where part.contains(one) {
      for other in nodes.map(\.id) where !part.contains(other) {
        ways.insert(.init(from: one, to: other))
        ways.insert(.init(from: other, to: one))
      }
    }
    cut(ways)
  }

  private func cutOneWay(_ node: NodeID) {
    let isInward = world.happens(0.5)
    cut(
      Set(
        nodes.map(\.id).filter { $0 != node }.map {
          isInward ? .init(from: $0, to: node) : .init(from: node, to: $0)
        }))
  }

  private func cut(_ ways: Set<SimulatedNetwork.Way>) {
    network.cut.formUnion(ways)
    world.after(world.draw(microseconds: 50_000...3_000_000)) { [self] in
      network.cut.subtract(ways)
    }
  }

  /// What an administrator might do at the worst moment.
  private func meddle(_ node: SimulatedNode) {
    guard let raft = node.raft else { return }
    switch world.draw(0...3) {
    case 0: raft.trigger(.election)
    case 1: raft.trigger(.snapshot)
    case 2: raft.trigger(.purge(upTo: .max))
    default:
      let target = nodes[world.draw(0...(nodes.count - 1))].id
      let box = UncheckedBox(raft)
      _ = Task(executorPreference: world.taskExecutor) {
        // Refused where this node does not lead, or the other cannot.
        _ = try? await box.value.transferLeadership(to: target)
      }
    }
  }

  private func heal() {
    isHealing = true
    network.cut = []
    network.faults.loss = 0
    network.faults.stragglers = 0
    for node in nodes where !node.isUp { start(node, nil) }
  }
}
