// Our iptables chain on each node, which cuts the network by source address.
// Here: setting it whole, emptying it, reading it. Not here: any rule outside the chain but the
// one that leads into it.

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

  /// Makes every host drop exactly what `grudge` says, whatever it dropped before.
  ///
  /// - Throws: the first `HostError` after every host was tried. Then some hosts may drop and
  ///   others not: heal.
  public static func apply(_ grudge: Grudge, to hosts: [any Host]) async throws(HostError) {
    let addresses = Dictionary(uniqueKeysWithValues: hosts.map { ($0.name, $0.address) })
    for link in grudge.cuts {
      precondition(addresses[link.from] != nil, "\(link): \(link.from) is none of the hosts")
      precondition(link.from != link.to, "\(link): a node can't be cut from itself")
      precondition(addresses[link.to] != nil, "\(link): \(link.to) is none of the hosts")
    }
    try await onEach(of: hosts) { host throws(HostError) in
      try await note(on: host)
      let sources = (grudge.dropped[host.name] ?? []).sorted().map { addresses[$0]! }
      // What we say to the host comes first, whoever else is at our address.
      let accepted = host.control.map {
        ["-A \(chain) -s \($0.source)/32 -p tcp -m tcp --dport \($0.port) -j ACCEPT"]
      }
      let dropped = sources.map { "-A \(chain) -s \($0)/32 -j DROP" }
      try await restore(dropped.isEmpty ? [] : (accepted ?? []) + dropped, on: host)
    }
  }

  /// Empties the chain on every host; does no harm where it is empty, or was never made.
  public static func heal(_ hosts: [any Host]) async throws(HostError) {
    try await onEach(of: hosts) { host throws(HostError) in
      try await restore([], on: host)
      try await host.undo(key)
    }
  }

  /// How the rules go, also when nobody is left to ask for it.
  private static func note(on host: any Host) async throws(HostError) {
    let before = try await host.run(
      Command("iptables-save"), deadline: deadline)
    let wasAbsent = before.status.isSuccess && !before.text.contains("*filter")
    try await host.note(key, .rules(in: ["iptables"], absentBefore: wasAbsent ? ["iptables"] : []))
  }

  /// The rules now in our chain, as `iptables -S` writes them; none after `heal`.
  public static func remaining(on host: any Host) async throws(HostError) -> [String] {
    try await rules(on: host).filter { $0.hasPrefix("-A \(chain) ") }
  }

  private static func restore(_ rules: [String], on host: any Host) async throws(HostError) {
    // With --noflush, naming our chain makes or empties it, and leaves the others alone.
    let lines =
      ["*filter", ":\(chain) - [0:0]"] + (try await hooking(on: host)) + rules + ["COMMIT"]
    let command = Command("iptables-restore", ["-w", "--noflush"])
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
    let command = Command("iptables", ["-w", "-S"])
    let result = try await host.run(command, deadline: deadline)
    return try result.succeeded(command.description, on: host.name).text
      .split(separator: "\n").map(String.init)
  }
}
