// Faults of a node's disk and of its clocks, by the shim in its process.

import Glibc
import History
import Hosts
import Synchronization
import Systems
import Workloads

extension Cluster {
  fileprivate static let neverCalled =
    "the node's process never called the shim: it is static, or makes its system calls itself"

  /// The shim of node `index`, if its process runs and calls it, or the file system that it is on does.
  fileprivate func working(
    _ index: Int, by calls: (Shim.Calls) -> UInt64
  ) async throws -> any ShimSteering {
    guard let shim = shim(of: index) else {
      throw FaultError.skipped("no shim is in the node's process: the workload asks for none")
    }
    guard state(of: index) == .running else { throw FaultError.skipped("no process ran there") }
    guard calls(try await shim.look().calls) > 0 else {
      let problem = diskProblem(of: index).map { "; \($0)" } ?? ""
      throw FaultError.skipped(Self.neverCalled + problem)
    }
    return shim
  }

  /// Does `body` to all of `nodes` at the same time; what it says of each is the evidence.
  ///
  /// - Throws: what kept it from the first of them, if it took hold of none or failed on any;
  ///   `FaultError.skipped` alone, of some, is evidence too.
  fileprivate func strike<Trouble>(
    _ nodes: [Int], _ aim: AimedTrouble<Trouble>,
    _ body: @escaping @Sendable (Int) async throws -> String
  ) async throws -> [Event.Detail] {
    let results = await nodes.mapConcurrently { node in
      do { return Result<String, any Error>.success(try await body(node)) } catch {
        return .failure(error)
      }
    }
    var hit: [String] = []
    var evidence: [String] = []
    var skipped: FaultError?
    for (node, result) in zip(nodes, results) {
      let name = hosts[node].name
      do {
        evidence.append("\(name): \(try result.get())")
        hit.append(name)
      } catch FaultError.skipped(let reason) {
        skipped = skipped ?? .skipped(reason)
        evidence.append("\(name): skipped, \(reason)")
      } catch FaultError.unverified(let reason) {
        throw FaultError.unverified("\(name): \(reason)")
      }
    }
    if hit.isEmpty, let skipped { throw skipped }
    return [
      Event.Detail("target", .text("\(aim.trouble.rawValue) \(aim.target.rawValue)")),
      Event.Detail("nodes", .names(hit)), Event.Detail("evidence", .names(evidence)),
    ]
  }
}

/// Waits until something is so; false when it is not in time.
private func wait(
  _ time: Duration, until isMet: () async throws -> Bool
) async throws -> Bool {
  let end = ContinuousClock.now + time
  while ContinuousClock.now < end {
    if try await isMet() { return true }
    try await Task.sleep(for: .milliseconds(5))
  }
  return try await isMet()
}

/// Disks of nodes fail them. Healing makes the disks whole, and starts the nodes that have ended.
public final class Disk: Fault {
  /// `disk`.
  public let kind = "disk"
  private let aim: AimedTrouble<DiskTrouble>
  private let nodes: [Int]
  /// Fixes at which sync each node ends, and how much of a torn write stays.
  private let seed: UInt64
  private let cluster: Cluster
  private let excuses: Excuses
  /// The nodes that were killed.
  private let killed = Mutex<Set<Int>>([])

  /// Does `aim` to `nodes`, which its target named.
  public init(
    aim: AimedTrouble<DiskTrouble>, nodes: [Int], seed: UInt64, cluster: Cluster
  ) {
    self.aim = aim
    self.nodes = nodes
    self.seed = seed
    self.cluster = cluster
    excuses = Excuses(cluster)
  }

  /// Does it to all at once, and waits until each has met it.
  public func inject() async throws -> [Event.Detail] {
    try await cluster.strike(nodes, aim) { [self] node in
      let line = try await strike(node)
      return await cluster.isOnOurDisk(node) ? "\(line) (its files are on gauntlet-disk)" : line
    }
  }

