// The durable log: votes and entries in segments, in order, synced in groups.

import DequeModule
import Raft
import Synchronization

/// Keeps vote and log in the files `*.log` of a `Disk`, whose calls run on `executor`.
///
/// Vote and entries share the files, so their order on disk is the order they were asked for in.
/// All that is asked for while one sync runs shares the next one (group commit). What was not
/// purged is held in memory too: nothing is ever read back.
public final class LogStore: LogStorage {
  /// The vote and log that were there at the start.
  public let recovered: Recovered

  private struct State {
    var entries: LogTail
    var vote: Vote
    var unwritten: [UInt8] = []
    /// The greatest index among the entries of `unwritten`.
    var greatest: UInt64 = 0
    var lastWrite: WriteNumber = 0
  }

  private let state: Mutex<State>
  private let queue: SegmentQueue
  private let wake = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

  /// Opens the log on `disk`, which belongs to `node`. Reads it whole, and cuts a torn tail.
  ///
  /// - Parameter segmentBytes: about so large a file grows before the next one is begun.
  /// - Throws: `StoreError` when it is another node's or was damaged, or the disk fails.
  public init(
    disk: any Disk, node: NodeID, executor: any SerialExecutor, segmentBytes: UInt64 = 32 << 20
  ) throws(StoreError) {
    let names = try Segment.names(on: disk)
    var recovery = Recovery()
    var segments: [Segment] = []
    var bytes: [UInt8] = []
    for name in names {
      let file = try disk.open(name.text)
      let isLast = name == names.last
      bytes = try file.contents()
      try recovery.replay(bytes, of: name, isLast: isLast)
      segments.append(
        Segment(name: name, file: file, greatest: recovery.greatest.last!))
    }
    if let owner = recovery.owner, owner != node {
      throw StoreError(
        file: names.last!.text,
        reason: "belongs to \(owner), not to \(node); give the node its own directory")
    }
    recovered = try recovery.recovered(file: names.last?.text ?? "log")
    let end = UInt64(recovery.end)
    if let last = segments.last {
      // A torn tail must not be taken for what is written after it. And what was read may never
      // have been synced, but is about to be relied on: after a sync that failed it is in memory
      // only, and is not written by another. All groups but the last were durable before it.
      try last.file.truncate(to: end)
      try last.file.write(
        Array(bytes[recovery.lastGroup..<recovery.end]), at: UInt64(recovery.lastGroup))
      try last.file.sync()
      try disk.sync()
    }
    state = Mutex(
      State(
        entries: LogTail(purged: recovery.purged, entries: recovery.entries),
        vote: recovery.vote))
    queue = SegmentQueue(
      disk: disk, node: node, segments: segments, end: end, salt: recovery.salt,
      vote: recovery.vote,
      purged: recovery.purged, segmentBytes: segmentBytes,
      executor: executor)
  }

  /// The last entry that was purged.
  public var purged: LogID? { state.withLock { $0.entries.purged } }

  /// Puts `entries` at the end.
  public func append(_ entries: [Entry]) -> WriteNumber {
    write { state in
      state.entries.append(entries)
      for entry in entries {
        Record.entry(entry).append(to: &state.unwritten)
      }
      state.greatest = max(state.greatest, entries.last?.id.index ?? 0)
    }
  }

  /// Removes all entries from `index` on.
  public func truncate(from index: UInt64) -> WriteNumber {
    write { state in
      state.entries.truncate(from: index)
      Record.truncate(from: index).append(to: &state.unwritten)
    }
  }

  /// Removes all entries up to `id`.
  public func purge(upTo id: LogID) -> WriteNumber {
    write { state in
      state.entries.purge(upTo: id)
      Record.purge(upTo: id).append(to: &state.unwritten)
    }
  }

  /// Replaces the vote.
  public func save(_ vote: Vote) -> WriteNumber {
    write { state in
      state.vote = vote
      Record.vote(vote).append(to: &state.unwritten)
    }
  }

  /// The entries of `range` that the log holds, up to about `maxBytes` but at least one.
  public func entries(in range: ClosedRange<UInt64>, maxBytes: Int) -> [Entry] {
    state.withLock { $0.entries.entries(in: range, maxBytes: maxBytes) }
  }

  /// The name of the entry at `index`.
  public func id(at index: UInt64) -> LogID? { state.withLock { $0.entries.id(at: index) } }

  /// Writes and syncs until cancelled.
  ///
  /// - Throws: `StoreError` when the disk fails.
  public func run(_ onDurable: @Sendable (WriteNumber) -> Void) async throws {
    wake.continuation.yield()
    for await _ in wake.stream {
      let (batch, number) = state.withLock { state in
        defer {
          state.unwritten = []
          state.greatest = 0
        }
        let batch = SegmentBatch(
          bytes: state.unwritten, vote: state.vote, purged: state.entries.purged,
          greatest: state.greatest)
        return (batch, state.lastWrite)
      }
      guard !batch.bytes.isEmpty else { continue }
      try await queue.append(batch)
      onDurable(number)
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
