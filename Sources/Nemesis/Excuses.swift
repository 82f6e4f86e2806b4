// Nodes that may end of what a fault does to them.

import Synchronization
import Systems

/// The nodes that one fault has excused and not pardoned: their ends are no crashes.
final class Excuses: Sendable {
  private let cluster: Cluster
  private let nodes = Mutex<Set<Int>>([])

  init(_ cluster: Cluster) { self.cluster = cluster }

  /// Excuses `node` from now on, once.
  func excuse(_ node: Int) async {
    guard nodes.withLock({ $0.insert(node).inserted }) else { return }
    await cluster.excuse(node)
  }

  /// Pardons `node`, if it is excused here.
  func pardon(_ node: Int) async {
    guard nodes.withLock({ $0.remove(node) }) != nil else { return }
    await cluster.pardon(node)
  }

  /// Those that are excused.
  var all: [Int] { nodes.withLock { $0.sorted() } }
}
