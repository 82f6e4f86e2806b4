// Where replication to one follower goes on after each kind of answer.

import Testing

@testable import Raft

@Suite struct ReplicationProgressTests {
  private func wanted(
    last: UInt64, committed: UInt64 = 0, round: UInt64 = 0, isHeartbeat: Bool = false
  ) -> ReplicationUpdate {
    ReplicationUpdate(last: last, committed: committed, round: round, isHeartbeat: isHeartbeat)
  }

  /// How long a follower takes that is not near.
  private let far = ReplicationProgress.near

  private func fresh(last: UInt64, matched: UInt64 = 0) -> ReplicationProgress {
    ReplicationProgress(matched: matched, last: last, maxInFlight: 3)
  }

  @Test("it begins with the leader's blank entry, one request at a time")
  func begins() {
    var progress = fresh(last: 9)
    #expect(progress.next == 9 && progress.isDue(wanted(last: 9)))
    progress.sent(count: 1, wanted(last: 9))
    #expect(!progress.isDue(wanted(last: 20)))
    progress.succeed(matched: 9, epoch: 0, after: far)
    #expect(progress.next == 10 && !progress.isDue(wanted(last: 9)))
  }

  @Test("once the logs meet, requests go out without waiting, up to a limit")
  func streams() {
    var progress = fresh(last: 9, matched: 9)
    progress.sent(count: 0, wanted(last: 9))
    progress.succeed(matched: 9, epoch: 0, after: far)
    for last in UInt64(10)...12 {
      #expect(progress.isDue(wanted(last: last)) && progress.next == last)
      progress.sent(count: 1, wanted(last: last))
    }
    #expect(!progress.isDue(wanted(last: 13)))
    #expect(progress.isDue(wanted(last: 13, isHeartbeat: true)))
    progress.succeed(matched: 10, epoch: 0, after: far)
    #expect(progress.isDue(wanted(last: 13)) && progress.matched == 10)
  }

  @Test("a near follower gets what added up in one request, and no commit index alone")
  func gathers() {
    var progress = fresh(last: 9, matched: 9)
    progress.sent(count: 0, wanted(last: 9))
    progress.succeed(matched: 9, epoch: 0, after: .microseconds(300))
    progress.sent(count: 1, wanted(last: 10))
    #expect(!progress.isDue(wanted(last: 11)))
    progress.succeed(matched: 10, epoch: 0, after: .microseconds(300))
    #expect(progress.isDue(wanted(last: 11)))
    #expect(progress.isDue(wanted(last: 10, round: 1)))
    #expect(!progress.isDue(wanted(last: 10, committed: 10)))
  }

  @Test("a conflict goes back to where the follower says, but always further back")
  func conflicts() {
    var progress = fresh(last: 9)
    progress.sent(count: 1, wanted(last: 9))
    var isSound = progress.conflict(previous: 8, retryAfter: 4, epoch: 0)
    #expect(isSound)
    #expect(progress.next == 5 && progress.isDue(wanted(last: 9)))
    progress.sent(count: 4, wanted(last: 9))
    isSound = progress.conflict(previous: 4, retryAfter: 7, epoch: 1)
    #expect(isSound)
    #expect(progress.next == 4)
    while progress.next > 1 {
      progress.sent(count: 1, wanted(last: 9))
      isSound = progress.conflict(
        previous: progress.next - 1, retryAfter: 99, epoch: progress.epoch)
      #expect(isSound)
    }
  }

  @Test("after a failure nothing is sent before the next heartbeat, and then from what is known")
  func fails() {
    var progress = fresh(last: 9, matched: 9)
    progress.sent(count: 0, wanted(last: 9))
    progress.succeed(matched: 9, epoch: 0, after: far)
    progress.sent(count: 2, wanted(last: 11, committed: 9))
    progress.sent(count: 1, wanted(last: 12, committed: 9))
    progress.fail(epoch: 0)
    #expect(progress.next == 10 && !progress.isDue(wanted(last: 12)))
    #expect(progress.isDue(wanted(last: 12, isHeartbeat: true)))
    progress.succeed(matched: 12, epoch: 0, after: far)  // late, from before: not ours any more
    #expect(progress.next == 10)
  }

  @Test("a follower that lacks what it acknowledged has lost its disk")
  func reverts() {
    var progress = fresh(last: 9, matched: 9)
    progress.sent(count: 0, wanted(last: 9))
    let isSound = progress.conflict(previous: 9, retryAfter: 0, epoch: 0)
    #expect(!isSound)
  }

  @Test("after a snapshot it goes on behind it")
  func snapshot() {
    var progress = fresh(last: 9)
    progress.needsSnapshot()
    #expect(!progress.isDue(wanted(last: 9)))
    progress.sent(count: 0, wanted(last: 9, isHeartbeat: true))
    let isSound = progress.conflict(previous: 9, retryAfter: 0, epoch: 1)
    #expect(isSound)
    progress.installed(upTo: 7)
    #expect(progress.next == 8 && progress.matched == 7 && progress.isDue(wanted(last: 9)))
  }
}
