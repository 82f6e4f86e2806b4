// Our chain on each node, of iptables or ip6tables as the node's address is, which cuts the network by source address and port.
// Here: setting it whole, emptying it, reading it. Not here: any rule outside the chain but the
// one that leads into it.

/// What happens to packets that a rule is about.
public enum PacketFate: Sendable, Hashable {
  /// They are dropped.
  case dropped
  /// Connections are refused with a reset; what is no TCP is dropped.
  case reset
  /// They go through the host's `PacketQueue`; where there is none, they go on.
  case queued
}

/// A rule of a node's: what happens to packets from somewhere.
public struct PacketRule: Sendable, Hashable {
  /// The sender's address; nil for everybody's.
  public var source: String?
  /// The TCP port they go to; nil for whatever they are.
  public var port: Int?
  /// What happens to them.
  public var fate: PacketFate

  /// A rule about packets from `source` to `port`.
  public init(from source: String?, port: Int? = nil, _ fate: PacketFate) {
    self.source = source
    self.port = port
    self.fate = fate
  }

  /// As iptables and ip6tables read it.
  fileprivate func lines(_ family: AddressFamily) -> [String] {
    let from = source.map { " -s \($0)/\(family.bits)" } ?? ""
    let to = port.map { " -p tcp -m tcp --dport \($0)" } ?? ""
    let head = "-A \(NetworkRules.chain)\(from)"
    return switch fate {
    case .dropped: ["\(head)\(to) -j DROP"]
    case .reset:
      [
        "\(head)\(to.isEmpty ? " -p tcp" : to) -j REJECT --reject-with tcp-reset",
        "\(head)\(to) -j DROP",
      ]
    case .queued:
      ["\(head)\(to) -j NFQUEUE --queue-num \(PacketQueue.number) --queue-bypass"]
    }
  }
}

/// Packet rules on nodes: a chain `GAUNTLET`, entered first from INPUT, and nothing else.
///
/// Each call sets the chain whole and in one transaction of the kernel, so that it may be
/// repeated, and no packet sees half of it. Nodes change at the same time, but not in one
/// transaction.
public enum NetworkRules {
  static let chain = "GAUNTLET"
  private static let key = "network"
  private static let hook = "-A INPUT -j GAUNTLET"
  private static let deadline = Duration.seconds(10)

  /// Makes every host do to packets of exactly the directions of `grudge` what `fate` says, whatever it
  /// did before.
  ///
  /// - Throws: the first `HostError` after every host was tried. Then some hosts may drop and
  ///   others not: heal.
  public static func apply(
    _ grudge: Grudge, _ fate: PacketFate = .dropped, to hosts: [any Host]
  ) async throws(HostError) {
    try await apply(rules(for: grudge, fate, among: hosts), to: hosts)
  }

  /// What makes every host do to packets of exactly the directions of `grudge` what `fate` says.
  static func rules(
    for grudge: Grudge, _ fate: PacketFate, among hosts: [any Host]
  ) -> [String: [PacketRule]] {
    let addresses = Dictionary(uniqueKeysWithValues: hosts.map { ($0.name, $0.address) })
    for link in grudge.cuts {
      precondition(addresses[link.from] != nil, "\(link): \(link.from) is none of the hosts")
      precondition(link.from != link.to, "\(link): a node can't be cut from itself")
      precondition(addresses[link.to] != nil, "\(link): \(link.to) is none of the hosts")
    }
    return grudge.dropped.mapValues { $0.sorted().map { PacketRule(from: addresses[$0]!, fate) } }
  }

