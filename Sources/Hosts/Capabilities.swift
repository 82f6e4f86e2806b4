// What a machine can do for a run, as data.
// Not here: finding it out (CapabilityProbe.swift).

/// What a machine is, and what it can do for a run.
public struct Capabilities: Sendable, Hashable, Codable {
  /// The kernel's release, as `uname -r` prints it.
  public var kernel: String
  /// The processor's, as `uname -m` prints it.
  public var architecture: String
  /// Processors that may be used.
  public var cores: Int
  /// Memory that is there, in bytes.
  public var memoryBytes: Int
  /// Everything that was tried, in a fixed order.
  public var abilities: [Ability]

  /// Whether the ability of that name was found; false for one that was never tried.
  public func has(_ name: Ability.Name) -> Bool {
    abilities.contains { $0.name == name && $0.isThere }
  }
}

/// One thing that was tried on a machine.
public struct Ability: Sendable, Hashable, Codable {
  /// What is tried.
  public enum Name: String, Sendable, Codable, CaseIterable {
    /// Namespaces and rules may be made at all.
    case privileges
    /// Processes can be signalled and awaited without their numbers.
    case pidfd
    case iptables
    case ip6tables
    /// Connections can be refused with a reset.
    case reject
    /// Packets can wait for a program's decision (NFQUEUE).
    case queue
    case netem
    case tbf
    case fuse
    case cpu
    case memory
    case timeNamespace = "time-namespace"
    case tcpdump

    /// Those that a fault cannot do without, as a plan says it.
    public static func needed(kind: String, choice: String, address: String) -> Set<Name> {
      // What else rules need is tried with IPv4 alone.
      let isFour = AddressFamily(of: address) == .four
      let rules: Set<Name> = [isFour ? .iptables : .ip6tables]
      switch kind {
      case "partition", "disconnect":
        return isFour && choice.hasSuffix(" reset") ? rules.union([.reject]) : rules
      case "network": return isFour ? rules.union([.queue]) : rules
      case "starve": return choice.hasPrefix("memory ") ? [.memory] : []
      case "clock": return choice.hasPrefix("restart-ahead ") ? [.timeNamespace] : []
      default: return []
      }
    }

    /// The faults that need it.
    public var purpose: String {
      switch self {
      case .privileges: "every fault"
      case .pidfd: "kills and pauses"
      case .iptables: "partitions"
      case .ip6tables: "partitions of IPv6"
      case .reject: "connections refused"
      case .queue: "networks that are slow, lose or change packets"
      case .netem, .tbf: "nothing: the queue does the same everywhere"
      case .fuse: "disk faults"
      case .cpu: "CPU limits, else nodes are stopped and let go on"
      case .memory: "memory limits"
      case .timeNamespace: "clock offsets"
      case .tcpdump: "packet capture"
      }
    }
  }

  /// What was tried.
  public var name: Name
  /// Whether it worked.
  public var isThere: Bool
  /// Which kind of it is there, or why none is; one line.
  public var detail: String
}
