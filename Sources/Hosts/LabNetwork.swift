// The network of a lab: a bridge, and for each node a namespace on it.
// Here: making it with the `ip` tool. Not here: cutting it (NetworkRules.swift).

import Glibc

/// The network inside a lab, which goes with it: nothing here has to be undone.
///
/// ```
/// gauntlet  10.77.0.254/24   the bridge, where the controller is
/// ├─ n1 ══ eth0 10.77.0.1    in the namespace n1, /run/netns/n1
/// └─ n2 ══ eth0 10.77.0.2    …
/// ```
public enum LabNetwork {
  /// How many nodes find an address beside the bridge's.
  public static let maximumNodes = 253
  /// The addresses of a lab.
  public enum Family: String, CaseIterable, Sendable {
    /// 10.77.0.1, 10.77.0.2, …
    case ipv4
    /// fd77::1, fd77::2, …
    case ipv6

    func address(_ number: Int) -> String {
      switch self {
      case .ipv4: "10.77.0.\(number)"
      case .ipv6: "fd77::\(String(number, radix: 16))"
      }
    }

    fileprivate var prefix: Int { self == .ipv4 ? 24 : 64 }
    /// Without asking first whether somebody else has it, which takes a second.
    fileprivate var option: String { self == .ipv4 ? "" : " nodad" }
  }

  /// The controller's own address on the bridge is of this number.
  private static let controller = 254

  private static let deadline = Duration.seconds(20)

  /// Makes the bridge and `nodes` namespaces. To be called once, inside the lab.
  ///
  /// - Parameter agent: `gauntlet-agent`; nil for the one beside the running executable.
  /// - Throws: `HostError` with what `ip` said.
  public static func create(
    nodes: Int, family: Family = .ipv4, agent: String? = nil
  ) async throws(HostError) -> [LocalHost] {
    precondition(Lab.isInside, "a lab's network would stay on this machine for ever")
    precondition((1...maximumNodes).contains(nodes), "\(nodes) nodes are not 1 to \(maximumNodes)")
    // Not `??`, whose autoclosure would turn the typed error into an untyped one.
    let agentPath: String
    if let agent { agentPath = agent } else { agentPath = try Agent.besideThisExecutable() }
    let hosts = (1...nodes).map { number in
      LocalHost(
        name: "n\(number)", address: family.address(number), namespace: "/run/netns/n\(number)",
        agent: agentPath)
    }
    // One process for all of the lab's side: a process for each line would take seconds.
    try await ip([], lines: bridgeLines(family) + hosts.flatMap(labSide), on: "lab")
    // And one for each node's side, since `ip -batch` can't change the namespace between lines.
    try await onEach(of: hosts) { host throws(HostError) in
      try await ip(["-n", host.name], lines: nodeSide(host, family), on: host.name)
    }
    return hosts
  }

  private static func bridgeLines(_ family: Family) -> [String] {
    [
      "link add name gauntlet type bridge",
      "addr add \(family.address(controller))/\(family.prefix) dev gauntlet\(family.option)",
      "link set dev gauntlet up",
    ]
  }

  private static func labSide(_ host: LocalHost) -> [String] {
    [
      "netns add \(host.name)",
      "link add name \(host.name) type veth peer name eth0 netns \(host.name)",
      "link set dev \(host.name) master gauntlet up",
    ]
  }

  private static func nodeSide(_ host: LocalHost, _ family: Family) -> [String] {
    let address = [
      "addr add \(host.address)/\(family.prefix) dev eth0\(family.option)", "link set dev lo up",
    ]
    // Without a link-local address no packet gets round the rules, which are of the one family.
    let quiet = hasIPv6 ? ["link set dev eth0 addrgenmode none"] : []
    return quiet + address + ["link set dev eth0 up"]
  }

  private static var hasIPv6: Bool { access("/proc/sys/net/ipv6", F_OK) == 0 }

  private static func ip(
    _ options: [String], lines: [String], on host: String
  ) async throws(HostError) {
    let command = Command("ip", options + ["-batch", "-"])
    let text = lines.joined(separator: "\n") + "\n"
    let result = try await command.collect(
      as: command.description, on: host, input: Array(text.utf8), deadline: deadline)
    _ = try result.succeeded(command.description, on: host)
  }
}

/// Does `body` for all hosts at once, and throws the first error after all have ended.
func onEach<Machine: Sendable>(
  of hosts: [Machine], _ body: @escaping @Sendable (Machine) async throws(HostError) -> Void
) async throws(HostError) {
  let failures = await withTaskGroup(of: HostError?.self) { group in
    for host in hosts {
      group.addTask {
        do throws(HostError) {
          try await body(host)
          return nil
        } catch {
          return error
        }
      }
    }
    return await group.reduce(into: [HostError]()) { $0 += [$1].compactMap(\.self) }
  }
  if let first = failures.first { throw first }
}
