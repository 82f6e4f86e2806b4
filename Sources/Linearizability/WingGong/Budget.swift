// What the engines of one check may still take, shared by all that run at once.

import Synchronization

/// Time and memory left to a check.
final class Budget: Sendable {
  private let limits: Limits
  private let deadline: ContinuousClock.Instant?
  private let bytes = Atomic<Int>(0)
  private let isCancelled = Atomic<Bool>(false)
  /// Whose memory and end this one shares.
  private let whole: Budget?

  init(_ limits: Limits) {
    self.limits = limits
    self.deadline = limits.time.map { ContinuousClock.now + $0 }
    whole = nil
  }

  private init(_ whole: Budget, limits: Limits) {
    self.whole = whole
    self.limits = limits
    self.deadline = limits.time.map { ContinuousClock.now + $0 }
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
    if let reason = whole?.exceeded() { return reason }
    if let deadline, let limit = limits.time, ContinuousClock.now >= deadline {
      return .time(limit)
    }
    return nil
  }

  /// Takes `count` bytes if they are left. Give them back with a negative count.
  func reserve(_ count: Int) -> LimitReached.Reason? {
    if let whole { return whole.reserve(count) }
    let (_, total) = bytes.add(count, ordering: .relaxed)
    guard let limit = limits.memoryBytes, count > 0, total > limit else { return nil }
    bytes.subtract(count, ordering: .relaxed)
    return .memory(bytes: limit)
  }
}
