// Faults of a node's disk and of its clocks, by the shim in its process.

import Glibc
import History
import Hosts
import Systems
import Workloads

extension Cluster {
  /// The shim of node `index`, if its process runs and calls it.
  fileprivate func working(_ index: Int, by calls: (Shim.Calls) -> UInt64) throws -> Shim {
    guard let shim = shim(of: index) else {
      throw FaultError.skipped("no shim is in the node's process; in a lab there is")
    }
    guard state(of: index) == .running else { throw FaultError.skipped("no process ran there") }
    guard calls(shim.calls) > 0 else {
      throw FaultError.skipped(
        "the node's process never called the shim: it is static, or makes its system calls itself")
    }
    return shim
  }
}

/// Waits until something is so; false when it is not in time.
private func wait(_ time: Duration, until isMet: () async -> Bool) async throws -> Bool {
  let end = ContinuousClock.now + time
  while ContinuousClock.now < end {
    if await isMet() { return true }
    try await Task.sleep(for: .milliseconds(5))
  }
  return await isMet()
}

/// A node's disk fails it. Healing makes the disk whole, and starts the node where it has ended.
public struct Disk: Fault {
  /// `disk`.
  public let kind = "disk"
  private let trouble: DiskTrouble
  private let node: Int
  /// At which of its next syncs the node ends, if it is to.
  private let syncs: Int
  private let cluster: Cluster

  /// Does `trouble` to `node`.
  public init(trouble: DiskTrouble, node: Int, syncs: Int, cluster: Cluster) {
    self.trouble = trouble
    self.node = node
    self.syncs = syncs
    self.cluster = cluster
  }

  private var name: String { cluster.hosts[node].name }

  /// Does it, and waits until the node has met it.
  public func inject() async throws -> [Event.Detail] {
    let shim = try await cluster.working(node) { $0.sync + $0.write }
    await cluster.excuse(node)
    let evidence: String
    switch trouble {
    case .loseUnsynced:
      guard let pid = try await cluster.kill(node) else {
        throw FaultError.skipped("no process ran there")
      }
      evidence = "process \(pid) killed; \(try lose(shim))"
    case .killAtSync:
      shim.kill(afterSyncs: syncs)
      guard try await wait(.seconds(5), until: { await cluster.state(of: node) == .stopped }) else {
        throw FaultError.unverified("\(name) did not come to its sync number \(syncs) in 5 s")
      }
      evidence = "ended itself at its sync number \(syncs); \(try lose(shim))"
    case .syncError:
      evidence = try await failing(shim, "syncs failed with EIO") { $0.fail(syncs: EIO) }
    case .full:
      evidence = try await failing(shim, "writes failed with ENOSPC") { $0.fail(writes: ENOSPC) }
    case .syncStall:
      let before = shim.calls.delayed
      shim.stallSyncs(.seconds(1))
      guard try await wait(.seconds(5), until: { shim.calls.delayed > before }) else {
        throw FaultError.unverified("\(name) did not sync within 5 s")
      }
      evidence = "a sync took a second longer"
    }
    return [
      Event.Detail("target", .text(trouble.rawValue)), Event.Detail("nodes", .names([name])),
      Event.Detail("evidence", .text(evidence)),
    ]
  }

  private func lose(_ shim: Shim) throws -> String {
    let lost = try shim.loseUnsynced(host: name)
    return "\(lost.bytes) bytes of \(lost.files) files were not synced and are gone"
  }

  private func failing(
    _ shim: Shim, _ what: String, _ body: (Shim) -> Void
  ) async throws -> String {
    let before = shim.calls.failed
    body(shim)
    guard try await wait(.seconds(5), until: { shim.calls.failed > before }) else {
      throw FaultError.unverified("nothing that \(name) asked of its disk in 5 s could fail")
    }
    // Whether it ends of it is its own affair; most do at once.
    let hasEnded = try await wait(
      .milliseconds(500), until: { await cluster.state(of: node) == .stopped })
    let count = shim.calls.failed - before
    return "\(count) \(what); the node \(hasEnded ? "has ended" : "goes on")"
  }

  /// Makes the disk whole; starts the node if it has ended.
  public func heal() async throws -> [Event.Detail] {
    guard let shim = await cluster.shim(of: node) else { return [] }
    shim.fail()
    shim.stallSyncs(.zero)
    shim.kill(afterSyncs: 0)
    var evidence = "the disk is whole"
    if await cluster.state(of: node) == .stopped {
      evidence += "; process \(try await cluster.start(node)) started"
    }
    await cluster.pardon(node)
    return [Event.Detail("evidence", .text(evidence))]
  }
}

/// A node's clocks are wrong. Healing sets them right; what the clock that cannot be set went ahead or
/// fell behind stays, since it never jumps.
public struct ClockSkew: Fault {
  /// `clock`.
  public let kind = "clock"
  private let trouble: ClockTrouble
  private let node: Int
  private let cluster: Cluster

  /// Does `trouble` to `node`.
  public init(trouble: ClockTrouble, node: Int, cluster: Cluster) {
    self.trouble = trouble
    self.node = node
    self.cluster = cluster
  }

  /// Sets the clocks wrong, and waits until the node has looked at them.
  public func inject() async throws -> [Event.Detail] {
    let shim = try await cluster.working(node) { $0.clock }
    switch trouble {
    case .ahead: shim.setRealTime(off: .seconds(60))
    case .behind: shim.setRealTime(off: .seconds(-60))
    case .fast: shim.setRate(2)
    case .slow: shim.setRate(0.5)
    }
    let before = shim.calls.clock
    guard try await wait(.seconds(5), until: { shim.calls.clock > before }) else {
      throw FaultError.unverified(
        "\(cluster.hosts[node].name) did not look at a clock within 5 s")
    }
    return [
      Event.Detail("target", .text(trouble.rawValue)),
      Event.Detail("nodes", .names([cluster.hosts[node].name])),
      Event.Detail("evidence", .text("the node has looked at its clocks since")),
    ]
  }

  /// Sets them right.
  public func heal() async throws -> [Event.Detail] {
    guard let shim = await cluster.shim(of: node) else { return [] }
    shim.setRealTime(off: .zero)
    shim.setRate(1)
    return [Event.Detail("evidence", .text("its clocks go right"))]
  }
}
