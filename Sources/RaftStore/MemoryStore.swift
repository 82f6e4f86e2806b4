// The log's twin in memory: the same contract, and nothing survives. For tests and simulations.

import Raft
import Synchronization

/// A log that forgets everything when it is released.
public final class MemoryStore: LogStorage {
  /// The vote and log it was made with.
  public let recovered: Recovered

  private struct State {
    var entries: [Entry] = []
    var vote: Vote
    var lastWrite: WriteNumber = 0
  }

  private let state: Mutex<State>
  private let wake = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

  /// An empty log, or one that holds `entries` and `vote`.
  public init(entries: [Entry] = [], vote: Vote = .none) {
    var log = LogIDList()
    for entry in entries { log.append(entry.id) }
    recovered = Recovered(vote: vote, log: log)
    state = Mutex(State(entries: entries, vote: vote))
  }

  /// The vote and the entries as they are now: what a restart would find.
  public var contents: (vote: Vote, entries: [Entry]) {
    state.withLock { ($0.vote, $0.entries) }
  }

  /// Puts `entries` at the end.
  public func append(_ entries: [Entry]) -> WriteNumber {
    write { state in
      for entry in entries {
        precondition(entry.id.index == state.entries.count + 1, "\(entry.id) leaves a hole")
        state.entries.append(entry)
      }
    }
  }

  /// Removes all entries from `index` on.
  public func truncate(from index: UInt64) -> WriteNumber {
    write { $0.entries.removeSubrange(Int(index - 1)...) }
  }

  /// Replaces the vote.
  public func save(_ vote: Vote) -> WriteNumber {
    write { $0.vote = vote }
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
