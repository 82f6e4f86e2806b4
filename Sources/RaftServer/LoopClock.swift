// An event loop's timers as a clock: so that who sleeps is woken by the thread that it runs on, and no other
// has to hand it over.

import NIOCore

/// Continuous time, of which an event loop wakes those who sleep.
///
/// The usual clock wakes them through the system's shared pool of threads, which looks each second at how busy
/// its threads are, and ends the process when it cannot: without a free file descriptor, for one.
struct LoopClock: Clock {
  let loop: any EventLoop

  var now: ContinuousClock.Instant { .now }

  var minimumResolution: Duration { .nanoseconds(1) }

  func sleep(until deadline: ContinuousClock.Instant, tolerance: Duration?) async throws {
    let timer = loop.scheduleTask(in: TimeAmount(max(.zero, now.duration(to: deadline)))) {}
    try await withTaskCancellationHandler {
      // Fails only when the timer was cancelled, or the loop has ended.
      do { try await timer.futureResult.get() } catch { throw CancellationError() }
    } onCancel: {
      timer.cancel()
    }
  }
}
