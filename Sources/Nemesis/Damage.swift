// Bits that change on a node's disk while it is down: it must notice, or be none the worse.

import History
import Hosts
import Synchronization
import Systems
import Workloads

/// Kills nodes, turns a bit round in a file of each, and starts them on that; healing turns it back.
public final class Damage: Fault {
  /// `damage`.
  public let kind = "damage"
  private let aim: AimedTrouble<StoredFile>
  private let nodes: [Int]
  private let seed: UInt64
  private let cluster: Cluster
  /// More than any log's last write of ours.
  private static let tail: Int64 = 65_536

  private let excuses: Excuses
  private let flips = Mutex<[Int: BitFlip]>([:])

  /// Damages the file of `aim` on `nodes`, which its target named.
  public init(aim: AimedTrouble<StoredFile>, nodes: [Int], seed: UInt64, cluster: Cluster) {
    self.aim = aim
    self.nodes = nodes
    self.seed = seed
    self.cluster = cluster
    excuses = Excuses(cluster)
  }

  /// Damages one after the other, and sees whether each comes up.
  public func inject() async throws -> [Event.Detail] {
    guard let place = cluster.system.place(of: aim.trouble) else {
      throw FaultError.skipped("the system says of no file that it is its \(aim.trouble.rawValue)")
    }
    var evidence: [String] = []
    var hit: [String] = []
    for node in nodes where await cluster.state(of: node) == .running {
      let name = cluster.hosts[node].name
      guard let line = try await damage(node, place.folder, place.nameEnd) else {
        evidence.append("\(name): it has no such file yet")
        continue
      }
      evidence.append("\(name): \(line)")
      hit.append(name)
    }
    guard !hit.isEmpty else { throw FaultError.skipped("no node had such a file") }
    return [
      Event.Detail("target", .text("\(aim.trouble.rawValue) \(aim.target.rawValue)")),
      Event.Detail("nodes", .names(hit)), Event.Detail("evidence", .names(evidence)),
    ]
  }

  private func damage(_ node: Int, _ folder: String, _ end: String) async throws -> String? {
    await excuses.excuse(node)
    try await cluster.kill(node)
    let flip = try await cluster.hosts[node].turnBit(
      in: "\(cluster.data(of: node))/\(folder)", nameEnding: end,
      sparing: aim.trouble == .log ? Self.tail : 0,
      seed: SplitMix64.mixed(seed, part: UInt64(node)))
    if let flip { flips.withLock { $0[node] = flip } }
    if await cluster.state(of: node) == .stopped { try await cluster.start(node) }
    guard let flip else { return nil }
    for _ in 0..<200 where await cluster.state(of: node) == .running {
      try await Task.sleep(for: .milliseconds(5))
    }
    let isUp = await cluster.state(of: node) == .running
    return
      "byte \(flip.offset) of \(flip.path.split(separator: "/").last ?? "") was \(flip.before) "
      + "and is \(flip.after); it \(isUp ? "came up" : "refuses to come up")"
  }

  /// Turns the bits back, and starts the nodes on what they had.
  public func heal() async throws -> [Event.Detail] {
    var evidence: [String] = []
    for node in excuses.all {
      if let flip = flips.withLock({ $0[node] }) {
        try await cluster.kill(node)
        let isBack = try await cluster.hosts[node].turnBack(flip)
        _ = flips.withLock { $0.removeValue(forKey: node) }
        let now = isBack ? "the byte is \(flip.before) again" : "it was written anew"
        evidence.append("\(cluster.hosts[node].name): \(now)")
      }
      if await cluster.state(of: node) == .stopped { try await cluster.start(node) }
      await excuses.pardon(node)
    }
    return [Event.Detail("evidence", .names(evidence))]
  }
}
