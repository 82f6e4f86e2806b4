// What the engines of one check may still take, shared by all that run at once.

import Synchronization

/// Time and memory left to a check.
///
/// Memory is kept by two rules. Tables are counted before they grow, the old one and the new one
/// together. What is not counted, above all what the states of a model hold elsewhere, is found
/// by looking, now and then, at how much the process has grown since the check began.
final class Budget: Sendable {
  private let limits: Limits
  private let deadline: ContinuousClock.Instant?
  private let bytes = Atomic<Int>(0)
  private let isCancelled = Atomic<Bool>(false)
  private let begin = ContinuousClock.now
  /// What the process held at the beginning; 0 when it is not looked at.
  private let heldAtFirst: Int
  /// When it was last looked at, in nanoseconds from the beginning.
  private let lastLook = Atomic<Int64>(0)
  /// Whose memory and end this one shares.
  private let whole: Budget?

  /// The budget of a check that begins now.
  ///
  /// - Parameter looks: whether all that the process grows by is this check's. Not so where other
  ///   work goes on beside it: then only what is counted is limited.
  init(_ limits: Limits, looks: Bool = false) {
    self.limits = limits
    self.deadline = limits.time.map { ContinuousClock.now + $0 }
    heldAtFirst = looks && limits.memoryBytes != nil ? MemoryUse.current : 0
    whole = nil
  }

  private init(_ whole: Budget, limits: Limits) {
    self.whole = whole
    self.limits = limits
    self.deadline = limits.time.map { ContinuousClock.now + $0 }
    heldAtFirst = 0
  }

  /// A budget of at most `time` that ends with this one and shares its memory.
  func part(time: Duration) -> Budget {
    var limits = limits
    let left = deadline.map { max(.zero, $0 - ContinuousClock.now) }
    limits.time = left.map { min($0, time) } ?? time
    return Budget(self, limits: limits)
  }

  /// Ends everything that goes by this budget, from any thread.
  func cancel() { isCancelled.store(true, ordering: .relaxed) }

  /// Why the search must end now, or nil. Reads the clock: for every few thousand steps.
  func exceeded() -> LimitReached.Reason? {
    if isCancelled.load(ordering: .relaxed) { return .interrupted }
    if let whole, let reason = whole.exceeded() { return reason }
    let now = ContinuousClock.now
    if let deadline, let limit = limits.time, now >= deadline { return .time(limit) }
    return whole == nil ? outgrown(at: now) : nil
  }

  /// Whether the process has grown past the limit since the beginning. One look in two
  /// milliseconds: it costs some microseconds, and memory cannot be filled much in between.
  private func outgrown(at now: ContinuousClock.Instant) -> LimitReached.Reason? {
    guard let limit = limits.memoryBytes else { return nil }
    let passed = (now - begin).components
    let elapsed = passed.seconds * 1_000_000_000 + passed.attoseconds / 1_000_000_000
    let last = lastLook.load(ordering: .relaxed)
    guard elapsed - last > 2_000_000,
      lastLook.compareExchange(expected: last, desired: elapsed, ordering: .relaxed).exchanged
    else { return nil }
    return isOutgrown(limit, by: 0) ? .memory(bytes: limit) : nil
  }

  /// Whether the process would have grown past `limit` with `count` bytes more.
  private func isOutgrown(_ limit: Int, by count: Int) -> Bool {
    guard heldAtFirst > 0 else { return false }
    // What the allocator keeps and the rest of the process does is within this.
    let leeway = max(limit / 32, 3 << 20)
    return MemoryUse.current - heldAtFirst + count > limit + leeway
  }

  /// Takes `count` bytes if they are left. Give them back with a negative count.
  func reserve(_ count: Int) -> LimitReached.Reason? {
    if let whole { return whole.reserve(count) }
    let (_, total) = bytes.add(count, ordering: .relaxed)
    guard let limit = limits.memoryBytes, count > 0 else { return nil }
    // What is not counted must leave room for a table that doubles.
    guard total > limit || (count > 1 << 20 && isOutgrown(limit, by: count)) else { return nil }
    bytes.subtract(count, ordering: .relaxed)
    return .memory(bytes: limit)
  }
}