  private func strike(_ node: Int) async throws -> String {
    let shim = try await cluster.working(node) { $0.sync + $0.write }
    await excuses.excuse(node)
    var random = SplitMix64(seed: seed, part: UInt64(node))
    switch aim.trouble {
    case .loseUnsynced: return try await losePower(node, shim, keeping: 0)
    case .tornWrite:
      return try await losePower(node, shim, keeping: Double.random(in: 0..<1, using: &random))
    case .loseStalled:
      try await shim.stallSyncs(.seconds(10))
      try await Task.sleep(for: .milliseconds(300))
      return try await losePower(node, shim, keeping: 0)
    case .killAtSync:
      return try await end(
        node, shim, at: "sync", Int.random(in: 1...50, using: &random), .seconds(2))
    case .killAtWrite:
      return try await end(
        node, shim, at: "write", Int.random(in: 1...50, using: &random), .seconds(2))
    case .crashLoop:
      var lines: [String] = []
      for _ in 0..<6 {
        try Task.checkCancellation()
        if !lines.isEmpty, await cluster.state(of: node) == .stopped {
          try await cluster.start(node)
        }
        let sync = Int.random(in: 1...5, using: &random)
        lines.append(try await end(node, shim, at: "sync", sync, .milliseconds(700)))
      }
      return lines.joined(separator: "; ")
    case .syncError:
      return try await failing(node, shim, "syncs failed with EIO") {
        try await $0.fail(syncs: EIO)
      }
    case .readError:
      return try await failing(node, shim, "reads failed with EIO") {
        try await $0.fail(reads: EIO)
      }
    case .writeError:
      return try await failing(node, shim, "writes failed with EIO") {
        try await $0.fail(writes: EIO)
      }
    case .full:
      return try await failing(node, shim, "writes failed with ENOSPC") {
        try await $0.fail(writes: ENOSPC)
      }
    case .syncStall: return try await slow(shim, by: .seconds(1))
    case .syncSlow: return try await slow(shim, by: .milliseconds(150))
    }
  }

  private func slow(_ shim: any ShimSteering, by time: Duration) async throws -> String {
    let before = try await shim.look().calls.delayed
    try await shim.stallSyncs(time)
    guard try await wait(.seconds(3), until: { try await shim.look().calls.delayed > before })
    else {
      throw FaultError.skipped("it synced nothing in 3 s")
    }
    return "a sync took \(time) longer"
  }

  /// Lets the node end at its next sync or write with that number, or after `patience`: it may have nothing
  /// to do while others have ended.
  private func end(
    _ node: Int, _ shim: any ShimSteering, at call: String, _ number: Int, _ patience: Duration
  ) async throws -> String {
    func arm(_ count: Int) async throws {
      if call == "sync" {
        try await shim.kill(afterSyncs: count)
      } else {
        try await shim.kill(atWrite: count)
      }
    }
    try await arm(number)
    guard try await wait(patience, until: { await cluster.state(of: node) == .stopped }) else {
      try await arm(0)
      return "no \(call) number \(number) in time; \(try await losePower(node, shim, keeping: 0))"
    }
    return "ended itself at its \(call) number \(number); \(try await lose(shim))"
  }

  private func losePower(_ node: Int, _ shim: any ShimSteering, keeping kept: Double) async throws
    -> String
  {
    killed.withLock { _ = $0.insert(node) }
    let pid = try await cluster.kill(node)
    let what = pid.map { "process \($0) killed" } ?? "it had just ended"
    return "\(what); \(try await lose(shim, keeping: kept))"
  }

  private func lose(_ shim: any ShimSteering, keeping kept: Double = 0) async throws -> String {
    let lost = try await shim.loseUnsynced(keeping: kept)
    return "\(lost.bytes) bytes of \(lost.files) files were not synced and are gone"
  }

  private func failing(
    _ node: Int, _ shim: any ShimSteering, _ what: String,
    _ body: (any ShimSteering) async throws -> Void
  ) async throws -> String {
    let before = try await shim.look().calls.failed
    try await body(shim)
    guard try await wait(.seconds(2), until: { try await shim.look().calls.failed > before })
    else {
      try await shim.fail()
      throw FaultError.skipped("nothing that it asked of its disk in 2 s could fail")
    }
    // Whether it ends of it is its own affair; most do at once.
    let hasEnded = try await wait(
      .milliseconds(500), until: { await cluster.state(of: node) == .stopped })
    let count = try await shim.look().calls.failed - before
    return "\(count) \(what); the node \(hasEnded ? "has ended" : "goes on")"
  }

