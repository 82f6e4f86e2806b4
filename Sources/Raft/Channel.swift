// Channels: how the tasks of a node talk. Many senders, one receiver; bounded where others than the
// node's own tasks send.

import DequeModule
import Synchronization

/// Wakes one waiting task. A wake-up that comes before the wait is not lost.
final class Signal: Sendable {
  private enum State {
    case idle
    case raised
    case waiting(CheckedContinuation<Void, Never>)
  }

  private let state = Mutex(State.idle)

  func raise() {
    let waiter: CheckedContinuation<Void, Never>? = state.withLock { state in
      if case .waiting(let waiter) = state {
        state = .idle
        return waiter
      }
      state = .raised
      return nil
    }
    waiter?.resume()
  }

  /// Waits for a `raise` since the last wait, whether the task is cancelled or not. For tasks that
  /// are told to end by a channel being closed: a wait that cancellation ends would have them turn
  /// in circles until then.
  func wait() async {
    await withCheckedContinuation { continuation in
      let proceed = state.withLock { state in
        switch state {
        case .raised:
          state = .idle
          return true
        case .idle:
          state = .waiting(continuation)
          return false
        case .waiting: preconditionFailure("two tasks wait for one signal")
        }
      }
      if proceed { continuation.resume() }
    }
  }

  /// Waits for a `raise` since the last wait, or for the task to be cancelled.
  func waitUnlessCancelled() async {
    await withTaskCancellationHandler {
      if !Task.isCancelled { await wait() }
    } onCancel: {
      raise()
    }
  }
}

/// A queue that raises a signal; one task may serve several channels of one signal.
final class Channel<Message: Sendable>: Sendable {
  private struct State {
    var messages = Deque<Message>()
    var isClosed = false
  }

  private let state = Mutex(State())
  private let capacity: Int
  private let signal: Signal

  init(capacity: Int, signal: Signal) {
    self.capacity = capacity
    self.signal = signal
  }

  /// Adds `message`; false when the channel is full or closed, and nothing was added. Messages with
  /// a `reserve` may go so far beyond the capacity: those of others cannot shut them out.
  @discardableResult
  func send(_ message: Message, reserve: Int = 0) -> Bool {
    let sent = state.withLock { state in
      guard !state.isClosed, state.messages.count - reserve < capacity else { return false }
      state.messages.append(message)
      return true
    }
    if sent { signal.raise() }
    return sent
  }

  /// Takes everything that waits.
  func drain() -> Deque<Message> {
    state.withLock { state in
      defer { state.messages = [] }
      return state.messages
    }
  }

  /// Refuses all further messages; those that wait can still be drained.
  func close() {
    state.withLock { $0.isClosed = true }
    signal.raise()
  }

  var isClosed: Bool { state.withLock { $0.isClosed } }
}
