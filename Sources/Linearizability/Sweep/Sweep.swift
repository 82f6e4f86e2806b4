// The configuration sweep: breadth-first over configurations, completion by completion.
// Here: events. Not here: how a completion is explained (Sweep+Moves.swift, which also says why
// what it leaves out is never needed), rows (ConfigurationSet.swift), the order (OrderLog.swift).

/// Where a sweep stands after an event.
enum SweepStatus: Equatable {
  case going
  /// No order explains the history up to the completion just given, and one explains all before.
  case invalid
  case unknown(LimitReached.Reason)
}

/// Follows all configurations that a history can be in, event by event.
///
/// It looks neither back nor ahead, save that an operation's outcome and completion must be known
/// when it is called. So it judges a history while it is recorded, and names the completion
/// that made it invalid. Up to there, with what is open then free to have happened as it did or
/// not at all, no order explains it; up to the completion before, one does.
///
/// - Complexity: exponential in the width of the history at worst, not in its length. Memory is
///   that of the frontier, and of the part of the order on which it does not agree yet.
/// - Source: just-in-time linearization, Lowe 2017. Lazy blind sets are our own.
struct Sweep<M: Model>: ~Copyable {
  var alphabet: SweepAlphabet<M>
  var slots = SlotTable()
  var classes = OfferedClasses()
  var log = OrderLog()
  let budget: Budget
  var layout = RowLayout(maskWords: 1, countSlots: 0)

  /// The frontier; then, while a completion is explained, what is past it, and what is not.
  var current: ConfigurationSet
  var next: ConfigurationSet
  var work: ConfigurationSet
  /// Rows of scratch memory, owned: where a move starts, and where it ends.
  var source: Row
  var target: Row

  // While a completion is explained.
  var due = 0
  var dueNeed: Int32 = -1
  var isLoose = false
  var blindCandidates: [Int] = []
  var rigidCandidates: [Int] = []
  var usefulStates: [Int32] = []
  /// A class that a move wants to use and that configurations do not count yet, or -1.
  var wantedClass = -1
  var failure: LimitReached.Reason?

  /// Configurations entered so far.
  private(set) var steps = 0
  private var completions = 0
  private var reserved = 0

  init(model: M, budget: Budget) {
    alphabet = SweepAlphabet(model: model)
    self.budget = budget
    current = ConfigurationSet(layout)
    next = ConfigurationSet(layout)
    work = ConfigurationSet(layout)
    source = .allocate(capacity: layout.stride)
    target = .allocate(capacity: layout.stride)
    source.initialize(repeating: 0, count: layout.stride)
    source.state = alphabet.id(of: model.initial)
    source.node = OrderLog.root
    current.append(source)
  }

  deinit {
    source.deallocate()
    target.deallocate()
    _ = budget.reserve(-reserved)
  }

  /// Configurations in the frontier.
  var width: Int { current.count }

  // MARK: Events

  /// A required operation was invoked, which completes at event `completion`.
  ///
  /// - Parameters:
  ///   - action: as `alphabet.retain` gave it; the sweep releases it when it completes.
  ///   - tag: stands for the operation in the order.
  /// - Returns: its slot, to name it by when it completes.
  mutating func call(_ action: Int32, completion: Int, tag: Int) -> Int {
    if slots.isFull {
      slots.widen()
      widen(to: RowLayout(maskWords: slots.words, countSlots: layout.countSlots))
    }
    let kind = alphabet.kinds[Int(action)]
    let slot = slots.take(
      action, isPure: kind == .pure, isBlind: kind == .blind, completion: completion, tag: tag)
    guard kind == .pure else { return slot }
    let (word, bit) = (2 + (slot >> 6), UInt64(1) << UInt64(slot & 63))
    for number in 0..<current.count {
      let row = current.row(number)
      guard alphabet.target(row.state, action) >= 0 else { continue }
      row[word] |= bit
      row.node = log.append(OrderStep(.place, tag: tag), after: row.node)
    }
    return slot
  }

  /// An operation of unknown outcome was invoked, which is not pure.
  mutating func offer(_ action: Int32, tag: Int) {
    if !classes.offer(action, tag: tag, in: alphabet) { alphabet.release(action) }
  }

