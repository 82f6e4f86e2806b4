// The monitor of registers in which every value is set once: blocks and zones, no search.
// Here: both registers, compare-and-set included. Not here: the model (RegisterModel.swift).
//
// Where each value is set by one operation, what saw it names who set it. So the operations fall
// into blocks: a write (or the initial value) with its reads, the compare-and-set that took the
// value away, the reads of what that set, and so on. In any order a block is contiguous: between
// two of its operations nothing else may set the register. Within a block the order is fixed up
// to the reads of one value.
//
// Let f be a block's first completion and s its last invocation. Block A must come before B if
// and only if f(A) < s(B). If no two blocks each must come before the other, the blocks can be
// put in a row: in any longer cycle take the block of least f; its predecessor P has
// f(block) <= f(P) < s(block's successor)…, so it forms a cycle of two with one of its
// neighbours. Sorted by min(f, s), the blocks stand in such a row, if there is one: say i stands
// before j and f(j) < s(i). If s(i) <= f(i), the key of i is s(i), less than that of j, hence
// than f(j): a contradiction. So the key of i is f(i) < s(j), and each must precede the other.

import History

/// Decides registers whose values are each set once.
///
/// Operations of unknown outcome: a write or compare-and-set whose value no required operation
/// needs, directly or through others of the kind, is left out (nothing sees the difference, since
/// all observations are by equality); any other must have happened, and never completes.
///
/// - Complexity: O(n log n).
/// - Source: Gibbons & Korach 1997 (zones); chains of compare-and-set are our extension, proved
///   in this file's head.
struct RegisterMonitor {
  /// One value: who sets it, who takes it away, and who sees it.
  private struct Node {
    /// The operation that sets it; `absent` for none, `initial` for the value at the start.
    var producer: Int32
    /// The value that the producer takes away, or `absent` when it asks nothing.
    var source: Int32 = RegisterMonitor.absent
    /// The required compare-and-set that takes it away, then any that is needed.
    var taker: Int32 = RegisterMonitor.absent
    /// The last of its reads; the others hang on it.
    var lastReader: Int32 = RegisterMonitor.absent
    var isNeeded = false
  }

  fileprivate struct Block {
    var root: Int32
    var first = Int.max
    var last = Int.min
    var key: Int { min(first, last) }
  }

  private static var absent: Int32 { -1 }
  private static var initial: Int32 { -2 }

  private let judged: [Judged<RegisterAction>]
  private var nodes: [Node] = []
  /// By operation: the read of the same value before it.
  private var readerBefore: [Int32]
  private var blocks: [Block] = []
  private var isInBlock: [Bool] = []

  /// The verdict on `judged`, or nil when a value may be set twice or an observation is not by
  /// equality.
  static func verdict(
    on judged: [Judged<RegisterAction>], initial: Value
  ) -> MonitorVerdict? {
    var monitor = RegisterMonitor(judged)
    guard monitor.collect(initial: initial) else { return nil }
    if let core = monitor.need() ?? monitor.chain() { return .invalid(core: monitor.places(core)) }
    if let core = monitor.buildBlocks() ?? monitor.order() {
      return .invalid(core: monitor.places(core))
    }
    return .valid(order: monitor.witness)
  }

  private init(_ judged: [Judged<RegisterAction>]) {
    self.judged = judged
    readerBefore = Array(repeating: Self.absent, count: judged.count)
  }

  private func places(_ numbers: [Int32]) -> [Int] {
    Set(numbers.filter { $0 >= 0 }).map { judged[Int($0)].place }.sorted()
  }

  // MARK: Who sets, takes and sees what

