// The durable log: votes and entries in one file, in order, synced in groups.

import Blocking
import Raft
import Synchronization

/// Keeps vote and log in one file, through a `DiskFile` whose calls run on `executor`.
///
/// Vote and entries share the file, so their order on disk is the order they were asked for in.
/// All that is asked for while one sync runs shares the next one (group commit).
/// The whole log is held in memory too: nothing is ever read back.
public final class LogStore: LogStorage {
  /// The vote and log that were there at the start.
  public let recovered: Recovered

  private struct State {
    var entries: [Entry]
    var unwritten: [UInt8]
    var lastWrite: WriteNumber = 0
    /// How much of the file is known to be on disk.
    var durable: UInt64
  }

  private let state: Mutex<State>
  private let disk: DiskQueue
  private let wake = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

  /// Opens the log in `file`, which belongs to `node`. Reads it whole, and cuts a torn tail.
  ///
  /// - Throws: `StoreError` when the file is another node's or was damaged, or the disk fails.
  public init(
    file: any DiskFile, name: String, node: NodeID, executor: QueueExecutor
  ) throws(StoreError) {
    let bytes = try file.contents()
    let recovery = try Recovery(bytes, file: name)
    if let owner = recovery.owner, owner != node {
      throw StoreError(
        file: name, reason: "belongs to \(owner), not to \(node); give the node its own directory")
    }
    if recovery.end < bytes.count { try file.truncate(to: UInt64(recovery.end)) }
    // What was read may never have been synced, and is about to be relied on.
    try file.sync()
    var unwritten: [UInt8] = []
    if recovery.owner == nil {
      Record.owner(node).append(to: &unwritten, durable: UInt64(recovery.end))
    }
    recovered = Recovered(vote: recovery.vote, log: recovery.log)
    state = Mutex(
      State(entries: recovery.entries, unwritten: unwritten, durable: UInt64(recovery.end)))
    disk = DiskQueue(file: file, end: UInt64(recovery.end), executor: executor)
  }

  /// Puts `entries` at the end.
  public func append(_ entries: [Entry]) -> WriteNumber {
    write { state in
      for entry in entries {
        precondition(
          entry.id.index == state.entries.count + 1,
          "\(entry.id) does not follow \(state.entries.count)")
        state.entries.append(entry)
        Record.entry(entry).append(to: &state.unwritten, durable: state.durable)
      }
    }
  }

  /// Removes all entries from `index` on.
  public func truncate(from index: UInt64) -> WriteNumber {
    write { state in
      precondition(index >= 1 && index <= state.entries.count, "no entry at \(index)")
      state.entries.removeSubrange(Int(index - 1)...)
      Record.truncate(from: index).append(to: &state.unwritten, durable: state.durable)
    }
  }

  /// Replaces the vote.
  public func save(_ vote: Vote) -> WriteNumber {
    write { state in
      Record.vote(vote).append(to: &state.unwritten, durable: state.durable)
    }
  }

  /// The entries of `range` that the log holds, up to about `maxBytes` but at least one.
  public func entries(in range: ClosedRange<UInt64>, maxBytes: Int) -> [Entry] {
    state.withLock { $0.entries.held(in: range, maxBytes: maxBytes) }
  }

  /// The name of the entry at `index`.
  public func id(at index: UInt64) -> LogID? {
    state.withLock { state in
      index >= 1 && index <= state.entries.count ? state.entries[Int(index - 1)].id : nil
    }
  }

  /// Writes and syncs until cancelled.
  ///
  /// - Throws: `StoreError` when the disk fails.
  public func run(_ onDurable: @Sendable (WriteNumber) -> Void) async throws {
    wake.continuation.yield()
    for await _ in wake.stream {
      let (bytes, number) = state.withLock { state in
        defer { state.unwritten = [] }
        return (state.unwritten, state.lastWrite)
      }
      guard !bytes.isEmpty else { continue }
      let end = try await disk.append(bytes)
      state.withLock { $0.durable = end }
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

extension [Entry] {
  /// The entries of `range`, as a log from index 1 holds them.
  func held(in range: ClosedRange<UInt64>, maxBytes: Int) -> [Entry] {
    guard range.lowerBound >= 1, range.lowerBound <= count else { return [] }
    let start = Int(range.lowerBound - 1)
    var end = start
    var size = 0
    while end < Swift.min(Int(range.upperBound), count) {
      size += self[end].size
      if size > maxBytes, end > start { break }
      end += 1
    }
    return Array(self[start..<end])
  }
}

/// Writes at the end of the file and syncs, on an executor that may block.
private actor DiskQueue {
  private let executor: QueueExecutor
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
  private let file: any DiskFile
  private var end: UInt64

  init(file: any DiskFile, end: UInt64, executor: QueueExecutor) {
    self.file = file
    self.end = end
    self.executor = executor
  }

  /// - Returns: the size of the file, all of it durable.
  func append(_ bytes: [UInt8]) throws(StoreError) -> UInt64 {
    try file.write(bytes, at: end)
    try file.sync()
    end += UInt64(bytes.count)
    return end
  }
}
