// The durable log through a loss of power at every change of its disk.

import Blocking
import Raft
import RaftConformance
import RaftStore
import Support
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(5))) struct CrashEverywhereTests {
  /// The durable store on a disk that forgets what was not synced, or reports what it did not sync.
  private final class Crashable: CrashableStorageUnderTest {
    private let disk = Mutex(ForgetfulDisk())
    private let syncs: Bool

    init(syncs: Bool = true) { self.syncs = syncs }

    func fresh(watcher: @escaping @Sendable () -> Void) async throws -> any LogStorage {
      let new = ForgetfulDisk()
      new.watch(watcher)
      disk.withLock { $0 = new }
      return try Self.open(new)
    }

    func afterCrash(choice: UInt64) -> @Sendable () async throws -> any LogStorage {
      let cut = Int(choice / 3 % 2000)
      let left = disk.withLock { $0 }.afterCrash { synced, written in
        // Of a disk that lies nothing is ever synced.
        let synced = syncs ? synced : []
        return switch choice % 3 {
        case 0: synced
        case 1: written
        default: Array(written.prefix(cut)) + synced.dropFirst(cut)
        }
      }
      return { try Self.open(left) }
    }

    private static func open(_ disk: ForgetfulDisk) throws -> LogStore {
      try LogStore(
        disk: disk, node: NodeID(1), executor: QueueExecutor(label: "test"), segmentBytes: 512)
    }
  }

  @Test(
    "after a crash at any write the log is as it was after some write, not before a durable one",
    arguments: Seed.some(6))
  func survives(seed: Seed) async throws {
    // An hour with a write a second.
    let count = try await CrashConformance.check(
      Crashable(), writes: 3600, using: SplitMix64(seed))
    #expect(count > 2400, "\(seed)")
  }

  @Test("a disk that says it synced what it did not is found out")
  func finds() async throws {
    await #expect(throws: (any Error).self) {
      _ = try await CrashConformance.check(
        Crashable(syncs: false), writes: 100, using: SplitMix64(Seed(1)))
    }
  }
}
