// An event loop's timers as a clock: they wait as long as they should, and no longer than they are wanted.

import NIOPosix
import Testing

@testable import RaftServer

@Suite struct LoopClockTests {
  private let clock = LoopClock(loop: MultiThreadedEventLoopGroup.singleton.any())

  @Test("who sleeps wakes not before the time, and at once when it is over")
  func sleeps() async throws {
    let start = clock.now
    try await clock.sleep(for: .milliseconds(30))
    #expect(clock.now - start >= .milliseconds(29))
    try await clock.sleep(until: start, tolerance: nil)
  }

  @Test("who is cancelled does not sleep on", arguments: [Duration.zero, .milliseconds(20)])
  func cancels(after wait: Duration) async throws {
    // Who slept on would wake without an error.
    let sleeper = Task { try await clock.sleep(for: .seconds(300)) }
    try await clock.sleep(for: wait)
    sleeper.cancel()
    await #expect(throws: CancellationError.self) { try await sleeper.value }
  }
}
