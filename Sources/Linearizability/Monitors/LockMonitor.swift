// Locks that know their holder, without a search.
//
// What a process does between taking the lock and giving it back is a block that nothing else can
// cut in two. A block is certainly held from its acquire's completion to its release's
// invocation (for ever without one). Blocks A and B can stand in this order unless B's acquire
// completed before A's release was invoked. So two blocks exclude each other if and only if
// their certain spans overlap, and all can be placed, in the order of their spans, if no two do
// (after Gibbons & Korach 1997). The order is forced, so growing tokens are compared along it.
//
// Unknown outcomes, when the process does nothing afterwards: an acquire is left out, since it
// could but hold the lock for ever; a release that may have happened is taken to have, which
// allows at least as much.

/// One operation of a lock that knows its holder.
struct LockStep {
  var place: Int
  var process: Int
  var isAcquire: Bool
  /// What an acquire got, where tokens must grow.
  var token: Int64?
  var invocation: Int
  /// Nil when nobody knows whether it happened.
  var completion: Int?
}

/// Decides histories of locks that know their holder. O(n log n).
struct LockMonitor {
  private struct Block {
    var acquire: Int?
    var release: Int?
    /// From here on it is certainly held …
    var held = Int.min
    /// … until here.
    var released = Int.max
    var token: Int64?

    var places: [Int] { [acquire, release].compactMap { $0 } }
  }
  private struct Client {
    var block: Int?
    /// When its last operation completed; nil when that never did.
    var free: Int? = Int.min
    var isHolding = false
  }

  private var blocks: [Block] = []
  private var clients: [Int: Client] = [:]

  /// The verdict on `steps`, or nil when a process goes on after an unknown outcome, or does two
  /// things at once.
  ///
  /// - Parameter token: the last one handed out before; nil when there was none.
  static func verdict(
    of steps: [LockStep], holder: LockHolder, token: Int64? = nil
  ) -> MonitorVerdict? {
    var monitor = LockMonitor()
    if case .process(let process) = holder {
      monitor.blocks.append(Block())
      monitor.clients[process] = Client(block: 0, isHolding: true)
    }
    var contradiction: [Int]?
    var latest = Int.min
    for step in steps {
      guard step.invocation > latest,
        monitor.clients[step.process]?.free.map({ $0 < step.invocation })
          ?? (monitor.clients[step.process] == nil)
      else { return nil }
      latest = step.invocation
      // Not at once: what comes later may show that the precondition does not hold.
      if let core = monitor.take(step), contradiction == nil { contradiction = core }
    }
    if let contradiction { return .invalid(core: contradiction) }
    return monitor.verdict(after: token)
  }

  /// Adds `step` to its process's block.
  ///
  /// - Returns: operations of the process that contradict each other, if so.
  private mutating func take(_ step: LockStep) -> [Int]? {
    var client = clients[step.process] ?? Client()
    defer { clients[step.process] = client }
    client.free = step.completion
    if step.isAcquire {
      guard let completion = step.completion else { return nil }
      if client.isHolding { return (client.block.map { blocks[$0].places } ?? []) + [step.place] }
      client.block = blocks.count
      client.isHolding = true
      blocks.append(Block(acquire: step.place, held: completion, token: step.token))
      return nil
    }
    guard client.isHolding, let block = client.block else {
      guard step.completion != nil else { return nil }
      return (client.block.map { blocks[$0].places } ?? []) + [step.place]
    }
    blocks[block].release = step.place
    blocks[block].released = step.invocation
    client.isHolding = false
    return nil
  }

  private mutating func verdict(after first: Int64?) -> MonitorVerdict {
    blocks.sort { $0.held < $1.held }
    var order: [Int] = []
    var last = first
    for (number, block) in blocks.enumerated() {
      let before = number > 0 ? blocks[number - 1] : Block()
      if number > 0, before.released > block.held {
        return .invalid(core: before.places + block.places)
      }
      if let token = block.token {
        if let last, token <= last { return .invalid(core: before.places + block.places) }
        last = token
      }
      order += block.places
    }
    return .valid(order: order)
  }
}

extension OwnedMutexModel: Monitored {
  func monitor(_ judged: [Judged<OwnedMutexAction>]) -> MonitorVerdict? {
    let steps = judged.map { one in
      let (process, isAcquire) =
        switch one.action {
        case .acquire(let process): (process, true)
        case .release(let process): (process, false)
        }
      return LockStep(
        place: one.place, process: process, isAcquire: isAcquire, invocation: one.invocation,
        completion: one.completion)
    }
    return LockMonitor.verdict(of: steps, holder: initial)
  }
}

extension FencedLockModel: Monitored {
  func monitor(_ judged: [Judged<FencedLockAction>]) -> MonitorVerdict? {
    let steps = judged.map { one in
      let (process, isAcquire, token): (Int, Bool, Int64?) =
        switch one.action {
        case .acquire(let process, let token): (process, true, token)
        case .release(let process): (process, false, nil)
        }
      return LockStep(
        place: one.place, process: process, isAcquire: isAcquire, token: token,
        invocation: one.invocation, completion: one.completion)
    }
    return LockMonitor.verdict(of: steps, holder: initial.holder, token: initial.token)
  }
}