  /// Fills the nodes; false when the precondition does not hold.
  private mutating func collect(initial: Value) -> Bool {
    var ids: [Value: Int32] = [:]
    ids.reserveCapacity(judged.count / 2)
    func id(_ value: Value, _ nodes: inout [Node]) -> Int32 {
      if let id = ids[value] { return id }
      let id = Int32(nodes.count)
      ids[value] = id
      nodes.append(Node(producer: Self.absent))
      return id
    }
    nodes.reserveCapacity(judged.count / 2)
    nodes[Int(id(initial, &nodes))].producer = Self.initial
    for number in judged.indices {
      switch judged[number].action {
      case .read(let value): addReader(Int32(number), of: id(value, &nodes))
      case .differs: return false
      case .write(let value):
        let made = Int(id(value, &nodes))
        guard nodes[made].producer == Self.absent else { return false }
        nodes[made].producer = Int32(number)
        if judged[number].isRequired { nodes[made].isNeeded = true }
      case .compareAndSet(let old, let new):
        let source = id(old, &nodes)
        if old == new {
          addReader(Int32(number), of: source)
          continue
        }
        let made = Int(id(new, &nodes))
        guard nodes[made].producer == Self.absent else { return false }
        nodes[made].producer = Int32(number)
        nodes[made].source = source
        if judged[number].isRequired { nodes[made].isNeeded = true }
      }
    }
    return true
  }

  private mutating func addReader(_ number: Int32, of value: Int32) {
    readerBefore[Int(number)] = nodes[Int(value)].lastReader
    nodes[Int(value)].lastReader = number
    nodes[Int(value)].isNeeded = true
  }

  /// Marks what is needed by what is; returns an operation that saw what nobody sets.
  private mutating func need() -> [Int32]? {
    for start in nodes.indices where nodes[start].isNeeded {
      var value = start
      while true {
        let node = nodes[value]
        guard node.producer != Self.absent else {
          return [node.lastReader >= 0 ? node.lastReader : firstTaker(of: Int32(value))]
        }
        guard node.source >= 0, !nodes[Int(node.source)].isNeeded else { break }
        value = Int(node.source)
        nodes[value].isNeeded = true
      }
    }
    return nil
  }

  private func firstTaker(of value: Int32) -> Int32 {
    nodes.first { $0.isNeeded && $0.source == value }?.producer ?? Self.absent
  }

  /// Links each needed compare-and-set to the value it takes away; returns two that take the same.
  private mutating func chain() -> [Int32]? {
    for value in nodes.indices where nodes[value].isNeeded && nodes[value].source >= 0 {
      let source = Int(nodes[value].source)
      guard nodes[source].taker == Self.absent else {
        let other = nodes[Int(nodes[source].taker)].producer
        return [nodes[source].producer, other, nodes[value].producer]
      }
      nodes[source].taker = Int32(value)
    }
    return nil
  }

  // MARK: Blocks

  /// Makes the blocks; returns operations that cannot stand in the order of their block.
  private mutating func buildBlocks() -> [Int32]? {
    isInBlock = Array(repeating: false, count: nodes.count)
    for root in nodes.indices where nodes[root].source == Self.absent {
      guard nodes[root].isNeeded || nodes[root].producer == Self.initial else { continue }
      if let core = addBlock(root: Int32(root)) { return core }
    }
    // A compare-and-set that no chain from a write reaches needs itself.
    guard let stray = nodes.indices.first(where: { nodes[$0].isNeeded && !isInBlock[$0] }) else {
      return nil
    }
    var cycle: [Int32] = []
    var value = stray
    var seen: Set<Int> = []
    while seen.insert(value).inserted {
      cycle.append(nodes[value].producer)
      value = Int(nodes[value].source)
    }
    return cycle
  }

  private mutating func addBlock(root: Int32) -> [Int32]? {
    var block = Block(root: root)
    if nodes[Int(root)].producer == Self.initial { (block.first, block.last) = (.min, .min) }
    // The latest invocation among the groups passed, and whose it is.
    var passed = Int.min
    var passedBy = Self.absent
    var value = root
    while value != Self.absent {
      isInBlock[Int(value)] = true
      let producer = nodes[Int(value)].producer
      if producer >= 0 {
        guard completion(producer) > passed else { return [producer, passedBy] }
        block.add(judged[Int(producer)].invocation, completion(producer))
        if judged[Int(producer)].invocation > passed {
          (passed, passedBy) = (judged[Int(producer)].invocation, producer)
        }
      }
      var (latest, latestBy) = (passed, passedBy)
      var reader = nodes[Int(value)].lastReader
      while reader >= 0 {
        guard completion(reader) > passed else { return [producer, reader, passedBy] }
        block.add(judged[Int(reader)].invocation, completion(reader))
        if judged[Int(reader)].invocation > latest {
          (latest, latestBy) = (judged[Int(reader)].invocation, reader)
        }
        reader = readerBefore[Int(reader)]
      }
      (passed, passedBy) = (latest, latestBy)
      value = nodes[Int(value)].taker
    }
    blocks.append(block)
    return nil
  }

