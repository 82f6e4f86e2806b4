// Both stores keep the contract that users of the library are asked to keep.

import Blocking
import Raft
import RaftConformance
import RaftStore
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(2))) struct ConformanceTests {
  /// The durable store on a disk that forgets what was not synced.
  private final class DurableStore: StorageUnderTest {
    private let disk = Mutex(ForgetfulDisk())
    private let segmentBytes: UInt64

    init(segmentBytes: UInt64) { self.segmentBytes = segmentBytes }

    func fresh() async throws -> any LogStorage {
      disk.withLock { $0 = ForgetfulDisk() }
      return try open()
    }

    func reopened() async throws -> any LogStorage {
      disk.withLock { $0 = $0.afterCrash() }
      return try open()
    }

    private func open() throws -> any LogStorage {
      try LogStore(
        disk: disk.withLock { $0 }, node: NodeID(1), executor: QueueExecutor(label: "test"),
        segmentBytes: segmentBytes)
    }
  }

  /// The twin in memory, of which nothing is ever lost.
  private final class Twin: StorageUnderTest {
    private let log = Mutex(MemoryLog())

    func fresh() async throws -> any LogStorage {
      log.withLock { log in
        log = MemoryLog()
        return log
      }
    }

    func reopened() async throws -> any LogStorage {
      log.withLock { log in
        log = log.reopened()
        return log
      }
    }
  }

  @Test("the durable log", arguments: LogConformance.all)
  func durable(conformance: LogConformance) async throws {
    try await conformance.check(DurableStore(segmentBytes: 32 << 20))
  }

  @Test("the durable log in small segments", arguments: LogConformance.all)
  func segmented(conformance: LogConformance) async throws {
    try await conformance.check(DurableStore(segmentBytes: 512))
  }

  @Test("the twin in memory", arguments: LogConformance.all)
  func twin(conformance: LogConformance) async throws { try await conformance.check(Twin()) }

  /// Snapshots on a disk that forgets what was not synced.
  private final class DurableSnapshots: SnapshotStorageUnderTest {
    private let disk = Mutex(ForgetfulDisk())

    func fresh() async throws -> any SnapshotStorage {
      disk.withLock { $0 = ForgetfulDisk() }
      return try open()
    }

    func reopened() async throws -> any SnapshotStorage {
      disk.withLock { $0 = $0.afterCrash() }
      return try open()
    }

    private func open() throws -> any SnapshotStorage {
      try SnapshotStore(disk: disk.withLock { $0 }, executor: QueueExecutor(label: "test"))
    }
  }

  /// Snapshots in memory.
  private final class SnapshotTwin: SnapshotStorageUnderTest {
    private let snapshots = Mutex(MemorySnapshots())

    func fresh() async throws -> any SnapshotStorage {
      snapshots.withLock { snapshots in
        snapshots = MemorySnapshots()
        return snapshots
      }
    }

    func reopened() async throws -> any SnapshotStorage {
      snapshots.withLock { snapshots in
        snapshots = MemorySnapshots(from: snapshots)
        return snapshots
      }
    }
  }

  @Test("durable snapshots", arguments: SnapshotConformance.all)
  func snapshots(conformance: SnapshotConformance) async throws {
    try await conformance.check(DurableSnapshots())
  }

  @Test("snapshots in memory", arguments: SnapshotConformance.all)
  func snapshotTwin(conformance: SnapshotConformance) async throws {
    try await conformance.check(SnapshotTwin())
  }

  /// A storage of snapshots that finds nothing again.
  private final class ForgetfulSnapshots: SnapshotStorageUnderTest {
    func fresh() async throws -> any SnapshotStorage { MemorySnapshots() }
    func reopened() async throws -> any SnapshotStorage { MemorySnapshots() }
  }

  @Test("a storage of snapshots that forgets is found out")
  func findsSnapshots() async throws {
    let finished = SnapshotConformance.all[1]
    await #expect(throws: ConformanceFailure.self) {
      try await finished.check(ForgetfulSnapshots())
    }
  }

  /// A storage that forgets its vote.
  private final class Forgetful: StorageUnderTest {
    private let twin = Twin()
    func fresh() async throws -> any LogStorage { try await twin.fresh() }
    func reopened() async throws -> any LogStorage {
      let log = try await twin.reopened()
      return MemoryLog(
        purged: log.purged,
        entries: log.entries(
          in: (log.purged?.index ?? 0) + 1...UInt64(Int32.max), maxBytes: Int.max))
    }
  }

  @Test("a storage that forgets is found out")
  func finds() async throws {
    let last = try #require(LogConformance.all.first { "\($0)" == "the last vote holds" })
    await #expect(throws: ConformanceFailure.self) { try await last.check(Forgetful()) }
  }
}
