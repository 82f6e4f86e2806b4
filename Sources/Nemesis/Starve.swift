// Nodes that get less of the machine than they need.

import FoundationEssentials
import History
import Hosts
import Synchronization
import Systems
import Workloads

/// Takes a resource from nodes.
public final class Starve: Fault {
  /// `starve`.
  public let kind = "starve"
  private let aim: AimedTrouble<Resource>
  private let nodes: [Int]
  private let cluster: Cluster
  private let excuses: Excuses
  /// The nodes that were stopped.
  private let slowed = Mutex<Set<Int>>([])
  /// What takes processors from nodes, by node.
  private let cycles = Mutex<[Int: Task<Void, Never>]>([:])
  /// How many descriptors processes might have before, by node.
  private let limits = Mutex<[Int: (process: Int32, soft: String)]>([:])

  /// The control groups of nodes' processes, by node.
  private let groups = Mutex<[Int: ControlGroup]>([:])

  private static let patience = Duration.seconds(10)
  private static let spareMemory = 4 << 20

  /// Takes from `nodes`, which `aim` named.
  public init(aim: AimedTrouble<Resource>, nodes: [Int], cluster: Cluster) {
    self.aim = aim
    self.nodes = nodes
    self.cluster = cluster
    excuses = Excuses(cluster)
  }

  /// Takes it, and looks that it is gone.
  public func inject() async throws -> [Event.Detail] {
    var evidence: [String] = []
    var hit: [String] = []
    for node in nodes where await cluster.state(of: node) == .running {
      let name = cluster.hosts[node].name
      switch aim.trouble {
      case .cpu: evidence.append("\(name): \(try await slow(node))")
      case .memory: evidence.append("\(name): \(try await squeeze(node))")
      case .descriptors: evidence.append("\(name): \(try await limit(node))")
      }
      hit.append(name)
    }
    guard !hit.isEmpty else { throw FaultError.skipped("no process ran there") }
    return [
      Event.Detail("target", .text("\(aim.trouble.rawValue) \(aim.target.rawValue)")),
      Event.Detail("nodes", .names(hit)), Event.Detail("evidence", .names(evidence)),
    ]
  }

  /// Gives it back.
  public func heal() async throws -> [Event.Detail] {
    for (node, cycle) in cycles.withLock({ $0 }) {
      cycle.cancel()
      await cycle.value
      _ = cycles.withLock { $0.removeValue(forKey: node) }
    }
    for node in slowed.withLock({ $0 }) {
      try await cluster.resume(node)
      _ = slowed.withLock { $0.remove(node) }
    }
    for (node, group) in groups.withLock({ $0 }) {
      let host = cluster.hosts[node]
      try await host.release(group)
      try await host.undo(Self.key(group))
      _ = groups.withLock { $0.removeValue(forKey: node) }
    }
    for (node, limit) in limits.withLock({ $0 }) {
      // The process may have ended of it, and another has begun with what it had before.
      if await cluster.pid(of: node) == limit.process {
        _ = try await prlimit(node, limit.process, ["--nofile=\(limit.soft):"])
        // One that could not open something may be about to end.
        try await Task.sleep(for: .milliseconds(300))
      }
      _ = limits.withLock { $0.removeValue(forKey: node) }
    }
    for node in excuses.all {
      if await cluster.hasEndedItself(node) { try await cluster.start(node) }
      await excuses.pardon(node)
    }
    return []
  }

  private static func key(_ group: ControlGroup) -> String { "group \(group.path)" }

  /// Puts the node's process into a control group with `limit`.
  ///
  /// - Throws: `HostError.refused` where none may be made.
  private func confine(_ node: Int, to limit: ResourceLimit) async throws {
    let host = cluster.hosts[node]
    guard let process = await cluster.pid(of: node) else {
      throw FaultError.skipped("no process ran there")
    }
    let group = try await host.controlGroup(for: process, limit)
    try await host.note(Self.key(group), .controlGroup(group))
    groups.withLock { $0[node] = group }
    try await host.confine(process, in: group, to: limit)
  }

  /// Leaves the node hardly more memory than it has.
  private func squeeze(_ node: Int) async throws -> String {
    do {
      // It may be about to want what it cannot live without.
      await excuses.excuse(node)
      try await confine(node, to: .memory(bytes: Self.spareMemory))
    } catch HostError.refused(let host, let reason) {
      throw FaultError.skipped("\(host): \(reason)")
    }
    return "a control group leaves it \(Self.spareMemory >> 20) MiB beside what it has"
  }

  /// Lets the node run a tenth of the time: by a control group, or, where none may be made, by stopping it
  /// nine tenths of the time.
  private func slow(_ node: Int) async throws -> String {
    do {
      try await confine(node, to: .cpu(milliseconds: 10))
      return "a control group leaves it 10 ms of a processor in 100"
    } catch HostError.refused {}
    slowed.withLock { _ = $0.insert(node) }
    guard try await cluster.pause(node), try await cluster.isSeen(stopped: true, node) == true
    else {
      throw FaultError.unverified("\(cluster.hosts[node].name) does not stop")
    }
    let cycle = Task { [cluster] in
      while !Task.isCancelled {
        do {
          try await cluster.resume(node)
          try await Task.sleep(for: .milliseconds(5))
          guard try await cluster.pause(node) else { return }
          try await Task.sleep(for: .milliseconds(45))
        } catch { return }  // it is healed then, or its host is gone
      }
    }
    cycles.withLock { $0[node] = cycle }
    return "it runs for 5 ms of 50"
  }

  /// Lets the node open no more descriptors.
  private func limit(_ node: Int) async throws -> String {
    guard let process = await cluster.pid(of: node) else {
      throw FaultError.skipped("no process ran there")
    }
    let before = try await softLimit(node, process)
    // It may be about to open what it cannot live without.
    await excuses.excuse(node)
    limits.withLock { $0[node] = (process, before) }
    _ = try await prlimit(node, process, ["--nofile=3:"])
    guard try await softLimit(node, process) == "3" else {
      throw FaultError.unverified("\(cluster.hosts[node].name) may still open \(before)")
    }
    return "no descriptor can be opened any more, \(before) could before"
  }

  private func softLimit(_ node: Int, _ process: Int32) async throws -> String {
    let text = try await prlimit(
      node, process, ["--nofile", "--output", "SOFT", "--noheadings", "--raw"])
    return text.filter { !$0.isWhitespace }
  }

  private func prlimit(_ node: Int, _ process: Int32, _ words: [String]) async throws -> String {
    let command = Command("prlimit", ["--pid", "\(process)"] + words)
    let host = cluster.hosts[node]
    return try await host.run(command, deadline: Self.patience)
      .succeeded(command.description, on: host.name).text
  }
}
