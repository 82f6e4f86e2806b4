// The power goes at every single change of the disk: nothing reported durable is lost, what is left is
// what was asked for up to some write, and opening it never fails.

import Raft
import Synchronization

/// A log storage on a disk that knows what a loss of power would leave of it.
public protocol CrashableStorageUnderTest: Sendable {
  /// A storage that holds nothing, in place of the one before; `watcher` is called before each change
  /// of what lies under it: bytes, sizes and names, and what makes them durable.
  func fresh(watcher: @escaping @Sendable () -> Void) async throws -> any LogStorage
  /// What a loss of power at this moment would leave, and how it is opened later. Called by the
  /// watcher. Of what was not made durable `choice` says what is left: all, nothing, or some of it.
  func afterCrash(choice: UInt64) -> @Sendable () async throws -> any LogStorage
}

/// Carries out a script of writes, and opens what a loss of power would leave at each moment of it.
public enum CrashConformance {
  /// What a log holds.
  private struct Contents: Equatable {
    var vote = Vote.none
    var purged: LogID?
    var entries: [Entry] = []

    var lastIndex: UInt64 { (purged?.index ?? 0) + UInt64(entries.count) }
  }

  /// One write of a script, and what the log holds after it.
  private struct Step {
    var write: @Sendable (any LogStorage) -> WriteNumber
    var after: Contents
  }

  /// What a loss of power would leave, and the last write that had been reported durable by then.
  private struct Crash {
    var open: @Sendable () async throws -> any LogStorage
    var durable: WriteNumber
  }

  /// What was seen of a script so far.
  private struct Seen<Random: RandomNumberGenerator & Sendable> {
    var random: Random
    var durable: WriteNumber = 0
    var crashes: [Crash] = []
  }

  /// Checks `storage` with a script of so many `writes`, drawn from `random`. An hour with a write a
  /// second, 3,600, takes a second on a storage in memory.
  ///
  /// - Returns: how many losses of power were tried.
  /// - Throws: `ConformanceFailure`, or what the storage threw.
  public static func check(
    _ storage: any CrashableStorageUnderTest, writes: Int,
    using random: some RandomNumberGenerator & Sendable
  ) async throws -> Int {
    var random = random
    let script = script(writes, using: &random)
    let possible = [Contents()] + script.map(\.after)
    let crashes = try await crashes(of: storage, in: script, random)
    for (place, crash) in crashes.enumerated() {
      let log = try await crash.open()
      let found = Contents(
        vote: log.recovered.vote, purged: log.purged,
        entries: log.entries(
          in: ((log.purged?.index ?? 0) + 1)...UInt64(Int32.max), maxBytes: .max))
      guard possible[Int(crash.durable)...].contains(found) else {
        throw ConformanceFailure(
          description: "a crash before change \(place), with \(crash.durable) writes durable, left "
            + "\(found.vote), \(found.entries.count) entries after "
            + "\(found.purged?.description ?? "none"), which is what no later write made")
      }
    }
    try expect("the last durable write", crashes.last!.durable, WriteNumber(script.count))
    return crashes.count
  }

  private static func script(
    _ count: Int, using random: inout some RandomNumberGenerator
  ) -> [Step] {
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

  private static func crashes<Random: RandomNumberGenerator & Sendable>(
    of storage: any CrashableStorageUnderTest, in script: [Step], _ random: Random
  ) async throws -> [Crash] {
    let seen = SeenBox(Seen(random: random))
    let crash = { @Sendable in
      seen.state.withLock { state in
        let choice = UInt64.random(in: 0...UInt64.max, using: &state.random)
        state.crashes.append(
          Crash(open: storage.afterCrash(choice: choice), durable: state.durable))
      }
    }
    let log = try await storage.fresh(watcher: crash)
    let reports = AsyncStream.makeStream(of: WriteNumber.self)
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        // It ends by being cancelled; did it end before, not all would be durable.
        try? await log.run { number in
          seen.state.withLock { $0.durable = number }
          reports.continuation.yield(number)
        }
        reports.continuation.finish()
      }
      var reported = reports.stream.makeAsyncIterator()
      var last: WriteNumber = 0
      for (place, step) in script.enumerated() {
        let number = step.write(log)
        guard place % 3 == 2 || place == script.count - 1 else { continue }
        while last < number, let next = await reported.next() { last = next }
      }
      group.cancelAll()
    }
    crash()
    return seen.state.withLock { $0.crashes }
  }

  /// A place for what several tasks see.
  private final class SeenBox<Random: RandomNumberGenerator & Sendable>: Sendable {
    let state: Mutex<Seen<Random>>

    init(_ seen: Seen<Random>) { state = Mutex(seen) }
  }
}
