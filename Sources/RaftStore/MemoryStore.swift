// The store's twins in memory: the same contracts, and nothing survives. For tests.

import Raft
import Synchronization

/// A log that forgets everything when it is released.
public final class MemoryLog: LogStorage {
  /// The vote and log it was made with.
  public let recovered: Recovered

  private struct State {
    var entries: LogTail
    var vote: Vote
    var lastWrite: WriteNumber = 0
  }

  private let state: Mutex<State>
  private let wake = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

  /// An empty log, or one that holds `entries` after `purged`, and `vote`.
  public init(purged: LogID? = nil, entries: [Entry] = [], vote: Vote = .none) {
    var log = LogIDList(purged: purged)
    var memberships: [StoredMembership] = []
    for entry in entries {
      log.append(entry.id)
      if case .membership(let membership) = entry.payload {
        memberships.append(StoredMembership(logID: entry.id, membership: membership))
      }
    }
    recovered = Recovered(vote: vote, log: log, memberships: memberships)
    var tail = LogTail(purged: purged)
    tail.append(entries)
    state = Mutex(State(entries: tail, vote: vote))
  }

  /// A log that begins with what this one holds now: what a restart would find.
  public func reopened() -> MemoryLog {
    let (entries, vote) = state.withLock { ($0.entries, $0.vote) }
    return MemoryLog(purged: entries.purged, entries: Array(entries.entries), vote: vote)
  }

  /// The last entry that was purged.
  public var purged: LogID? { state.withLock { $0.entries.purged } }
  /// Puts `entries` at the end.
  public func append(_ entries: [Entry]) -> WriteNumber { write { $0.entries.append(entries) } }
  /// Removes all entries from `index` on.
  public func truncate(from index: UInt64) -> WriteNumber {
    write { $0.entries.truncate(from: index) }
  }
  /// Removes all entries up to `id`.
  public func purge(upTo id: LogID) -> WriteNumber { write { $0.entries.purge(upTo: id) } }
  /// Replaces the vote.
  public func save(_ vote: Vote) -> WriteNumber { write { $0.vote = vote } }

  /// The entries of `range` that the log holds, up to about `maxBytes` but at least one.
  public func entries(in range: ClosedRange<UInt64>, maxBytes: Int) -> [Entry] {
    state.withLock { $0.entries.entries(in: range, maxBytes: maxBytes) }
  }

  /// The name of the entry at `index`.
  public func id(at index: UInt64) -> LogID? { state.withLock { $0.entries.id(at: index) } }

  /// Reports every write as durable, in order.
  public func run(_ onDurable: @Sendable (WriteNumber) -> Void) async throws {
    wake.continuation.yield()
    for await _ in wake.stream {
      let number = state.withLock { $0.lastWrite }
      if number > 0 { onDurable(number) }
    }
  }

  private func write(_ change: (inout State) -> Void) -> WriteNumber {
    let number = state.withLock { state in
      change(&state)
      state.lastWrite += 1
      return state.lastWrite
    }
    wake.continuation.yield()
    return number
  }
}

/// Snapshots that are forgotten when this is released.
public final class MemorySnapshots: SnapshotStorage {
  private let held: Mutex<MemorySnapshot?>

  /// No snapshot, or the one that another held.
  public init(from other: MemorySnapshots? = nil) {
    held = Mutex(other?.held.withLock { $0 })
  }

  /// The newest whole snapshot.
  public var current: SnapshotMeta? { held.withLock { $0?.meta } }
  /// Opens the newest whole snapshot.
  public func reader() async throws -> (any SnapshotReader)? { held.withLock { $0 } }
  /// Begins a snapshot.
  public func writer(for meta: SnapshotMeta) async throws -> any SnapshotWriter {
    MemorySnapshotWriter(meta: meta, snapshots: self)
  }

  fileprivate func install(_ snapshot: MemorySnapshot) {
    held.withLock { held in
      guard snapshot.meta.lastLogID.index >= held?.meta.lastLogID.index ?? 0 else { return }
      held = snapshot
    }
  }
}

private struct MemorySnapshot: SnapshotReader {
  var meta: SnapshotMeta
  var contents: [UInt8]
  var size: UInt64 { UInt64(contents.count) }

  func bytes(at offset: UInt64, count: Int) async throws -> [UInt8] {
    Array(contents.dropFirst(Int(offset)).prefix(count))
  }
}

private actor MemorySnapshotWriter: SnapshotWriter {
  private var snapshot: MemorySnapshot
  private let snapshots: MemorySnapshots

  init(meta: SnapshotMeta, snapshots: MemorySnapshots) {
    snapshot = MemorySnapshot(meta: meta, contents: [])
    self.snapshots = snapshots
  }

  func append(_ bytes: [UInt8]) async throws { snapshot.contents += bytes }
  func finish() async throws { snapshots.install(snapshot) }
  func discard() async {}
}
