// Where a leader sends next.

import Testing

@testable import Raft

@Suite struct ReplicationProgressTests {
  private func wanted(last: UInt64, heartbeat: Bool = false) -> ReplicationUpdate {
    ReplicationUpdate(last: last, committed: 0, round: 0, isHeartbeat: heartbeat)
  }

  @Test("probing always ends, even against a follower that answers nonsense")
  func probingEnds() {
    var progress = ReplicationProgress(last: 10)
    for _ in 0..<10 { progress.conflict(previous: progress.next - 1, retryAfter: 99) }
    #expect(progress.next == 1)
    progress.conflict(previous: 0, retryAfter: 99)
    #expect(progress.next == 1)
  }

  @Test("a conflict goes back a term at a time")
  func skipsTerms() {
    var progress = ReplicationProgress(last: 10)
    progress.conflict(previous: 9, retryAfter: 4)
    #expect(progress.next == 5)
  }

  @Test("after a failure nothing is sent before the next heartbeat")
  func waitsAfterFailure() {
    var progress = ReplicationProgress(last: 3)
    #expect(progress.isDue(wanted(last: 3)))
    progress.fail()
    #expect(!progress.isDue(wanted(last: 3)))
    #expect(progress.isDue(wanted(last: 3, heartbeat: true)))
    progress.succeed(matched: 3, committed: 0, round: 0)
    #expect(!progress.isDue(wanted(last: 3)))
    #expect(progress.isDue(wanted(last: 4)))
  }
}
