// Clocks that are off from a node's start on, by a time namespace: no shim is needed.

import History
import Hosts
import Synchronization
import Systems
import Workloads

/// Starts nodes again with clocks that cannot be set far ahead, and at the end with right ones.
public final class ClockAtStart: Fault {
  /// `clock`.
  public let kind = "clock"
  private let aim: AimedTrouble<ClockTrouble>
  private let nodes: [Int]
  private let cluster: Cluster
  private let shifted = Mutex<Set<Int>>([])

  private static let patience = Duration.seconds(10)
  /// An hour.
  private static let ahead = 3600

  /// Does it to `nodes`, which the target of `aim` named.
  public init(aim: AimedTrouble<ClockTrouble>, nodes: [Int], cluster: Cluster) {
    self.aim = aim
    self.nodes = nodes
    self.cluster = cluster
  }

  /// Starts them again, and reads the offsets of their processes from `/proc`.
  public func inject() async throws -> [Event.Detail] {
    var evidence: [String] = []
    var hit: [String] = []
    for node in nodes where await cluster.state(of: node) == .running {
      let host = cluster.hosts[node]
      do throws(HostError) {
        _ = try await host.run(
          host.ahead(Command("true"), bySeconds: Self.ahead), deadline: Self.patience
        ).succeeded("true", on: host.name)
      } catch {
        switch error {
        case .cannotStart(_, _, let reason), .failed(_, _, _, let reason):
          throw FaultError.skipped("\(host.name): \(reason.prefix { $0 != "\n" })")
        default: throw error
        }
      }
      shifted.withLock { _ = $0.insert(node) }
      let pid = try await restart(node, ahead: Self.ahead)
      let offsets = try await offsets(of: pid, on: host)
      guard offsets == ["\(Self.ahead)", "\(Self.ahead)"] else {
        throw FaultError.unverified("\(host.name): its clocks are \(offsets) seconds ahead")
      }
      hit.append(host.name)
      evidence.append("\(host.name): process \(pid) started, \(Self.ahead) s ahead")
    }
    guard !hit.isEmpty else { throw FaultError.skipped("no process ran there") }
    return [
      Event.Detail("target", .text("\(aim.trouble.rawValue) \(aim.target.rawValue)")),
      Event.Detail("nodes", .names(hit)), Event.Detail("evidence", .names(evidence)),
    ]
  }

  private func restart(_ node: Int, ahead seconds: Int) async throws -> Int32 {
    try await cluster.kill(node)
    await cluster.setClocks(of: node, secondsAhead: seconds)
    return try await cluster.start(node)
  }

  /// How many seconds the clock that cannot be set, and the one that counts sleep too, are ahead. A process is
  /// in its namespace a moment after it was started.
  private func offsets(of pid: Int32, on host: any Host) async throws -> [String] {
    var seconds: [String] = []
    for _ in 0..<100 {
      let text = try await host.run(
        Command("cat", ["/proc/\(pid)/timens_offsets"]), deadline: Self.patience
      ).text
      seconds = text.split(separator: "\n").compactMap { line in
        let words = line.split(separator: " ")
        return words.count == 3 ? String(words[1]) : nil
      }
      if seconds.contains(where: { $0 != "0" }) { break }
      try await Task.sleep(for: .milliseconds(10))
    }
    return seconds
  }

  /// Starts them again with right clocks.
  public func heal() async throws -> [Event.Detail] {
    var evidence: [String] = []
    for node in shifted.withLock({ $0.sorted() }) {
      let pid = try await restart(node, ahead: 0)
      _ = shifted.withLock { $0.remove(node) }
      evidence.append("\(cluster.hosts[node].name): process \(pid) started with right clocks")
    }
    return [Event.Detail("evidence", .names(evidence))]
  }
}
