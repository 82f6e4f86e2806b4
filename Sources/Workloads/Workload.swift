// What a workload file says, resolved: the load, the faults, the judgement.

import Hosts
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
  /// When faults may be on.
  public var schedule = Schedule()
  /// How much of the cluster they may take.
  public var envelope = Envelope.anything
  /// The addresses of a lab's nodes; machines over SSH have their own.
  public var network = LabNetwork.Family.ipv4
  /// Whether packets are kept, of each node.
  public var capturesPackets = false
  /// What is judged.
  public var checks: [CheckName]
  /// From the end of a fault to the first success of each function.
  public var recoveryObjective: Duration?
  /// The longest that no call of a function may succeed, as the file says.
  public var gapObjective: Duration?
  /// Within which 99 of 100 successful calls of each function are to be answered.
  public var latencyObjective: Duration?
  /// The gap as it is judged: with a quorum that is always there, ten seconds unless the file says
  /// otherwise.
  public var judgedGap: Duration? { gapObjective ?? (envelope == .quorum ? .seconds(10) : nil) }
  /// Fixes every random choice; drawn when nil.
  public var seed: UInt64?
}

/// The systems that can be put under test.
public enum SystemName: String, CaseIterable, Codable, Sendable {
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
  /// What vouches for what is read.
  public var reads = Reads.linearizable

  /// What vouches for reads.
  public enum Reads: String, CaseIterable, Sendable {
    /// A quorum, asked each time.
    case linearizable
    /// The leader's lease, on clocks that hardly drift.
    case lease
  }

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