  @inline(__always)
  private func completion(_ number: Int32) -> Int { judged[Int(number)].completion ?? Int.max }

  /// Sorts the blocks; returns the ends of two that must each precede the other, of the first
  /// few such pairs the one with the fewest operations to tell.
  private mutating func order() -> [Int32]? {
    blocks.sort { $0.key < $1.key }
    guard var latest = blocks.indices.first else { return nil }
    var conflicts: [[Int32]] = []
    for place in blocks.indices.dropFirst() {
      if blocks[place].first < blocks[latest].last {
        conflicts.append(conflict(blocks[place], blocks[latest]))
        if conflicts.count == Self.conflictsCompared { break }
      }
      if blocks[place].last > blocks[latest].last { latest = place }
    }
    return conflicts.min { $0.count < $1.count }
  }

  private static var conflictsCompared: Int { 32 }

  /// Few operations of two blocks that show why neither can come first.
  private func conflict(_ one: Block, _ other: Block) -> [Int32] {
    let some = witnesses(in: one, after: other.first, before: other.last)
    let firstLeft = some.lazy.filter { $0 >= 0 }.map { completion($0) }.min() ?? one.first
    let lastLeft = some.lazy.filter { $0 >= 0 }.map { judged[Int($0)].invocation }.max()
    let rest = witnesses(in: other, after: firstLeft, before: lastLeft ?? one.last)
    return Array(Set(some + rest))
  }

  /// Who sets the values of `block`, with one operation invoked after `first` and one completed
  /// before `last`, where no setter is.
  private func witnesses(in block: Block, after first: Int, before last: Int) -> [Int32] {
    var found: [Int32] = []
    var value = block.root
    while value != Self.absent {
      found.append(nodes[Int(value)].producer)
      value = nodes[Int(value)].taker
    }
    let isEarly = found.contains { $0 >= 0 ? completion($0) < last : block.first < last }
    let isLate = found.contains { $0 >= 0 && judged[Int($0)].invocation > first }
    if isEarly && isLate { return found }
    visit(block) { number in
      if (!isEarly && completion(number) == block.first)
        || (!isLate && judged[Int(number)].invocation == block.last)
      {
        found.append(number)
      }
    }
    return found
  }

  private func visit(_ block: Block, _ body: (Int32) -> Void) {
    var value = block.root
    while value != Self.absent {
      let node = nodes[Int(value)]
      if node.producer >= 0 { body(node.producer) }
      var readers: [Int32] = []
      var reader = node.lastReader
      while reader >= 0 {
        readers.append(reader)
        reader = readerBefore[Int(reader)]
      }
      for reader in readers.reversed() { body(reader) }
      value = node.taker
    }
  }

  private var witness: [Int] {
    var order: [Int] = []
    order.reserveCapacity(judged.count)
    for block in blocks {
      visit(block) { number in order.append(judged[Int(number)].place) }
    }
    return order
  }
}

extension RegisterMonitor.Block {
  fileprivate mutating func add(_ invocation: Int, _ completion: Int) {
    first = min(first, completion)
    last = max(last, invocation)
  }
}

extension RegisterModel: Monitored {
  func monitor(_ judged: [Judged<RegisterAction>]) -> MonitorVerdict? {
    RegisterMonitor.verdict(on: judged, initial: initial)
  }
}

extension CASRegisterModel: Monitored {
  func monitor(_ judged: [Judged<RegisterAction>]) -> MonitorVerdict? {
    RegisterMonitor.verdict(on: judged, initial: initial)
  }
}
