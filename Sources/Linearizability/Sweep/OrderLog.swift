// How the configurations of a sweep came about: what was placed after what.
// Here: back-pointers, and the order they settle on. Not here: who is in a class (OfferedClasses).

/// One step of an order.
struct OrderStep {
  enum Kind: Int64 {
    /// Placed after all before it.
    case place
    /// Placed after all before it, and set the state whatever it was.
    case set
    /// Placed right before the last `set`, after what was hidden there earlier.
    case hide
  }

  /// Kind, whether it is of a class, and the tag or class.
  private let code: Int64

  init(_ kind: Kind, tag: Int) { code = Int64(tag) << 3 | kind.rawValue << 1 }
  init(_ kind: Kind, class number: Int) { code = Int64(number) << 3 | kind.rawValue << 1 | 1 }

  var kind: Kind { code & 6 == 0 ? .place : code & 6 == 2 ? .set : .hide }
  var isOfClass: Bool { code & 1 == 1 }
  var number: Int { Int(code >> 3) }
}

/// A tree of steps, whose leaves are the configurations of the frontier.
///
/// The path from the root to where the leaves part is settled: every verdict that may follow
/// shares it. It is given out and forgotten, so that the tree is as long as the leaves disagree.
struct OrderLog {
  private struct Node {
    var step: OrderStep
    var parent: Int32
  }

  static let root: Int32 = 0
  private var nodes = [Node(step: OrderStep(.place, tag: 0), parent: -1)]
  private var nodesBeforeCollection = 1 << 14
  /// The settled steps since the last blind set, which may still get some hidden before it.
  private var hidden: [OrderStep] = []
  private var segment: [OrderStep] = []
  /// Steps in their final order, not yet fetched.
  private var settled: [OrderStep] = []

  var bytes: Int {
    nodes.capacity * 16 + (hidden.capacity + segment.capacity + settled.capacity) * 8
  }
  var isDueForCollection: Bool { nodes.count >= nodesBeforeCollection }
  /// Bytes that a collection takes while it runs.
  var bytesToCollect: Int { nodes.count * 13 }
  /// Bytes that `count` more nodes take on top, while what they outgrow is still there.
  func bytesToGrow(by count: Int) -> Int {
    nodes.count + count > nodes.capacity ? 2 * nodes.capacity * 16 : 0
  }

  @inline(__always)
  mutating func append(_ step: OrderStep, after parent: Int32) -> Int32 {
    nodes.append(Node(step: step, parent: parent))
    return Int32(truncatingIfNeeded: nodes.count - 1)
  }

  /// Settles what all `leaves` share, forgets what none has, and returns their new nodes.
  mutating func collect(leaves: [Int32]) -> [Int32] {
    // Parents stand before their children, so one walk downwards finds all that is alive.
    var children = [Int32](repeating: 0, count: nodes.count)
    var onlyChild = [Int32](repeating: -1, count: nodes.count)
    var isLeaf = [Bool](repeating: false, count: nodes.count)
    for leaf in leaves { isLeaf[Int(leaf)] = true }
    for node in stride(from: nodes.count - 1, to: 0, by: -1)
    where isLeaf[node] || children[node] > 0 {
      let parent = Int(nodes[node].parent)
      children[parent] += 1
      onlyChild[parent] = Int32(node)
    }
    var root = 0
    while !isLeaf[root], children[root] == 1 {
      root = Int(onlyChild[root])
      settle(nodes[root].step)
    }
    var newPlace = [Int32](repeating: 0, count: nodes.count)
    var kept = 1
    if root + 1 < nodes.count {
      for node in (root + 1)..<nodes.count where isLeaf[node] || children[node] > 0 {
        newPlace[node] = Int32(kept)
        nodes[kept] = Node(
          step: nodes[node].step, parent: newPlace[Int(nodes[node].parent)])
        kept += 1
      }
    }
    nodes.removeSubrange(kept...)
    nodesBeforeCollection = max(1 << 14, 4 * kept)
    return leaves.map { newPlace[Int($0)] }
  }

  private mutating func settle(_ step: OrderStep) {
    switch step.kind {
    case .place: segment.append(step)
    case .hide: hidden.append(step)
    case .set:
      flush()
      segment.append(step)
    }
  }

  /// What was hidden before a set comes before it.
  private mutating func flush() {
    settled += hidden
    settled += segment
    hidden.removeAll(keepingCapacity: true)
    segment.removeAll(keepingCapacity: true)
  }

  /// Settles the path to `leaf` to its end.
  mutating func finish(at leaf: Int32) {
    _ = collect(leaves: [leaf])
    flush()
  }

  /// The steps that were settled since the last time.
  mutating func takeSettled() -> [OrderStep] {
    defer { settled = [] }
    return settled
  }
  /// Whether some were.
  var hasSettled: Bool { !settled.isEmpty }
}
