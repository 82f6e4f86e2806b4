// One simulation: nodes and clients in a world, disturbed and watched, from one seed.

import History
import Linearizability
import Raft
import RaftStore

/// What a simulation is made of.
public struct SimulationOptions: Sendable {
  /// Where everything comes from.
  public var seed: UInt64
  /// Voters.
  public var nodes = 5
  /// How long, in the world's time.
  public var time = Duration.seconds(60)
  /// Clients, and what they ask for in all.
  public var clients = 10
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
  /// So many times as often as usual something happens to a node.
  public var pace = 1
  /// What the network does wrong.
  public var network = NetworkFaults()
  /// What the disks do wrong.
  public var disk = DiskFaults()
  /// The only disturbances to let happen, by number; nil for all. What each one does is drawn from
  /// the seed and its number, whichever others there are.
  public var onlyFaults: Set<Int>?
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
    pace = [1, 1, 3, 8].randomElement(using: &random)!
    // On slow disks much is lost by a crash, and much goes on before it is safe.
    syncTime = [100...3000, 100...3000, 2000...40_000].randomElement(using: &random)!
    disk.failingSyncs = [0, 0, 0.0002].randomElement(using: &random)!
    disk.stalls = [0, 0, 0.0005].randomElement(using: &random)!
    raft.snapshotPolicy = .sinceLast([20, 200, 5000].randomElement(using: &random)!)
    raft.logsToKeep = [0, 10, 100].randomElement(using: &random)!
    raft.snapshotChunkBytes = 256
    // With one entry at a time a log is half replicated more often.
    raft.maxRequestBytes = [1, 512, 512].randomElement(using: &random)!
    disk.misdirectedWrites = [0, 0, 0.5].randomElement(using: &random)!
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
  /// The disturbances that happened: number and what it was.
  public var faults: [SimulatedFault]
  /// The sum over all that happened.
  public var trace: Trace
}

/// Something that was done to a world.
public struct SimulatedFault: Sendable, Equatable {
  /// Which one of its seed.
  public var number: Int
  /// When.
  public var time: Duration
  /// What.
  public var what: String
}

/// A world with a cluster in it.
public final class Simulation {
  private let options: SimulationOptions
  let world: World
  private let network: SimulatedNetwork
  private let oracle: Oracle
  private let nodes: [SimulatedNode]
  private let log: ClientLog
  private let clients: [SimulatedClient]
  private var isHealing = false
  private var isOver = false
  private var faults: [SimulatedFault] = []

