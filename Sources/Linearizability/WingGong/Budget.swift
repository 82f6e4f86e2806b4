// What the searches of one check may still take, shared by all that run at once.

import Synchronization

/// Time and memory left to a check.
final class Budget: Sendable {
  private let limits: Limits
  private let deadline: ContinuousClock.Instant?
  private let bytes = Atomic<Int>(0)

  init(_ limits: Limits) {
    self.limits = limits
    self.deadline = limits.time.map { ContinuousClock.now + $0 }
  }

  /// A budget of at most `time` that ends with this one; its memory is counted anew.
  func part(time: Duration) -> Budget {
    var limits = limits
    let left = deadline.map { max(.zero, $0 - ContinuousClock.now) }
    limits.time = left.map { min($0, time) } ?? time
    return Budget(limits)
  }

  /// Why the search must end now, or nil. Reads the clock: for every few thousand steps.
  func exceeded() -> LimitReached.Reason? {
    if Task.isCancelled { return .interrupted }
    if let deadline, let limit = limits.time, ContinuousClock.now >= deadline {
      return .time(limit)
    }
    return nil
  }

  /// Takes `count` bytes if they are left. Give them back with a negative count.
  func reserve(_ count: Int) -> LimitReached.Reason? {
    let (_, total) = bytes.add(count, ordering: .relaxed)
    guard let limit = limits.memoryBytes, count > 0, total > limit else { return nil }
    bytes.subtract(count, ordering: .relaxed)
    return .memory(bytes: limit)
  }
}
