// Waiting for a socket without a thread that waits.

import Dispatch
import Synchronization

/// Wakes those who wait for a socket: when it can be read from or written to, when somebody else has
/// received what may be for them, or when their time is up.
final class Readiness: Sendable {
  /// What a session waits for.
  struct Directions: OptionSet {
    let rawValue: Int
    static let reading = Directions(rawValue: 1)
    static let writing = Directions(rawValue: 2)
  }

  private struct Waiter {
    var directions: Directions
    var deadline: ContinuousClock.Instant
    var continuation: CheckedContinuation<Void, Never>
  }

  private struct State {
    var waiters: [UInt64: Waiter] = [:]
    var count: UInt64 = 0
    var generation: UInt64 = 0
    /// When the timer fires.
    var alarm = ContinuousClock.Instant.distantFuture
    var isReading = false
    var isWriting = false
    var isClosed = false
  }

  private let state = Mutex(State())
  private let queue = DispatchQueue(label: "gauntlet.ssh.readiness")
  // Dispatch's sources may be resumed and suspended from any thread; here under the lock.
  private nonisolated(unsafe) let reading: any DispatchSourceRead
  private nonisolated(unsafe) let writing: any DispatchSourceWrite
  private nonisolated(unsafe) let timer: any DispatchSourceTimer

  /// Watches `socket`, and calls `closed` when nothing here looks at it any more.
  init(socket: CInt, closed: @escaping @Sendable () -> Void) {
    reading = DispatchSource.makeReadSource(fileDescriptor: socket, queue: queue)
    writing = DispatchSource.makeWriteSource(fileDescriptor: socket, queue: queue)
    timer = DispatchSource.makeTimerSource(queue: queue)
    let left = Counter(2, closed)
    reading.setCancelHandler { left.countDown() }
    writing.setCancelHandler { left.countDown() }
    reading.setEventHandler { [weak self] in self?.wake(.reading) }
    writing.setEventHandler { [weak self] in self?.wake(.writing) }
    timer.setEventHandler { [weak self] in self?.endOverdue() }
    timer.resume()
  }

  /// Counts the calls of `wakeAll`.
  var generation: UInt64 { state.withLock { $0.generation } }

  /// Waits until the socket may be ready, or all were woken since generation `seen`, or `deadline` has
  /// passed, or the task is cancelled. May end without any of these: who waits looks again.
  func wait(
    for directions: Directions, until deadline: ContinuousClock.Instant, unless seen: UInt64
  ) async {
    let number = state.withLock { state in
      state.count += 1
      return state.count
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isWaiting = state.withLock { state in
          guard !state.isClosed, !Task.isCancelled, state.generation == seen else { return false }
          state.waiters[number] = Waiter(
            directions: directions, deadline: deadline, continuation: continuation)
          arm(&state)
          setAlarm(&state, deadline)
          return true
        }
        if !isWaiting { continuation.resume() }
      }
    } onCancel: {
      end(number)
    }
  }

  /// Wakes all: something was received, and may be for any of them.
  func wakeAll() {
    let all = state.withLock { state in
      state.generation += 1
      defer { state.waiters = [:] }
      return state.waiters
    }
    for waiter in all.values { waiter.continuation.resume() }
  }

  /// Nobody waits any more.
  func close() {
    state.withLock { state in
      guard !state.isClosed else { return }
      state.isClosed = true
      // A source that is suspended must be resumed before it can be cancelled.
      if !state.isReading { reading.resume() }
      if !state.isWriting { writing.resume() }
      reading.cancel()
      writing.cancel()
      timer.cancel()
    }
    wakeAll()
  }

  private func end(_ number: UInt64) {
    state.withLock { $0.waiters.removeValue(forKey: number) }?.continuation.resume()
  }

  /// One timer for all: those that were woken before their time leave nothing behind.
  private func setAlarm(_ state: inout State, _ deadline: ContinuousClock.Instant) {
    guard deadline < state.alarm else { return }
    state.alarm = deadline
    let left = max(.zero, deadline - .now) / .milliseconds(1)
    timer.schedule(deadline: .now() + .milliseconds(Int(min(left, 1e9)) + 1))
  }

  private func endOverdue() {
    let overdue = state.withLock { state in
      let now = ContinuousClock.now
      let overdue = state.waiters.filter { $0.value.deadline <= now }
      for number in overdue.keys { state.waiters[number] = nil }
      state.alarm = .distantFuture
      if let next = state.waiters.values.map(\.deadline).min() { setAlarm(&state, next) }
      return overdue
    }
    for waiter in overdue.values { waiter.continuation.resume() }
  }

  private func wake(_ direction: Directions) {
    let woken = state.withLock { state in
      let woken = state.waiters.filter { !$0.value.directions.isDisjoint(with: direction) }
      for number in woken.keys { state.waiters[number] = nil }
      disarm(&state)
      return woken
    }
    for waiter in woken.values { waiter.continuation.resume() }
  }

  private func arm(_ state: inout State) {
    let wanted = Self.wanted(state)
    if wanted.contains(.reading), !state.isReading {
      state.isReading = true
      reading.resume()
    }
    if wanted.contains(.writing), !state.isWriting {
      state.isWriting = true
      writing.resume()
    }
  }

  /// A source that nobody waits for would fire without end.
  private func disarm(_ state: inout State) {
    guard !state.isClosed else { return }
    let wanted = Self.wanted(state)
    if !wanted.contains(.reading), state.isReading {
      state.isReading = false
      reading.suspend()
    }
    if !wanted.contains(.writing), state.isWriting {
      state.isWriting = false
      writing.suspend()
    }
  }

  private static func wanted(_ state: State) -> Directions {
    state.waiters.values.reduce(into: Directions()) { $0.formUnion($1.directions) }
  }
}

extension ContinuousClock.Instant {
  /// When nothing that waits is ended by the clock: years from now.
  static var distantFuture: Self { .now + .seconds(1_000_000_000) }
}

/// Calls something once it was counted down.
private final class Counter: Sendable {
  private let left: Mutex<Int>
  private let done: @Sendable () -> Void

  init(_ count: Int, _ done: @escaping @Sendable () -> Void) {
    left = Mutex(count)
    self.done = done
  }

  func countDown() {
    let isDone = left.withLock { left in
      left -= 1
      return left == 0
    }
    if isDone { done() }
  }
}
