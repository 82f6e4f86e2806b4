// What the engine makes of snapshots, step by step.

import Support
import Testing

@testable import Raft

@Suite struct SnapshotEngineTests {
  private func follower() -> Engine {
    var configuration = Configuration(id: NodeID(1))
    configuration.snapshotPolicy = .sinceLast(5)
    configuration.logsToKeep = 2
    return Engine(
      configuration: configuration, recovered: Recovered(), snapshot: nil, at: .zero,
      random: SplitMix64(Seed(1)))
  }

  private let leader = Vote(term: 1, node: NodeID(2), committed: true)
  private let request = RequestID(number: 1)

  private func entries(_ range: ClosedRange<UInt64>) -> [Entry] {
    range.map { Entry(id: LogID(term: 1, index: $0), payload: .command([])) }
  }

  private func meta(_ index: UInt64) -> SnapshotMeta {
    SnapshotMeta(lastLogID: LogID(term: 1, index: index), membership: .none, id: "test")
  }

  private func append(_ range: ClosedRange<UInt64>, to engine: inout Engine) {
    let append = AppendRequest(
      vote: leader, previous: nil, entries: entries(range), committed: range.upperBound)
    _ = engine.handle(.appendRequested(append, request), at: .zero)
  }

  @Test("what was applied before a leader's snapshot was installed may be reported after it")
  func lateReport() {
    var engine = follower()
    append(1...3, to: &engine)
    let commands = engine.handle(.snapshotReceived(meta(100), request), at: .zero)
    #expect(
      commands == [
        .purge(upTo: LogID(term: 1, index: 100)), .installSnapshot(meta(100), request),
      ])
    #expect(engine.handle(.applied(upTo: 3), at: .zero) == [])
    #expect(engine.handle(.applied(upTo: 100), at: .zero) == [])
    #expect(engine.state.applied == 100)
  }

  @Test("of a leader that contradicts what is committed nothing is taken")
  func contradiction() {
    var engine = follower()
    append(1...5, to: &engine)
    // Whose entry before is another than the one here, and whose next one is older than it.
    let liar = Vote(term: 7, node: NodeID(3), committed: true)
    let broken = AppendRequest(
      vote: liar, previous: LogID(term: 0, index: 5),
      entries: [Entry(id: LogID(term: 0, index: 6), payload: .blank)], committed: 6)
    let commands = engine.handle(.appendRequested(broken, request), at: .zero)
    #expect(commands.last == .answerAppend(request, .conflict(retryAfter: 5)))
    #expect(engine.state.log.lastIndex == 5 && engine.state.committed == 5)
  }

  @Test("a snapshot that falls due while one is built is built after it, and the log is purged")
  func dueMeanwhile() {
    var engine = follower()
    append(1...20, to: &engine)
    #expect(engine.handle(.applied(upTo: 4), at: .zero) == [])
    #expect(engine.handle(.applied(upTo: 5), at: .zero) == [.buildSnapshot])
    #expect(engine.handle(.applied(upTo: 12), at: .zero) == [])
    #expect(
      engine.handle(.snapshotBuilt(meta(5)), at: .zero)
        == [.purge(upTo: LogID(term: 1, index: 3)), .buildSnapshot])
  }

  @Test("a snapshot that took long is not followed by the next at once")
  func rests() {
    var engine = follower()
    append(1...20, to: &engine)
    #expect(engine.handle(.applied(upTo: 5), at: .seconds(1)) == [.buildSnapshot])
    _ = engine.handle(.applied(upTo: 15), at: .seconds(2))
    #expect(
      engine.handle(.snapshotBuilt(meta(5)), at: .seconds(3))
        == [.purge(upTo: LogID(term: 1, index: 3))])
    #expect(engine.handle(.applied(upTo: 16), at: .seconds(20)) == [])
    #expect(engine.handle(.applied(upTo: 17), at: .seconds(21)) == [.buildSnapshot])
  }

  @Test("a purge takes no entry that no snapshot stands for")
  func purge() {
    var engine = follower()
    append(1...20, to: &engine)
    _ = engine.handle(.applied(upTo: 20), at: .zero)
    #expect(engine.handle(.purgeRequested(upTo: 20), at: .zero) == [])
    _ = engine.handle(.snapshotBuilt(meta(10)), at: .zero)
    #expect(
      engine.handle(.purgeRequested(upTo: 20), at: .zero)
        == [.purge(upTo: LogID(term: 1, index: 10))])
  }
}