  /// Makes the disks whole; starts the nodes that have ended.
  public func heal() async throws -> [Event.Detail] {
    var evidence: [String] = []
    var failure: (any Error)?
    for node in excuses.all {
      do {
        guard let line = try await heal(node) else { continue }
        evidence.append("\(cluster.hosts[node].name): \(line)")
      } catch {
        failure = failure ?? error  // the others are healed all the same
      }
    }
    if let failure { throw failure }
    return [Event.Detail("evidence", .names(evidence))]
  }

  private func heal(_ node: Int) async throws -> String? {
    guard let shim = await cluster.shim(of: node) else { return nil }
    var lines: [String] = []
    if try await shim.look().failsSyncs {
      var random = SplitMix64(seed: seed, part: UInt64(1000 + node))
      if await cluster.state(of: node) != .stopped {
        lines.append(try await losePower(node, shim, keeping: 0))
      } else if Bool.random(using: &random) {
        lines.append("its power failed too; \(try await lose(shim))")
      }
    }
    try await shim.fail()
    try await shim.stallSyncs(.zero)
    try await shim.kill(afterSyncs: 0)
    try await shim.kill(atWrite: 0)
    lines.append("the disk is whole")
    if [.full, .readError, .writeError].contains(aim.trouble) {
      // One whose last write failed may be about to end.
      _ = try await wait(.milliseconds(300)) { await cluster.state(of: node) == .stopped }
    }
    // Whom another fault has ended it starts itself.
    let isOurs = killed.withLock { $0.contains(node) }
    if await cluster.state(of: node) == .stopped {
      let hasEndedItself = await cluster.hasEndedItself(node)
      if isOurs || hasEndedItself {
        lines.append("process \(try await cluster.start(node)) started")
      }
    }
    await excuses.pardon(node)
    return lines.joined(separator: "; ")
  }
}

/// Clocks of nodes are wrong. Healing sets them right; what the clock that cannot be set went ahead or
/// fell behind stays, since it never jumps.
public struct ClockSkew: Fault {
  /// `clock`.
  public let kind = "clock"
  private let aim: AimedTrouble<ClockTrouble>
  private let nodes: [Int]
  private let cluster: Cluster

  /// Does `aim` to `nodes`, which its target named.
  public init(aim: AimedTrouble<ClockTrouble>, nodes: [Int], cluster: Cluster) {
    self.aim = aim
    self.nodes = nodes
    self.cluster = cluster
  }

  /// Sets the clocks wrong, and waits until each node has looked at its own.
  public func inject() async throws -> [Event.Detail] {
    try await cluster.strike(nodes, aim) { node in
      guard await !cluster.isOnOurDisk(node) else {
        throw FaultError.skipped(Cluster.neverCalled)
      }
      let shim = try await cluster.working(node) { $0.clock }
      switch aim.trouble {
      case .ahead: try await shim.setRealTime(off: .seconds(60))
      case .behind: try await shim.setRealTime(off: .seconds(-60))
      case .strobe: try await shim.strobeRealTime(by: .seconds(10), each: .milliseconds(100))
      case .fast: try await shim.setRate(2)
      case .slow: try await shim.setRate(0.5)
      case .restartAhead: preconditionFailure("that is ClockAtStart's")
      }
      let before = try await shim.look().calls.clock
      guard try await wait(.seconds(5), until: { try await shim.look().calls.clock > before })
      else {
        guard await cluster.state(of: node) == .running else {
          throw FaultError.skipped("no process ran there any more")
        }
        throw FaultError.unverified("it did not look at a clock within 5 s")
      }
      return "it has looked at its clocks since"
    }
  }

  /// Sets them right.
  public func heal() async throws -> [Event.Detail] {
    for node in nodes {
      guard let shim = await cluster.shim(of: node) else { continue }
      try await shim.setRealTime(off: .zero)
      try await shim.strobeRealTime(by: .zero, each: .zero)
      try await shim.setRate(1)
    }
    return [Event.Detail("evidence", .text("clocks go right"))]
  }
}
