// Files that change on a node's disk while it is down: it must notice, or be none the worse.

import History
import Hosts
import Synchronization
import Systems
import Workloads

/// Kills nodes, changes files of theirs, and starts them on that. Healing turns bits back; what was cut off
/// stays so, and old files come back only then.
public final class Damage: Fault {
  /// `damage`.
  public let kind = "damage"
  private let aim: AimedTrouble<FileTrouble>
  private let nodes: [Int]
  private let seed: UInt64
  private let cluster: Cluster
  /// More than any log's last write of ours.
  private static let tail: Int64 = 65_536
  /// So long files may take to be copied.
  private static let patience = Duration.seconds(60)

  private let excuses: Excuses
  private let flips = Mutex<[Int: BitFlip]>([:])
  /// The nodes whose old files lie beside their new ones.
  private let copied = Mutex<Set<Int>>([])

  /// Damages what `aim` says on `nodes`, which its target named.
  public init(aim: AimedTrouble<FileTrouble>, nodes: [Int], seed: UInt64, cluster: Cluster) {
    self.aim = aim
    self.nodes = nodes
    self.seed = seed
    self.cluster = cluster
    excuses = Excuses(cluster)
  }

  /// Damages one after the other, and sees whether each comes up.
  public func inject() async throws -> [Event.Detail] {
    var evidence: [String] = []
    var hit: [String] = []
    for node in nodes where await cluster.state(of: node) == .running {
      let name = cluster.hosts[node].name
      guard let line = try await damage(node) else {
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

  private func damage(_ node: Int) async throws -> String? {
    var place: (folder: String, nameEnd: String)?
    if let file = aim.trouble.file {
      place = cluster.system.place(of: file)
      guard place != nil else {
        throw FaultError.skipped("the system says of no file that it is its \(file.rawValue)")
      }
    }
    await excuses.excuse(node)
    try await cluster.kill(node)
    let line = try await change(node, place?.folder ?? "", place?.nameEnd ?? "")
    if await cluster.state(of: node) == .stopped { try await cluster.start(node) }
    guard let line else { return nil }
    for _ in 0..<200 where await cluster.state(of: node) == .running {
      try await Task.sleep(for: .milliseconds(5))
    }
    let isUp = await cluster.state(of: node) == .running
    // Its files are its own until the old ones come back.
    if aim.trouble == .stale { await excuses.pardon(node) }
    return "\(line); it \(isUp ? "came up" : "refuses to come up")"
  }

  /// Does it to the files of a node that is down; nil when there is none.
  private func change(_ node: Int, _ folder: String, _ end: String) async throws -> String? {
    let host = cluster.hosts[node]
    let seed = SplitMix64.mixed(seed, part: UInt64(node))
    let path = "\(cluster.data(of: node))/\(folder)"
    switch aim.trouble {
    case .log, .snapshot:
      let flip = try await host.turnBit(
        in: path, nameEnding: end, sparing: aim.trouble == .log ? Self.tail : 0, seed: seed)
      guard let flip else { return nil }
      flips.withLock { $0[node] = flip }
      return
        "byte \(flip.offset) of \(Self.name(flip.path)) was \(flip.before) and is \(flip.after)"
    case .logCut:
      guard let cut = try await host.cutEnd(of: path, nameEnding: end, seed: seed) else {
        return nil
      }
      return "\(Self.name(cut.path)) ended at \(cut.before) and ends at \(cut.after)"
    case .stale:
      try await run(node, "cp", ["-a", "--", cluster.data(of: node), old(node)])
      copied.withLock { _ = $0.insert(node) }
      return "its files are kept as they are"
    }
  }

  private func old(_ node: Int) -> String { "\(cluster.data(of: node)).old" }

  private static func name(_ path: String) -> Substring { path.split(separator: "/").last ?? "" }

  private func run(_ node: Int, _ program: String, _ arguments: [String]) async throws {
    let host = cluster.hosts[node]
    let command = Command(program, arguments)
    _ = try await host.run(command, deadline: Self.patience)
      .succeeded(command.description, on: host.name)
  }

  /// Turns bits back, gives old files, and starts the nodes on what they have.
  public func heal() async throws -> [Event.Detail] {
    var evidence: [String] = []
    for node in Set(excuses.all).union(copied.withLock { $0 }).sorted() {
      let name = cluster.hosts[node].name
      if let flip = flips.withLock({ $0[node] }) {
        try await cluster.kill(node)
        let isBack = try await cluster.hosts[node].turnBack(flip)
        _ = flips.withLock { $0.removeValue(forKey: node) }
        evidence.append(
          "\(name): \(isBack ? "the byte is \(flip.before) again" : "it was written anew")")
      }
      if copied.withLock({ $0.contains(node) }) {
        await excuses.excuse(node)
        try await cluster.kill(node)
        try await run(node, "rm", ["-rf", "--", cluster.data(of: node)])
        try await run(node, "mv", ["-T", "--", old(node), cluster.data(of: node)])
        _ = copied.withLock { $0.remove(node) }
        evidence.append("\(name): it has its old files again")
      }
      if await cluster.state(of: node) == .stopped { try await cluster.start(node) }
      await excuses.pardon(node)
    }
    return [Event.Detail("evidence", .names(evidence))]
  }
}
