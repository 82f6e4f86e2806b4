// Faults of processes: killed and started again, stopped and continued.

import History
import Hosts
import Systems
import Synchronization
import Workloads

/// Ends nodes with a signal; healing starts them on the data they left.
public final class Kill: Fault {
  /// `kill`, `terminate` or `abort`.
  public let kind: String
  private let target: NodeTarget
  private let nodes: [Int]
  private let cluster: Cluster
  private let killed = Mutex<[Int]>([])

  /// Ends `nodes`, which `target` named, with the signal that `kind` is called after.
  public init(kind: String, target: NodeTarget, nodes: [Int], cluster: Cluster) {
    self.kind = kind
    self.target = target
    self.nodes = nodes
    self.cluster = cluster
  }

  private var signal: Signal {
    switch kind {
    case "terminate": .terminate
    case "abort": .abort
    default: .kill
    }
  }

  /// Ends them, and reaps: the wait is the proof.
  public func inject() async throws -> [Event.Detail] {
    try await withThrowingTaskGroup(of: String?.self) { tasks in
      for node in nodes {
        tasks.addTask { [self] in
          // Before: what is begun is healed, however it goes.
          killed.withLock { $0.append(node) }
          guard let pid = try await cluster.end(node, with: signal) else {
            killed.withLock { killed in killed.removeAll { $0 == node } }
            return nil
          }
          return "\(cluster.hosts[node].name): process \(pid) reaped after \(signal)"
        }
      }
      var evidence: [String] = []
      for try await line in tasks { if let line { evidence.append(line) } }
      guard !evidence.isEmpty else { throw FaultError.skipped("no process ran there") }
      return [
        Event.Detail("target", .text(target.rawValue)),
        Event.Detail("nodes", .names(names(killed.withLock { $0.sorted() }))),
        Event.Detail("evidence", .names(evidence.sorted())),
      ]
    }
  }

  /// Starts what was killed.
  public func heal() async throws -> [Event.Detail] {
    var evidence: [String] = []
    for node in killed.withLock({ $0.sorted() }) {
      if await cluster.state(of: node) == .stopped {
        let pid = try await cluster.start(node)
        evidence.append("\(cluster.hosts[node].name): process \(pid) started")
      }
      killed.withLock { killed in killed.removeAll { $0 == node } }
    }
    return [Event.Detail("evidence", .names(evidence))]
  }

  private func names(_ nodes: [Int]) -> [String] { nodes.map { cluster.hosts[$0].name } }
}

/// Stops nodes with SIGSTOP; healing lets them go on.
public final class Pause: Fault {
  /// `pause`.
  public let kind = "pause"
  private let target: NodeTarget
  private let nodes: [Int]
  private let cluster: Cluster
  private let paused = Mutex<[Int]>([])

  /// Pauses `nodes`, which `target` named.
  public init(target: NodeTarget, nodes: [Int], cluster: Cluster) {
    self.target = target
    self.nodes = nodes
    self.cluster = cluster
  }

  /// Stops, and reads each process's state from `/proc`.
  public func inject() async throws -> [Event.Detail] {
    for node in nodes {
      // Before: what is begun is healed, however it goes.
      paused.withLock { $0.append(node) }
      if try await !cluster.pause(node) {
        paused.withLock { paused in paused.removeAll { $0 == node } }
      }
    }
    let hit = paused.withLock { $0 }
    guard !hit.isEmpty else { throw FaultError.skipped("no process ran there") }
    for node in hit { try await verify(node, isStopped: true) }
    return [
      Event.Detail("target", .text(target.rawValue)),
      Event.Detail("nodes", .names(hit.map { cluster.hosts[$0].name })),
      Event.Detail("evidence", .text("/proc shows them stopped (T)")),
    ]
  }

  /// Continues what was stopped, unless it was killed meanwhile.
  public func heal() async throws -> [Event.Detail] {
    var resumed: [String] = []
    for node in paused.withLock({ $0 }) {
      if try await cluster.resume(node) {
        try await verify(node, isStopped: false)
        resumed.append(cluster.hosts[node].name)
      }
      paused.withLock { paused in paused.removeAll { $0 == node } }
    }
    return [Event.Detail("nodes", .names(resumed))]
  }

  private func verify(_ node: Int, isStopped: Bool) async throws {
    guard try await cluster.isSeen(stopped: isStopped, node) == false else { return }
    throw FaultError.unverified(
      "\(cluster.hosts[node].name) is \(isStopped ? "not stopped" : "still stopped") after 500 ms")
  }
}

extension Cluster {
  /// Whether `/proc` shows a node's process stopped, or going on, within half a second: the signal is sent,
  /// and the kernel may take a moment to act on it. Nil when the process is gone.
  func isSeen(stopped: Bool, _ node: Int) async throws -> Bool? {
    for _ in 0..<100 {
      guard let state = try await schedulerState(of: node) else { return nil }
      if (state == "T") == stopped { return true }
      try await Task.sleep(for: .milliseconds(5))
    }
    return false
  }
}
