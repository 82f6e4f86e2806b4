// Taking turns: so many at a time, in the order in which they came.

import DequeModule
import Synchronization

/// So many places, given out in order. A task that is cancelled while it waits gets its place all the
/// same, and finds out afterwards: nobody has one for long.
final class Turns: Sendable {
  private struct State {
    var free: Int
    var waiting = Deque<CheckedContinuation<Void, Never>>()
  }

  private let state: Mutex<State>

  init(_ places: Int) { state = Mutex(State(free: places)) }

  /// Waits for a place.
  func take() async {
    await withCheckedContinuation { continuation in
      let isFree = state.withLock { state in
        if state.free > 0 {
          state.free -= 1
          return true
        }
        state.waiting.append(continuation)
        return false
      }
      if isFree { continuation.resume() }
    }
  }

  /// Gives the place to who has waited longest.
  func give() {
    let next = state.withLock { state in
      let next = state.waiting.popFirst()
      if next == nil { state.free += 1 }
      return next
    }
    next?.resume()
  }
}
