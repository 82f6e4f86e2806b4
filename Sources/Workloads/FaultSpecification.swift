// One line of a workload's faults, resolved. Not here: reading it from a file (FaultFile.swift).

import Hosts
import Systems

extension FaultSpecification {
  /// Whether clocks go fast or slow by a fault that a plan says so.
  public static func bendsTime(kind: String, choice: String) -> Bool {
    switch kind {
    case "clock": ClockTrouble.bendsTime(choice)
    case "recipe": Recipe(rawValue: choice)?.bendsTime ?? false
    default: false
    }
  }
}

/// One line of a workload's faults: what, to whom, how often, how long.
public struct FaultSpecification: Equatable, Sendable {
  /// What is done, and the choices of whom.
  public var kind: Kind
  /// From one start to the next.
  public var every: Duration
  /// From its start to its end.
  public var lasts: Duration
  /// When it starts, from the start of the load; nil for every so often.
  public var at: [Duration]?
  /// It does not start before.
  public var after: Duration?
  /// It has ended by then.
  public var until: Duration?
  /// How starts lie.
  public var spread = Spread.even
  /// No two faults of a group are on at the same time; nil for a fault of none.
  public var group: String?
  /// It waits, from when it would start, until this is so.
  public var when: ClusterState?
  /// So long it waits at most; nil for as long as `every`.
  public var within: Duration?
  /// It ends as soon as this is so; `lasts` is the longest then.
  public var healWhen: ClusterState?

  /// The longest that it waits for `when`; nil when it waits for nothing.
  public var patience: Duration? { when == nil ? nil : within ?? every }

  /// How starts lie.
  public enum Spread: String, CaseIterable, Sendable {
    /// As far apart as `every`, give or take a tenth.
    case even
    /// By chance, as far apart in the mean: soon after one another now and then, and seldom long after.
    case random
  }

  /// What is done; each time one of the choices is drawn.
  public enum Kind: Equatable, Sendable {
    /// Packets between nodes are dropped, or connections reset.
    case partition([PartitionShape], by: [CutMeans])
    /// The same between clients and nodes.
    case disconnect([NodeTarget], by: [CutMeans])
    /// Packets between nodes and all others are late, lost, doubled, or changed.
    case network([LinkConditions], on: [NodeTarget])
    /// Nodes are killed with SIGKILL, and started again at the end.
    case kill([NodeTarget])
    /// Nodes are told to end with SIGTERM, and started again at the end.
    case terminate([NodeTarget])
    /// Nodes are ended with SIGABRT, as by a bug of their own, and started again at the end.
    case abort([NodeTarget])
    /// Nodes are told to end one after the other, each started again before the next.
    case roll([NodeTarget])
    /// Nodes are stopped with SIGSTOP, and go on at the end.
    case pause([NodeTarget])
    /// Nodes' disks fail them.
    case disk([DiskTrouble], on: [NodeTarget])
    /// Files change on nodes' disks while they are down.
    case damage([FileTrouble], on: [NodeTarget])
    /// Nodes' clocks are wrong.
    case clock([ClockTrouble], on: [NodeTarget])
    /// Nodes get less of what they need.
    case starve([Resource], on: [NodeTarget])
    /// Nodes are members no more for a while.
    case members([MemberTrouble], on: [NodeTarget])
    /// Nodes go over to the second build one after the other, and back at the end.
    case upgrade([NodeTarget])
    /// Several faults in an order that brings out what they do not one by one.
    case recipe([Recipe])
    /// The system is asked for something that administrators do.
    case administer([Administration])

    /// As a workload file says it.
    public var name: String {
      switch self {
      case .partition: "partition"
      case .disconnect: "disconnect"
      case .network: "network"
      case .kill: "kill"
      case .terminate: "terminate"
      case .abort: "abort"
      case .roll: "roll"
      case .pause: "pause"
      case .disk: "disk"
      case .damage: "damage"
      case .clock: "clock"
      case .starve: "starve"
      case .members: "members"
      case .upgrade: "upgrade"
      case .recipe: "recipe"
      case .administer: "administer"
      }
    }

    /// Whether it takes a shim in the node's process.
    public var needsShim: Bool {
      switch self {
      case .disk, .clock: true
      case .recipe(let recipes): recipes.contains(where: \.needsShim)
      case .partition, .disconnect, .network, .kill, .terminate, .abort, .roll, .pause, .starve,
        .members, .upgrade, .damage,
        .administer:
        false
      }
    }

    /// Whether it is a disk's.
    public var needsDisk: Bool {
      switch self {
      case .disk: true
      case .recipe(let recipes): recipes.contains(where: \.needsDisk)
      default: false
      }
    }

    /// Whether clocks go fast or slow by it, which is what a lease rests on.
    var bendsTime: Bool {
      choices.contains { FaultSpecification.bendsTime(kind: name, choice: $0) }
    }

    /// How long it may take to put on beside what every fault does.
    public var longestWaits: Duration {
      guard case .recipe(let recipes) = self else { return .zero }
      return recipes.map(\.waits).max() ?? .zero
    }

    /// The choices, as plans say them.
    public var choices: [String] {
      switch self {
      case .partition(let shapes, let means): CutMeans.all(shapes, by: means)
      case .disconnect(let targets, let means): CutMeans.all(targets, by: means)
      case .network(let conditions, let targets): AimedTrouble.all(conditions, on: targets)
      case .kill(let targets), .terminate(let targets), .abort(let targets), .roll(let targets),
        .upgrade(let targets),
        .pause(let targets):
        targets.map(\.rawValue)
      case .disk(let troubles, let targets): AimedTrouble.all(troubles, on: targets)
      case .damage(let files, let targets): AimedTrouble.all(files, on: targets)
      case .clock(let troubles, let targets): AimedTrouble.all(troubles, on: targets)
      case .starve(let resources, let targets): AimedTrouble.all(resources, on: targets)
      case .members(let troubles, let targets): AimedTrouble.all(troubles, on: targets)
      case .recipe(let recipes): recipes.map(\.rawValue)
      case .administer(let actions): actions.map(\.rawValue)
      }
    }
  }
}
