// Who leads, looked at now and then, and how late the bench itself is.

import NIOCore
import Synchronization
import Systems

/// Sees who leads, for the report and for progress. A fault asks for itself.
final class LeaderWatch: Sendable {
  private let cluster: Cluster
  private let clock: @Sendable () -> Int64
  private let group: any EventLoopGroup
  private let seen = Mutex<[RunResults.LeaderSeen]>([])
  private let claimed = Mutex<[RunResults.LeaderSeen]>([])

  init(cluster: Cluster, clock: @escaping @Sendable () -> Int64, group: any EventLoopGroup) {
    self.cluster = cluster
    self.clock = clock
    self.group = group
  }

  /// Every change that was seen, in order.
  var changes: [RunResults.LeaderSeen] { seen.withLock { $0 } }

  /// Each node in each term of which it said that it leads, in order.
  var claims: [RunResults.LeaderSeen] { claimed.withLock { $0 } }

  /// Who was seen last.
  var current: String? { seen.withLock { $0.last?.node } }

  /// Looks until cancelled.
  func run() async {
    while !Task.isCancelled {
      let leaders = await cluster.system.leaders(group: group)
      for leader in leaders { note(leader) }
      let leader = leaders.max { $0.term < $1.term }
      let node = leader.map { cluster.hosts[$0.index].name }
      let term = leader?.term ?? 0
      seen.withLock { seen in
        guard seen.last?.node != node || (node != nil && seen.last?.term != term) else { return }
        seen.append(RunResults.LeaderSeen(time: clock(), node: node, term: term))
      }
      do { try await Task.sleep(for: .milliseconds(200)) } catch { return }
    }
  }
}

extension LeaderWatch {
  private func note(_ leader: Leader) {
    let node = cluster.hosts[leader.index].name
    claimed.withLock { claimed in
      // Newest first: it is nearly always the last one again.
      guard !claimed.reversed().contains(where: { $0.node == node && $0.term == leader.term })
      else { return }
      claimed.append(RunResults.LeaderSeen(time: clock(), node: node, term: leader.term))
    }
  }
}

/// Measures how much later than asked for the bench's own tasks run.
final class LagWatch: Sendable {
  private let worst = Mutex<Duration>(.zero)

  /// The worst so far, in seconds.
  var worstSeconds: Double { worst.withLock { $0 / .seconds(1) } }

  /// Measures until cancelled.
  func run() async {
    let interval = Duration.milliseconds(20)
    while !Task.isCancelled {
      let due = ContinuousClock.now + interval
      do { try await Task.sleep(until: due) } catch { return }
      let late = due.duration(to: .now)
      worst.withLock { $0 = max($0, late) }
    }
  }
}
