// Ctrl-C, as the run sees it.

import Synchronization

/// Tells a run that it shall end early: heal, judge what there is, store it.
public final class Interruption: Sendable {
  private struct State {
    var isRaised = false
    var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
    var next = 0
  }

  private let state = Mutex(State())

  /// Nobody has interrupted yet.
  public init() {}

  /// Whether somebody has.
  public var isRaised: Bool { state.withLock { $0.isRaised } }

  /// Interrupts. A second call does nothing.
  public func raise() {
    let waiting = state.withLock { state in
      state.isRaised = true
      defer { state.waiting = [:] }
      return Array(state.waiting.values)
    }
    for continuation in waiting { continuation.resume() }
  }

  /// Returns when somebody interrupts, or the task is cancelled.
  public func wait() async {
    let ticket = state.withLock { state in
      state.next += 1
      return state.next
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let proceed = state.withLock { state in
          if state.isRaised || Task.isCancelled { return true }
          state.waiting[ticket] = continuation
          return false
        }
        if proceed { continuation.resume() }
      }
    } onCancel: {
      state.withLock { $0.waiting.removeValue(forKey: ticket) }?.resume()
    }
  }
}
