// What a workload file says, resolved: the load, the faults, the judgement.

import Systems

/// Everything that one run is made from.
public struct Workload: Equatable, Sendable {
  /// The system under test: `raft-node` or `redis`.
  public var system: SystemName
  /// How many nodes it has.
  public var nodes: Int
  /// How many clients drive it at once.
  public var clients: Int
  /// Operations a second in all; nil for as fast as they go.
  public var rate: Double?
  /// How long clients and faults go on.
  public var time: Duration
  /// How long a client waits for one operation.
  public var timeout: Duration
  /// What the clients do.
  public var load: RegisterLoad
  /// What is done to the system meanwhile.
  public var faults: [FaultSpecification]
  /// What is judged.
  public var checks: [CheckName]
  /// From the end of a fault to the first success of each function.
  public var recoveryObjective: Duration?
  /// Fixes every random choice; drawn when nil.
  public var seed: UInt64?
}

/// The systems that can be put under test.
public enum SystemName: String, CaseIterable, Sendable {
  /// The Raft server that comes with this package.
  case raftNode = "raft-node"
  /// One Redis server of the machine's, without replication.
  case redis
}

/// Clients that read, write and compare-and-set some keys.
public struct RegisterLoad: Equatable, Sendable {
  /// How many keys.
  public var keys: Int
  /// How often each function is called, relative to the others.
  public var mix: Mix
  /// Which values are written.
  public var values: Values

  /// Weights of the functions.
  public struct Mix: Equatable, Sendable {
    /// Reads.
    public var read: Int
    /// Writes.
    public var write: Int
    /// Compare-and-sets.
    public var cas: Int
  }

  /// Which values are written.
  public enum Values: Equatable, Sendable {
    /// No value twice, on any key: a read tells which write it saw.
    case unique
    /// Values from 1 to this, over and over.
    case upTo(Int)
  }

  /// The model that such a history is judged by.
  public var model: String { mix.cas > 0 ? "cas-register" : "register" }
}

/// The judgements that a run can ask for.
public enum CheckName: String, CaseIterable, Sendable {
  /// Every key's history is linearizable.
  case linearizable
  /// How much succeeded, and how fast the system recovered.
  case availability
  /// No node ended on its own.
  case crashes
  /// No two nodes were seen to lead in the same term (Raft §5.2, Election Safety).
  case elections
}

/// One line of a workload's faults: what, to whom, how often, how long.
public struct FaultSpecification: Equatable, Sendable {
  /// What is done, and the choices of whom.
  public var kind: Kind
  /// From one start to the next.
  public var every: Duration
  /// From its start to its end.
  public var lasts: Duration

  /// What is done; each time one of the choices is drawn.
  public enum Kind: Equatable, Sendable {
    /// Packets between nodes are dropped.
    case partition([PartitionShape])
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
    /// Nodes' clocks are wrong.
    case clock([ClockTrouble], on: [NodeTarget])
    /// The system is asked for something that administrators do.
    case administer([Administration])

    /// As a workload file says it.
    public var name: String {
      switch self {
      case .partition: "partition"
      case .kill: "kill"
      case .terminate: "terminate"
      case .abort: "abort"
      case .roll: "roll"
      case .pause: "pause"
      case .disk: "disk"
      case .clock: "clock"
      case .administer: "administer"
      }
    }

    /// Whether it takes a shim in the node's process.
    public var needsShim: Bool {
      switch self {
      case .disk, .clock: true
      case .partition, .kill, .terminate, .abort, .roll, .pause, .administer: false
      }
    }

    /// The names of the choices.
    public var choices: [String] {
      switch self {
      case .partition(let shapes): shapes.map(\.rawValue)
      case .kill(let targets), .terminate(let targets), .abort(let targets), .roll(let targets),
        .pause(let targets):
        targets.map(\.rawValue)
      case .disk(let troubles, let targets): AimedTrouble.all(troubles, on: targets)
      case .clock(let troubles, let targets): AimedTrouble.all(troubles, on: targets)
      case .administer(let actions): actions.map(\.rawValue)
      }
    }
  }
}

/// What is done, and to whom: `lose-unsynced all`, as a plan says it.
public struct AimedTrouble<Trouble: RawRepresentable<String> & Sendable>: Sendable {
  /// What is done.
  public var trouble: Trouble
  /// To whom.
  public var target: NodeTarget

  /// What `choice` says; nil when it says something else.
  public init?(choice: String) {
    let words = choice.split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 2, let trouble = Trouble(rawValue: String(words[0])),
      let target = NodeTarget(rawValue: String(words[1]))
    else { return nil }
    self.trouble = trouble
    self.target = target
  }

  /// Each of `troubles` on each of `targets`.
  static func all(_ troubles: [Trouble], on targets: [NodeTarget]) -> [String] {
    troubles.flatMap { trouble in targets.map { "\(trouble.rawValue) \($0.rawValue)" } }
  }
}

/// What a node's disk does to it.
public enum DiskTrouble: String, CaseIterable, Sendable {
  /// The node is killed, and what it had written and not synced is gone.
  case loseUnsynced = "lose-unsynced"
  /// The node is killed; of what it had not synced a part is left, and ends in the middle of a write.
  case tornWrite = "torn-write"
  /// Its syncs stall for a while, in which the node is killed; what it had not synced is gone.
  case loseStalled = "lose-stalled"
  /// The node ends at one of its next syncs, and what it had not synced is gone; at the latest after two
  /// seconds.
  case killAtSync = "kill-at-sync"
  /// Six times in a row the node ends at one of its next syncs, loses what it had not synced, and is
  /// started again at once.
  case crashLoop = "crash-loop"
  /// Syncs fail with EIO. At the end the power fails too, for a node that has ended by itself half the
  /// time: what it had not synced is gone, and a sync that works afterwards brings nothing back.
  case syncError = "sync-error"
  /// Writes fail with ENOSPC.
  case full
  /// Each sync takes a second longer.
  case syncStall = "sync-stall"
}

/// How a node's clocks are wrong.
public enum ClockTrouble: String, CaseIterable, Sendable {
  /// The clock that can be set is a minute ahead.
  case ahead
  /// It is a minute behind.
  case behind
  /// It jumps from ten seconds ahead to ten behind and back, five times a second.
  case strobe
  /// All clocks go twice as fast.
  case fast
  /// All clocks go half as fast.
  case slow
}

/// How the network is cut.
public enum PartitionShape: String, CaseIterable, Sendable {
  /// One node from all others.
  case one
  /// A majority from the rest.
  case halves
  /// The leader with a minority from the rest.
  case leaderMinority = "leader-minority"
  /// The leader with a majority from the rest.
  case leaderMajority = "leader-majority"
  /// Each node hears from a majority, no two from the same one.
  case majoritiesRing = "majorities-ring"
  /// Two groups that hear nothing of one another, and one node that both hear.
  case bridge
  /// All hear one node, and it all, and nobody else anybody.
  case star
  /// Each hears the next and the one before, and nobody else.
  case chain
  /// Each direction is cut, or not, by chance.
  case random
  /// One node no longer hears the others, and is still heard.
  case oneWay = "one-way"
}

/// Which nodes a fault hits.
public enum NodeTarget: String, CaseIterable, Sendable {
  /// Any one.
  case one
  /// As many as the system must survive.
  case minority
  /// One more than it can.
  case majority
  /// The leader.
  case leader
  /// All but the leader.
  case followers
  /// Every one.
  case all
}
