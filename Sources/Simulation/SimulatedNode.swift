// One node of a world: real consensus code on a simulated disk and network, that can lose its power.

import Raft
import RaftStore

/// A node, up or down.
final class SimulatedNode {
  let id: NodeID
  private let world: World
  private let network: SimulatedNetwork
  private let oracle: Oracle
  private let options: SimulationOptions
  private let drift: Int
  private var logDisk: SimulatedDisk
  private var snapshotDisk: SimulatedDisk
  private var end: NetworkEnd?
  private var running: Task<Void, Never>?
  private var last: StepReport?
  /// What is done to it at its next step of a kind.
  var ambush: Ambush?
  /// Called when the node stopped by itself, as when its disk failed.
  var ended: () -> Void = {}
  /// The node, while it is up.
  private(set) var raft: Raft?

  init(
    id: NodeID, _ world: World, _ network: SimulatedNetwork, _ oracle: Oracle,
    _ options: SimulationOptions
  ) {
    self.id = id
    self.world = world
    self.network = network
    self.oracle = oracle
    self.options = options
    drift = options.drift == 0 ? 0 : world.draw(-options.drift...options.drift)
    logDisk = SimulatedDisk(world, faults: options.disk)
    snapshotDisk = SimulatedDisk(world, faults: options.disk)
  }

  var isUp: Bool { raft != nil }
  /// Whether it led at its last step.
  var isLeader: Bool { last?.isLeader ?? false }

  /// Starts with what the disks hold.
  ///
  /// - Throws: what the store says of its files: never, if it keeps its promises.
  func start(initializing membership: Membership?) throws {
    let log = try openLog(logDisk)
    if let sound = logDisk.sound {
      let (found, due) = (log.recovered, try openLog(sound).recovered)
      if found != due {
        oracle.broken(
          "a misdirected write is noticed, or does no more harm than a lost one",
          "\(id): \(found.vote), \(found.log) instead of \(due.vote), \(due.log)")
      }
    }
    let snapshots = try SnapshotStore(disk: snapshotDisk, executor: queue())
    let end = NetworkEnd(own: id, network)
    var configuration = options.raft
    configuration.id = id
    let raft = Raft(
      configuration, log: log, snapshots: snapshots, network: end,
      clock: WorldClock(world, drift: drift),
      random: SplitMix64(seed: world.random.next()))
    let box = UncheckedBox((self, end))
    raft.observe { report in
      if box.value.1.isPlugged { box.value.0.stepped(report) }
    }
    let machine = SimulatedMachine(id: id, oracle: oracle, end: end)
    self.raft = raft
    self.end = end
    network.nodes[id] = raft
    let failed = UncheckedBox(self)
    running = Task(executorPreference: world.taskExecutor) {
      do { try await raft.run(machine) } catch { failed.value.ended(raft) }
    }
    guard let membership else { return }
    _ = Task(executorPreference: world.taskExecutor) {
      // Refused by a node that has been told of the cluster already.
      try? await raft.initialize(membership)
    }
  }

  /// After a start that its disks refused: when a crash put a write where it does not belong, an
  /// administrator restores what should be there.
  ///
  /// - Returns: false where there is no such excuse.
  func restore() -> Bool {
    guard logDisk.sound != nil || snapshotDisk.sound != nil else { return false }
    logDisk = logDisk.sound ?? logDisk
    snapshotDisk = snapshotDisk.sound ?? snapshotDisk
    return true
  }

  private func openLog(_ disk: SimulatedDisk) throws -> LogStore {
    try LogStore(disk: disk, node: id, executor: queue(), segmentBytes: 1 << 14)
  }

  /// The power goes, and what is not on disk with it; or only the process ends. Nobody hears of this
  /// node any more.
  func crash() {
    guard let end else { return }
    end.isPlugged = false
    oracle.crashed(id)
    last = nil
    network.nodes[id] = nil
    if world.happens(0.25) {
      logDisk = logDisk.afterKill()
      snapshotDisk = snapshotDisk.afterKill()
    } else {
      logDisk = logDisk.afterCrash()
      snapshotDisk = snapshotDisk.afterCrash()
    }
    running?.cancel()
    running = nil
    raft = nil
    self.end = nil
  }

  /// Has `action` happen when this node is about to sync something; nil for nothing.
  func atNextSync(_ action: (() -> Void)?) {
    for disk in [logDisk, snapshotDisk] { disk.atNextSync(action) }
  }

  private func stepped(_ report: StepReport) {
    oracle.saw(report)
    defer { last = report }
    guard let ambush, let last, ambush.moment.isBetween(last, report) else { return }
    self.ambush = nil
    world.after(ambush.delay, ambush.strike)
  }

  private func queue() -> WorldQueue {
    WorldQueue(world, latency: options.syncTime, stalls: options.disk.stalls)
  }

  private func ended(_ which: Raft) {
    guard which === raft else { return }
    crash()
    ended()
  }
}