  /// Gives every host its rules of `rules`, by name, and no others of ours.
  ///
  /// - Throws: as the other.
  public static func apply(
    _ rules: [String: [PacketRule]], to hosts: [any Host]
  ) async throws(HostError) {
    try await onEach(of: hosts) { host throws(HostError) in
      try await note(on: host)
      let rules = rules[host.name] ?? []
      // What we say to the host comes first, whoever else is at our address.
      let family = AddressFamily(of: host.address)
      let control = host.control.flatMap { AddressFamily(of: $0.source) == family ? $0 : nil }
      let first =
        control.map {
          [
            "-A \(chain) -s \($0.source)/\(family.bits) -p tcp -m tcp --dport \($0.port) -j ACCEPT"
          ]
        } ?? []
      let cuts = rules.filter { $0.fate != .queued }.flatMap { $0.lines(family) }
      let queued = rules.filter { $0.fate == .queued }.flatMap { $0.lines(family) }
      try await restore(
        rules.isEmpty
          ? []
          : first + (family == .six ? neighbours : []) + cuts
            + (queued.isEmpty ? [] : spared + queued),
        on: host)
    }
  }

  /// With IPv6 the answer to "who has this address" is a packet like others: who does not hear it can send
  /// nothing either, and no cut would be of one direction.
  private static let neighbours = [135, 136].map {
    "-A \(chain) -p ipv6-icmp -m icmp6 --icmpv6-type \($0) -j RETURN"
  }

  /// What does not go through a queue: what went through it once, and probes, which ask what is cut.
  private static let spared = [
    "-A \(chain) -m mark --mark \(PacketQueue.mark) -j RETURN",
    "-A \(chain) -p udp -m udp --dport \(ProbePorts.range.lowerBound):\(ProbePorts.range.upperBound)"
      + " -j RETURN",
  ]

  /// Takes the chain out on every host, or empties it in a lab, with which it goes; does no harm where it is
  /// empty, or was never made.
  public static func heal(_ hosts: [any Host]) async throws(HostError) {
    try await onEach(of: hosts) { host throws(HostError) in
      if host.keepsLedger {
        // Only that: a chain that was made once more, to be emptied, nobody would know of any more.
        try await host.undo(key)
      } else {
        try await restore([], on: host)
      }
    }
  }

  /// How the rules go, also when nobody is left to ask for it.
  private static func note(on host: any Host) async throws(HostError) {
    let tool = AddressFamily(of: host.address).rawValue
    let before = try await host.run(Command("\(tool)-save"), deadline: deadline)
    let wasAbsent = before.status.isSuccess && !before.text.contains("*filter")
    try await host.note(key, .rules(in: [tool], absentBefore: wasAbsent ? [tool] : []))
  }

  /// The rules now in our chain, as `iptables -S` or `ip6tables -S` writes them; none after `heal`.
  public static func remaining(on host: any Host) async throws(HostError) -> [String] {
    try await rules(on: host).filter { $0.hasPrefix("-A \(chain) ") }
  }

  private static func restore(_ rules: [String], on host: any Host) async throws(HostError) {
    // With --noflush, naming our chain makes or empties it, and leaves the others alone.
    let lines =
      ["*filter", ":\(chain) - [0:0]"] + (try await hooking(on: host)) + rules + ["COMMIT"]
    let tool = AddressFamily(of: host.address).rawValue
    let command = Command("\(tool)-restore", ["-w", "--noflush"])
    let input = Array((lines.joined(separator: "\n") + "\n").utf8)
    let result = try await host.run(command, input: input, deadline: deadline)
    _ = try result.succeeded(command.description, on: host.name)
  }

  /// The lines that put the way into our chain first. iptables-restore can't say "unless it is
  /// there", so we look.
  private static func hooking(on host: any Host) async throws(HostError) -> [String] {
    let input = try await rules(on: host).filter { $0.hasPrefix("-A INPUT ") }
    if input.first == hook { return [] }
    let misplaced = input.contains(hook) ? ["-D INPUT -j \(chain)"] : []
    return misplaced + ["-I INPUT 1 -j \(chain)"]
  }

  private static func rules(on host: any Host) async throws(HostError) -> [String] {
    let command = Command(AddressFamily(of: host.address).rawValue, ["-w", "-S"])
    let result = try await host.run(command, deadline: deadline)
    return try result.succeeded(command.description, on: host.name).text
      .split(separator: "\n").map(String.init)
  }
}
