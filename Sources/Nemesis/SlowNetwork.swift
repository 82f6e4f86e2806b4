// A network that is slow and unreliable: packets are late, lost, doubled or changed, not cut off.

import History
import Hosts
import Synchronization
import Systems
import Workloads

/// Puts the links between some nodes and all others in bad condition.
public final class SlowNetwork: Fault {
  /// `network`.
  public let kind = "network"
  private let aim: AimedTrouble<LinkConditions>
  let grudge: Grudge
  private let nodes: [String]
  private let seed: UInt64
  private let rules: NetworkRuleBook
  private let queues = Mutex<[String: any PacketQueueing]>([:])

  /// Puts the links of `nodes`, which `aim` named, in its condition.
  public init(
    aim: AimedTrouble<LinkConditions>, nodes: [Int], seed: UInt64, rules: NetworkRuleBook
  ) {
    self.aim = aim
    self.seed = seed
    self.rules = rules
    let hosts = rules.hosts
    self.nodes = nodes.map { rules.hosts[$0].name }
    let hit = Set(nodes.map { hosts[$0].name })
    var through: [String: Set<String>] = [:]
    for receiver in hosts.map(\.name) {
      let senders = hosts.map(\.name).filter { sender in
        let isBad =
          switch aim.trouble.only {
          case .in: hit.contains(receiver)
          case .out: hit.contains(sender)
          case nil: hit.contains(receiver) || hit.contains(sender)
          }
        return isBad && sender != receiver
      }
      if !senders.isEmpty { through[receiver] = Set(senders) }
    }
    grudge = Grudge(through)
  }

  /// Takes the queues of all hosts, sends the packets through them, and waits until some have come.
  public func inject() async throws -> [Event.Detail] {
    guard !grudge.cuts.isEmpty else { throw FaultError.skipped("there are no links") }
    for (place, host) in rules.hosts.enumerated()
    where grudge.dropped[host.name] != nil {
      let seed = SplitMix64.mixed(seed, part: UInt64(place))
      let queue = try await take(host, seed: seed)
      queues.withLock { $0[host.name] = queue }
    }
    try await rules.set(kind, grudge, .queued)
    let end = ContinuousClock.now + .seconds(3)
    var seen = 0
    while seen == 0, ContinuousClock.now < end {
      try await Task.sleep(for: .milliseconds(20))
      for queue in queues.withLock({ Array($0.values) }) { seen += try await queue.counts().seen }
    }
    guard seen > 0 else { throw FaultError.unverified("no packet came through a queue in 3 s") }
    return [
      Event.Detail("target", .text("\(aim.trouble.rawValue) \(aim.target.rawValue)")),
      Event.Detail("nodes", .names(nodes)),
      Event.Detail("links", .names(grudge.cuts.sorted().map(\.description))),
    ]
  }

  private func take(_ host: any Host, seed: UInt64) async throws -> any PacketQueueing {
    do throws(HostError) {
      return try await host.queuePackets(aim.trouble, seed: seed)
    } catch {
      guard case .refused(let host, let reason) = error else { throw error }
      throw FaultError.skipped("\(host): \(reason); gauntlet doctor says what it can do")
    }
  }

  /// Takes the rules out, lets go what waits, and looks that no packet comes any more. What became of
  /// the packets is the evidence.
  public func heal() async throws -> [Event.Detail] {
    try await rules.remove(kind)
    var lines: [String] = []
    for (name, queue) in queues.withLock({ $0 }).sorted(by: { $0.key < $1.key }) {
      // What was on its way when the rules went is through by now.
      let counts = try await queue.counts()
      try await Task.sleep(for: .milliseconds(20))
      guard try await queue.counts().seen == counts.seen else {
        throw FaultError.unverified("packets still go through the queue of \(name)")
      }
      lines.append("\(name): \(counts.text)")
      try await queue.close()
      _ = queues.withLock { $0.removeValue(forKey: name) }
    }
    return [Event.Detail("evidence", .names(lines))]
  }
}
