// The suite for snapshots: what every snapshot storage must do, one case at a time.

import Raft

/// A snapshot storage in the hands of the suite.
public protocol SnapshotStorageUnderTest: Sendable {
  /// A storage that holds nothing, in place of the one before.
  func fresh() async throws -> any SnapshotStorage
  /// The storage again, opened after the power was lost: what was finished is there.
  func reopened() async throws -> any SnapshotStorage
}

/// Something that every `SnapshotStorage` must do.
///
///     @Test("my snapshots keep their contract", arguments: SnapshotConformance.all)
///     func conforms(conformance: SnapshotConformance) async throws {
///       try await conformance.check(MySnapshots())
///     }
public struct SnapshotConformance: Sendable, CustomStringConvertible {
  /// The claim.
  public let description: String
  /// Checks it.
  ///
  /// - Throws: `ConformanceFailure`, or what the storage threw.
  public let check: @Sendable (any SnapshotStorageUnderTest) async throws -> Void

  /// Every case.
  public static let all: [SnapshotConformance] = [
    .init(description: "a fresh storage holds no snapshot") { storage in
      try await expect(storage.fresh(), holds: nil, [])
      try await expect(storage.reopened(), holds: nil, [])
    },
    .init(description: "a finished snapshot is current, whole, and there after a loss of power") {
      storage in
      let snapshots = try await storage.fresh()
      let bytes = pattern(10_000)
      try await write(
        meta(7), [Array(bytes[..<1]), Array(bytes[1..<5000]), Array(bytes[5000...])], to: snapshots)
      try await expect(snapshots, holds: meta(7), bytes)
      try await expect(storage.reopened(), holds: meta(7), bytes)
    },
    .init(description: "a snapshot of no bytes is a snapshot") { storage in
      let snapshots = try await storage.fresh()
      try await write(meta(1), [], to: snapshots)
      try await expect(snapshots, holds: meta(1), [])
      try await expect(storage.reopened(), holds: meta(1), [])
    },
    .init(description: "nothing is seen of a snapshot that is not finished") { storage in
      let snapshots = try await storage.fresh()
      try await write(meta(3), [pattern(100)], to: snapshots)
      let writer = try await snapshots.writer(for: meta(9))
      try await writer.append(pattern(5000))
      try await expect(snapshots, holds: meta(3), pattern(100))
      try await expect(storage.reopened(), holds: meta(3), pattern(100))
    },
    .init(description: "a snapshot that is given up leaves the one before") { storage in
      let snapshots = try await storage.fresh()
      try await write(meta(3), [pattern(100)], to: snapshots)
      let writer = try await snapshots.writer(for: meta(9))
      try await writer.append(pattern(5000))
      await writer.discard()
      try await expect(snapshots, holds: meta(3), pattern(100))
    },
    .init(description: "the newest holds, in whatever order they are finished") { storage in
      let snapshots = try await storage.fresh()
      let late = try await snapshots.writer(for: meta(5))
      try await late.append(pattern(50))
      try await write(meta(8), [pattern(80)], to: snapshots)
      try await late.finish()
      try await expect(snapshots, holds: meta(8), pattern(80))
      try await expect(storage.reopened(), holds: meta(8), pattern(80))
    },
    .init(description: "one that is being read stays whole when a newer takes its place") {
      storage in
      let snapshots = try await storage.fresh()
      try await write(meta(5), [pattern(5000)], to: snapshots)
      guard let reader = try await snapshots.reader() else {
        throw ConformanceFailure(description: "a finished snapshot has no reader")
      }
      try await write(meta(8), [pattern(80)], to: snapshots)
      try RaftConformance.expect("what is read", reader.meta, meta(5))
      try RaftConformance.expect(
        "its bytes", try await reader.bytes(at: 0, count: 9000), pattern(5000))
    },
    .init(description: "bytes are read from anywhere, and none behind the end") { storage in
      let snapshots = try await storage.fresh()
      try await write(meta(5), [pattern(5000)], to: snapshots)
      guard let reader = try await snapshots.reader() else {
        throw ConformanceFailure(description: "a finished snapshot has no reader")
      }
      let some = Array(pattern(5000)[4000..<4010])
      try RaftConformance.expect(
        "bytes in the middle", try await reader.bytes(at: 4000, count: 10), some)
      let end = Array(pattern(5000)[4990...])
      try RaftConformance.expect(
        "bytes at the end", try await reader.bytes(at: 4990, count: 100), end)
      try RaftConformance.expect(
        "bytes behind the end", try await reader.bytes(at: 5000, count: 1), [])
    },
  ]

  private static func meta(_ index: UInt64) -> SnapshotMeta {
    let membership = Membership(
      voters: [NodeID(1), NodeID(2)], members: [Member(id: NodeID(3), address: "a:1,b:2")])
    return SnapshotMeta(
      lastLogID: LogID(term: 2, index: index),
      membership: StoredMembership(logID: LogID(term: 1, index: 1), membership: membership),
      id: "n1-\(index)")
  }

  private static func pattern(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ count) }
  }

  private static func write(
    _ meta: SnapshotMeta, _ parts: [[UInt8]], to snapshots: any SnapshotStorage
  ) async throws {
    let writer = try await snapshots.writer(for: meta)
    for part in parts { try await writer.append(part) }
    try await writer.finish()
  }

  private static func expect(
    _ snapshots: any SnapshotStorage, holds meta: SnapshotMeta?, _ bytes: [UInt8]
  ) async throws {
    try RaftConformance.expect("the current snapshot", snapshots.current, meta)
    guard let reader = try await snapshots.reader() else {
      return try RaftConformance.expect("what can be read", nil, meta)
    }
    try RaftConformance.expect("what can be read", reader.meta, meta)
    try RaftConformance.expect("its size", reader.size, UInt64(bytes.count))
    try RaftConformance.expect(
      "its bytes", try await reader.bytes(at: 0, count: bytes.count + 1), bytes)
  }
}
