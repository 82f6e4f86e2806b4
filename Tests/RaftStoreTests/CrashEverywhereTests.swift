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

  /// What a loss of power would leave, and the last write that had been reported durable by then.
  private struct Crash {
    var disk: ForgetfulDisk
    var durable: WriteNumber
  }

  /// What was seen of a script so far.
  private final class Seen: Sendable {
    struct State {
      var random: SplitMix64
      var durable: WriteNumber = 0
      var crashes: [Crash] = []
    }

    let state: Mutex<State>

    init(_ random: SplitMix64) { state = Mutex(State(random: random)) }
  }

  /// Carries out `script`, and lets the power go, in thought, before every change of the disk and at
  /// the end: nothing of what is unsynced is left then, or all of it, or it is cut somewhere.
  private func crashes(in script: [Step], _ random: SplitMix64) async throws -> [Crash] {
    let disk = ForgetfulDisk()
    let seen = Seen(random)
    let crash = { @Sendable in
      seen.state.withLock { state in
        let cut = Int.random(in: 0...2000, using: &state.random)
        let way = state.crashes.count % 3
        let left = disk.afterCrash { synced, written in
          switch way {
          case 0: synced
          case 1: written
          default: Array(written.prefix(cut)) + synced.dropFirst(cut)
          }
        }
        state.crashes.append(Crash(disk: left, durable: state.durable))
      }
    }
    disk.watch(crash)
    let store = try open(disk)
    let reports = AsyncStream.makeStream(of: WriteNumber.self)
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        // It ends by being cancelled; did it end before, not all would be durable.
        try? await store.run { number in
          seen.state.withLock { $0.durable = number }
          reports.continuation.yield(number)
        }
        reports.continuation.finish()
      }
      var reported = reports.stream.makeAsyncIterator()
      var last: WriteNumber = 0
      for (place, step) in script.enumerated() {
        let number = step.write(store)
        guard place % 3 == 2 || place == script.count - 1 else { continue }
        while last < number, let next = await reported.next() { last = next }
      }
      group.cancelAll()
    }
    crash()
    return seen.state.withLock { $0.crashes }
  }

  @Test(
    "after a crash at any write the log is as it was after some write, not before a durable one",
    arguments: Seed.some(6))
  func survives(seed: Seed) async throws {
    var random = SplitMix64(seed)
    // An hour with a write a second.
    let script = Self.script(3600, using: &random)
    let possible = [Contents()] + script.map(\.after)
    let crashes = try await crashes(in: script, random)
    for (place, crash) in crashes.enumerated() {
      let store = try open(crash.disk)
      let found = Contents(
        vote: store.recovered.vote, purged: store.purged,
        entries: store.entries(
          in: ((store.purged?.index ?? 0) + 1)...UInt64(Int32.max), maxBytes: .max))
      let isPossible = possible[Int(crash.durable)...].contains(found)
      #expect(isPossible, "\(seed): after \(place) calls and \(crash.durable) durable writes")
      if !isPossible { return }
    }
    #expect(crashes.last!.durable == WriteNumber(script.count))
    #expect(crashes.count > 2400)
  }
}