  /// A world of `options`, at its beginning.
  public init(_ options: SimulationOptions) {
    self.options = options
    let world = World(seed: options.seed)
    let network = SimulatedNetwork(world, faults: options.network)
    let oracle = Oracle(world, lease: options.raft.electionTimeout.lowerBound)
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
    network.granted = { oracle.granted($0, $1) }
    network.stood = { oracle.stood($0, $1) }
    network.followed = { oracle.followed($0, $1, at: $2) }
    network.handedOver = { oracle.handedOver($0) }
    for node in nodes {
      // A node whose disk failed is started again, like any that crashed.
      node.ended = { [unowned self, unowned node] in restart(node, within: 1000...3_000_000) }
    }
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
      oracle.broken("a healed cluster answers", "nothing was answered for 10 s; \(oracle.standing)")
    }
    let rest = world.now + .seconds(2)
    world.run { oracle.violation != nil || world.now >= rest }
    let result = SimulationResult(
      violation: oracle.violation, history: log.history, answered: log.answered,
      steps: oracle.stepCount, faults: faults, trace: world.trace)
    endAllTasks()
    return result
  }

  /// Ends every task: one that waited for ever would keep all of the world in memory.
  private func endAllTasks() {
    isOver = true
    for node in nodes { node.crash() }
    world.run { false }
  }

  private func start(_ node: SimulatedNode, _ membership: Membership?) {
    do {
      try node.start(initializing: membership)
    } catch let error as StoreError where error == SimulatedDisk.failure {
      restart(node, within: 1000...3_000_000)
    } catch is StoreError where node.restore() {
      restart(node, within: 100_000...3_000_000)
    } catch {
      oracle.broken("what a crash leaves can be opened", "\(node.id): \(error)")
    }
  }

  /// Every now and then something happens to some node.
  private func disturb(_ number: Int = 1) {
    // Of the fault's own chance, so that it stays the same where others are left out.
    var random = SplitMix64(seed: options.seed &* 0x9e37_79b9_7f4a_7c15 ^ UInt64(number))
    let pause = Int.random(in: 50_000...2_000_000, using: &random) / options.pace
    world.after(.microseconds(pause)) { [self] in
      guard !isHealing else { return }
      if options.onlyFaults?.contains(number) ?? true {
        faults.append(
          SimulatedFault(number: number, time: world.now, what: inflict(using: &random)))
      }
      disturb(number + 1)
    }
  }

  /// Does something, and says what.
  private func inflict(using random: inout SplitMix64) -> String {
    let ids = nodes.map(\.id)
    let node = nodes.randomElement(using: &random)!
    let time = 20_000...Int.random(in: 100_000...(3_000_000 / options.pace), using: &random)
    switch Int.random(in: 0...19, using: &random) {
    case 0, 1:
      crash(node, within: time)
      return "crash \(node.id)"
    case 2, 3, 17, 18:
      crashAtSync(node, within: time)
      return "crash \(node.id) at its next sync"
    case 4:
      let some = nodes.filter { _ in Int.random(in: 0..<10, using: &random) < 6 }
      // Some are back before a lease has ended.
      let isQuick = Bool.random(using: &random)
      for node in some { crash(node, within: isQuick ? 100...20_000 : time) }
      return "crash \(some.map(\.id))\(isQuick ? " for a moment" : "")"
    case 5, 6:
      cut(ways(between: [node.id]), for: time)
      return "cut off \(node.id)"
    case 7:
      let part = Set(ids.filter { _ in Bool.random(using: &random) })
      cut(ways(between: part), for: time)
      return "cut off \(part.sorted())"
    case 8:
      let isInward = Bool.random(using: &random)
      cut(
        Set(
          ids.filter { $0 != node.id }.map {
            isInward ? .init(from: $0, to: node.id) : .init(from: node.id, to: $0)
          }),
        for: time)
      return "cut all \(isInward ? "to" : "from") \(node.id)"
    case 9...11: return lieInWait(for: node, time, using: &random)
    case 12:
      let other = ids.randomElement(using: &random)!
      let node = nodes.first(where: \.isLeader) ?? node
      cut([.init(from: node.id, to: other), .init(from: other, to: node.id)], for: time)
      return "cut between \(node.id) and \(other)"
    case 13: return burst(using: &random)
    case 19: return splitVoters(for: time, using: &random)
    default: return meddle(node, using: &random)
    }
  }

  /// Has whoever leads take a few as all the voters there are, and cuts these off from the others, who
  /// may not have heard of it.
  private func splitVoters(
    for time: ClosedRange<Int>, using random: inout SplitMix64
  ) -> String {
    let leader = nodes.first(where: \.isLeader) ?? nodes[0]
    let others = nodes.map(\.id).filter { $0 != leader.id }.shuffled(using: &random)
    let few =
      [leader.id] + others.prefix(Int.random(in: 0...max(0, nodes.count / 2 - 1), using: &random))
    let delay = Duration.microseconds([0, 200, 1000, 5000].randomElement(using: &random)!)
    if let raft = leader.raft {
      perform(raft) { _ = try? await $0.change(.replaceVoters(few), retain: true) }
    }
    world.after(delay) { [self] in
      if !isHealing { cut(ways(between: Set(few)), for: time) }
    }
    return "voters \(few.sorted()), cut off after \(delay)"
  }

  /// Has whoever leads get many writes, one right after the other, of which no client hears.
  private func burst(using random: inout SplitMix64) -> String {
    let count = Int.random(in: 5...30, using: &random)
    let command = RegisterCommand(kind: .write, key: .max, value: 1)
    for number in 0..<count {
      world.after(.milliseconds(number)) { [self] in
        for raft in nodes.compactMap(\.raft) { raft.write(command.bytes) { _ in } }
      }
    }
    return "\(count) writes"
  }

  /// Has a node crash, or be cut off, right after it did something, and be back before the others
  /// have forgotten.
  private func lieInWait(
    for node: SimulatedNode, _ time: ClosedRange<Int>, using random: inout SplitMix64
  ) -> String {
    let moment = Ambush.Moment.allCases.randomElement(using: &random)!
    let delay = Duration.microseconds([0, 0, 500, 5000].randomElement(using: &random)!)
    let blow = Int.random(in: 0..<10, using: &random)
    let isQuick = Bool.random(using: &random)
    let down = isQuick ? 100...50_000 : time
    let ways = ways(between: [node.id])
    node.ambush = Ambush(moment: moment, delay: delay) { [unowned self, unowned node] in
      guard !isHealing else { return }
      switch blow {
      case 0...3: crash(node, within: down)
      case 4...6: crashAtSync(node, within: down)
      default: cut(ways, for: time)
      }
    }
    let what =
      switch blow {
      case 0...3: "crash \(node.id)"
      case 4...6: "crash \(node.id) at a sync"
      default: "cut off \(node.id)"
      }
    return "\(what) \(delay) after its next \(moment)"
  }

  private func crash(_ node: SimulatedNode, within time: ClosedRange<Int>) {
    guard node.isUp else { return }
    node.crash()
    restart(node, within: time)
  }

  /// What the node wrote last is not on disk then.
  private func crashAtSync(_ node: SimulatedNode, within time: ClosedRange<Int>) {
    node.atNextSync { [unowned self, unowned node] in crash(node, within: time) }
  }

  private func restart(_ node: SimulatedNode, within time: ClosedRange<Int>) {
    world.after(world.draw(microseconds: time)) { [self] in
      if !node.isUp, !isOver { start(node, nil) }
    }
  }

  private func ways(between part: Set<NodeID>) -> Set<SimulatedNetwork.Way> {
    var ways: Set<SimulatedNetwork.Way> = []
    for one in nodes.map(\.id) where part.contains(one) {
      for other in nodes.map(\.id) where !part.contains(other) {
        ways.insert(.init(from: one, to: other))
        ways.insert(.init(from: other, to: one))
      }
    }
    return ways
  }

  private func cut(_ ways: Set<SimulatedNetwork.Way>, for time: ClosedRange<Int>) {
    network.cut.formUnion(ways)
    world.after(world.draw(microseconds: time)) { [self] in
      network.cut.subtract(ways)
    }
  }

  /// What an administrator might do at the worst moment; refused where the node does not lead, or
  /// the others cannot.
  private func meddle(_ node: SimulatedNode, using random: inout SplitMix64) -> String {
    let kind = Int.random(in: 0...6, using: &random)
    let target = nodes.randomElement(using: &random)!.id
    let voters = nodes.map(\.id).filter { _ in Int.random(in: 0..<10, using: &random) < 7 }
    // Only a leader can do most of it, so it is asked of all.
    let asked = nodes.compactMap(\.raft)
    switch kind {
    case 0:
      node.raft?.trigger(.election)
      return "election by \(node.id)"
    case 1:
      node.raft?.trigger(.snapshot)
      return "snapshot of \(node.id)"
    case 2:
      node.raft?.trigger(.purge(upTo: .max))
      return "purge of \(node.id)"
    case 3:
      let rival = nodes.randomElement(using: &random)!
      node.raft?.trigger(.election)
      rival.raft?.trigger(.election)
      return "elections by \(node.id) and \(rival.id)"
    case 4:
      for raft in asked { perform(raft) { _ = try? await $0.transferLeadership(to: target) } }
      guard let leader = nodes.first(where: \.isLeader), Bool.random(using: &random) else {
        return "leadership to \(target)"
      }
      // Who handed over does not hear what comes of it.
      let delay = Duration.microseconds(Int.random(in: 500...20_000, using: &random))
      world.after(delay) { [self] in
        if !isHealing { cut(ways(between: [leader.id]), for: 100_000...500_000) }
      }
      return "leadership to \(target), \(leader.id) cut off after \(delay)"
    default:
      guard !voters.isEmpty else { return "nothing" }
      for raft in asked {
        perform(raft) { _ = try? await $0.change(.replaceVoters(voters), retain: true) }
      }
      return "voters \(voters)"
    }
  }

  private func perform(_ raft: Raft, _ body: @escaping @Sendable (Raft) async -> Void) {
    _ = Task(executorPreference: world.taskExecutor) { await body(raft) }
  }

  private func heal() {
    isHealing = true
    for node in nodes {
      node.ambush = nil
      node.atNextSync(nil)
    }
    network.cut = []
    network.faults.loss = 0
    network.faults.stragglers = 0
    for node in nodes where !node.isUp { start(node, nil) }
  }
}
