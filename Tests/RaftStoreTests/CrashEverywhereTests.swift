// The power goes at every single write of a script: nothing reported durable is lost, what is left is
// what the node had asked for up to some write, and opening it never fails.

import Blocking
import Raft
import Support
import Synchronization
import Testing

@testable import RaftStore

@Suite(.timeLimit(.minutes(5))) struct CrashEverywhereTests {
  /// What a log holds.
  private struct Contents: Equatable {
    var vote = Vote.none
    var purged: LogID?
    var entries: [Entry] = []

    var lastIndex: UInt64 { (purged?.index ?? 0) + UInt64(entries.count) }
  }

  /// One write of a script, and what the log holds after it.
  private struct Step {
    var write: @Sendable (LogStore) -> WriteNumber
    var after: Contents
  }

  private static func script(_ count: Int, using random: inout SplitMix64) -> [Step] {
    var now = Contents()
    var term: UInt64 = 1
    return (0..<count).map { _ in
      let first = (now.purged?.index ?? 0) + 1
      switch Int.random(in: 0..<10, using: &random) {
      case 0:
        term += 1
        let vote = Vote(term: term, node: NodeID(1), committed: Bool.random(using: &random))
        now.vote = vote
        return Step(write: { $0.save(vote) }, after: now)
      case 1 where !now.entries.isEmpty:
        let index = UInt64.random(in: first...now.lastIndex, using: &random)
        now.entries.removeLast(Int(now.lastIndex - index + 1))
        return Step(write: { $0.truncate(from: index) }, after: now)
      case 2, 3:
        let index = UInt64.random(in: first...(now.lastIndex + 3), using: &random)
        let held = now.entries.first { $0.id.index == index }
        let last = held?.id ?? LogID(term: term, index: index)
        now.entries.removeAll { held == nil || $0.id.index <= index }
        now.purged = last
        return Step(write: { $0.purge(upTo: last) }, after: now)
      default:
        // One entry a write: of several a crash may leave the first ones, as it may.
        let new = Entry(
          id: LogID(term: max(term, now.purged?.term ?? 0), index: now.lastIndex + 1),
          payload: .command([UInt8](repeating: UInt8.random(in: 0...255, using: &random), count: 9))
        )
        now.entries.append(new)
        return Step(write: { $0.append([new]) }, after: now)
      }
    }
  }

  private func open(_ disk: ForgetfulDisk) throws -> LogStore {
    try LogStore(
      disk: disk, node: NodeID(1), executor: QueueExecutor(label: "test"), segmentBytes: 512)
  }

  /// The last write that was reported durable.
  private final class Durable: Sendable {
    let number = Mutex<WriteNumber>(0)
  }

  /// Carries out `script` until the disk fails; returns the last write that was reported durable.
  private func run(_ script: [Step], on disk: ForgetfulDisk) async throws -> WriteNumber {
    let store = try open(disk)
    let durable = Durable()
    let reports = AsyncStream.makeStream(of: WriteNumber.self)
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        // It ends by the disk's failure or by being cancelled; both are meant.
        try? await store.run { number in
          durable.number.withLock { $0 = number }
          reports.continuation.yield(number)
        }
        reports.continuation.finish()
      }
      var reported = reports.stream.makeAsyncIterator()
      var last: WriteNumber = 0
      for (place, step) in script.enumerated() {
        let number = step.write(store)
        guard place % 3 == 2 || place == script.count - 1 else { continue }
        while last < number {
          guard let next = await reported.next() else { return }
          last = next
        }
      }
      group.cancelAll()
    }
    return durable.number.withLock { $0 }
  }

  @Test(
    "after a crash at any write the log is as it was after some write, not before a durable one",
    arguments: Seed.some(6))
  func survives(seed: Seed) async throws {
    var random = SplitMix64(seed)
    let script = Self.script(300, using: &random)
    var steps = 0
    while true {
      let disk = ForgetfulDisk()
      disk.fail(after: steps)
      let durable = try await run(script, on: disk)
      let cut = Int.random(in: 0...2000, using: &random)
      let left = disk.afterCrash { synced, written in
        switch steps % 3 {
        case 0: synced
        case 1: written
        default: Array(written.prefix(cut)) + synced.dropFirst(cut)
        }
      }
      let store = try open(left)
      let found = Contents(
        vote: store.recovered.vote, purged: store.purged,
        entries: store.entries(
          in: ((store.purged?.index ?? 0) + 1)...UInt64(Int32.max), maxBytes: .max))
      let possible = [Contents()] + script.map(\.after)
      let isPossible = possible[Int(durable)...].contains(found)
      #expect(isPossible, "\(seed): after \(steps) calls and \(durable) durable writes")
      if durable == WriteNumber(script.count) { break }
      steps += 1
    }
    #expect(steps > 300)
  }
}