  /// The operation in `slot` completed.
  mutating func complete(_ slot: Int) -> SweepStatus {
    let (word, bit) = (2 + (slot >> 6), UInt64(1) << UInt64(slot & 63))
    var isPlaced = true
    for number in 0..<current.count where current.row(number)[word] & bit == 0 {
      isPlaced = false
      break
    }
    if isPlaced {
      for number in 0..<current.count { current.row(number)[word] &= ~bit }
    } else {
      explain(slot)
    }
    alphabet.release(slots.actions[slot])
    slots.release(slot)
    completions += 1
    if completions & 0x3ff == 0 { tidy() }
    if let failure { return .unknown(failure) }
    return current.count == 0 ? .invalid : .going
  }

  /// The history is over: the rest of the order is settled.
  mutating func finish() {
    precondition(slots.openCount == 0, "\(slots.openCount) operations have not completed")
    guard current.count > 0 else { return }
    log.finish(at: current.row(0).node)
  }

  /// The tags of what was settled since the last time: the order goes on with them.
  mutating func takeSettled() -> [Int] {
    guard log.hasSettled else { return [] }
    var tags: [Int] = []
    for step in log.takeSettled() {
      tags.append(step.isOfClass ? classes.settleNext(of: step.number) : step.number)
    }
    return tags
  }

  // MARK: Memory

  /// Lays the frontier out anew; nothing is being explained.
  mutating func widen(to wider: RowLayout) {
    let bytes = current.bytes / layout.stride * wider.stride
    // Then it has failed, and what it knew is not needed any more.
    if bytes > 1 << 20, isShort(of: bytes) { current = ConfigurationSet(layout) }
    layout = wider
    current.widen(to: wider)
    next = ConfigurationSet(wider)
    work = ConfigurationSet(wider)
    source.deallocate()
    target.deallocate()
    source = .allocate(capacity: wider.stride)
    target = .allocate(capacity: wider.stride)
  }

  /// Forgets what is settled or gone, and looks at the limits. For every thousand completions.
  private mutating func tidy() {
    next.removeAll()
    work.removeAll()
    if alphabet.isDueForCollection {
      var live: [Int32] = []
      for number in 0..<current.count { live.append(current.row(number).state) }
      alphabet.collect(live: live)
    }
    current.shrink()
    next.shrink()
    work.shrink()
    poll()
  }

  /// Forgets the steps that led to no configuration there is, if there may be many.
  ///
  /// Also while a completion is explained: then those it starts from must stay, too, as it may be
  /// begun anew.
  private mutating func collectLog() {
    guard log.isDueForCollection, current.count > 0 else { return }
    let bytes = log.bytesToCollect
    guard budget.reserve(bytes) == nil else { return }  // then it has to do without
    defer { _ = budget.reserve(-bytes) }
    var leaves: [Int32] = []
    leaves.reserveCapacity(current.count + next.count + work.count)
    for number in 0..<current.count { leaves.append(current.row(number).node) }
    for number in 0..<next.count { leaves.append(next.row(number).node) }
    for number in 0..<work.count { leaves.append(work.row(number).node) }
    leaves = log.collect(leaves: leaves)
    var leaf = 0
    for number in 0..<current.count {
      current.row(number).node = leaves[leaf]
      leaf += 1
    }
    for number in 0..<next.count {
      next.row(number).node = leaves[leaf]
      leaf += 1
    }
    for number in 0..<work.count {
      work.row(number).node = leaves[leaf]
      leaf += 1
    }
  }

  /// Counts a configuration, and now and then looks at the limits.
  @inline(__always)
  mutating func countStep() {
    steps += 1
    // The wider the history, the longer a step takes.
    if steps & (layout.maskWords == 1 ? 0xfff : 0xff) == 0 { poll() }
  }

  /// Not in the midst of a move: `source` must not be needed any more.
  private mutating func poll() {
    collectLog()
    if let reason = reserve(bytes - reserved) ?? budget.exceeded() { failure = reason }
  }

  private var bytes: Int {
    current.bytes + next.bytes + work.bytes + alphabet.bytes + classes.bytes + log.bytes
  }

  /// Whether there is no room for tables to take `growth` bytes on top while they grow; then the
  /// sweep has failed.
  mutating func isShort(of growth: Int) -> Bool {
    // What was taken since the last look counts, too; what the growth leaves over does at the next.
    guard let reason = budget.reserve(bytes - reserved + growth) else {
      reserved = bytes
      _ = budget.reserve(-growth)
      return false
    }
    failure = reason
    return true
  }

  private mutating func reserve(_ bytes: Int) -> LimitReached.Reason? {
    if let reason = budget.reserve(bytes) { return reason }
    reserved += bytes
    return nil
  }
}
