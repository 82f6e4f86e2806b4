// What is tested, and how a failure is told.

import Raft

/// A log storage in the hands of the suite.
public protocol StorageUnderTest: Sendable {
  /// A storage that holds nothing, in place of the one before.
  func fresh() async throws -> any LogStorage
  /// The storage again, opened after the power was lost: what was reported durable is there, and of
  /// what was not, any first part.
  func reopened() async throws -> any LogStorage
}

/// A storage did not keep its contract.
public struct ConformanceFailure: Error, CustomStringConvertible {
  /// What was expected, and what was there.
  public var description: String
}

func expect<Value: Equatable>(
  _ what: String, _ found: Value, _ expected: Value
) throws(ConformanceFailure) {
  guard found != expected else { return }
  throw ConformanceFailure(description: "\(what) is \(found), not \(expected)")
}

/// Runs `log` until write `number` is durable, then ends it as a stopping node does.
///
/// - Throws: when reports go back, or what is reported was never asked for.
func settle(_ log: any LogStorage, _ number: WriteNumber) async throws {
  let reports = AsyncStream.makeStream(of: WriteNumber.self)
  try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask { try await log.run { reports.continuation.yield($0) } }
    group.addTask {
      var last: WriteNumber = 0
      for await report in reports.stream {
        guard report >= last, report <= number else {
          throw ConformanceFailure(
            description: "write \(report) was reported durable after \(last), of \(number)")
        }
        last = report
        if report == number { return }
      }
    }
    try await group.next()
    group.cancelAll()
  }
}

func command(_ term: UInt64, _ index: UInt64, _ size: Int = 3) -> Entry {
  Entry(
    id: LogID(term: term, index: index),
    payload: .command([UInt8](repeating: UInt8(truncatingIfNeeded: index), count: size)))
}

/// Whether `log` holds just `entries` after `purged`, by every way of asking.
func expect(
  _ log: any LogStorage, purged: LogID?, _ entries: [Entry]
) throws(ConformanceFailure) {
  try expect("the last purged entry", log.purged, purged)
  let before = purged?.index ?? 0
  let last = before + UInt64(entries.count)
  try expect("the entry before the first", log.id(at: before), purged)
  try expect("the entry after the last", log.id(at: last + 1), nil)
  for entry in entries { try expect("a name", log.id(at: entry.id.index), entry.id) }
  if before > 1 { try expect("a purged name", log.id(at: before - 1), nil) }
  try expect(
    "all entries", log.entries(in: (before + 1)...(last + 9), maxBytes: .max), entries)
  if before > 0 {
    try expect("a purged range", log.entries(in: before...(last + 9), maxBytes: .max), [])
  }
}

/// Whether what was recovered is `vote` and just `entries` after `purged`.
func expect(
  _ recovered: Recovered, vote: Vote, purged: LogID?, _ entries: [Entry]
) throws(ConformanceFailure) {
  try expect("the recovered vote", recovered.vote, vote)
  try expect("the recovered purge", recovered.log.purged, purged)
  try expect("the recovered end", recovered.log.last, entries.last?.id ?? purged)
  for entry in entries {
    try expect("a recovered name", recovered.log.id(at: entry.id.index), entry.id)
  }
  let memberships = entries.compactMap { entry -> StoredMembership? in
    guard case .membership(let membership) = entry.payload else { return nil }
    return StoredMembership(logID: entry.id, membership: membership)
  }
  try expect("the recovered memberships", recovered.memberships, memberships)
}
