// Whom a node knows, and what its disk says of them after a restart.

import Blocking
import Foundation
import Logging
import Raft
import RaftStore
import Synchronization
import Testing

@testable import RaftServer

@Suite struct PeerIdentitiesTests {
  private func open(
    _ disk: any Disk, as node: UInt64 = 1, isNew: Bool = false
  ) throws -> PeerIdentities {
    try PeerIdentities(
      disk: disk, node: NodeID(node), isNew: isNew, executor: QueueExecutor(label: "identities"),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
  }

  private func withDisk(_ body: (any Disk) async throws -> Void) async throws {
    let folder = "/tmp/identities-test-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try await body(try SystemDisk(path: folder))
  }

  @Test("a node keeps its own identity and the first it meets under each number, over restarts")
  func firstOneStays() async throws {
    try await withDisk { disk in
      let (first, second) = (UUID(), UUID())
      let before = try open(disk)
      #expect(try await before.admit(NodeID(2), first))
      let after = try open(disk)
      #expect(after.own == before.own)
      #expect(try await after.admit(NodeID(2), first))
      #expect(try await !after.admit(NodeID(2), second))
      #expect(try await !after.admit(NodeID(2), second))
      try await after.forget(NodeID(2))
      #expect(try await open(disk).admit(NodeID(2), second))
      #expect(try await !open(disk).admit(NodeID(2), first))
    }
  }

  /// Whether the node is in doubt of itself.
  private func isInDoubt(_ identities: PeerIdentities) async -> Bool {
    let answer = Mutex(false)
    await identities.watchDoubt { doubt in answer.withLock { $0 = doubt != .none } }
    return answer.withLock { $0 }
  }

  @Test(
    "a new node that is refused is in doubt until it is taken back and has caught up, over restarts"
  )
  func doubt() async throws {
    try await withDisk { disk in
      let new = try open(disk, isNew: true)
      #expect(await !isInDoubt(new))
      try await new.wasRefused(by: NodeID(2))
      try await new.wasRefused(by: NodeID(3))
      #expect(await isInDoubt(new))
      let again = try open(disk)
      try await again.wasAdmitted(by: NodeID(3))
      #expect(await isInDoubt(again))
      try await again.caughtUp()
      try await again.wasAdmitted(by: NodeID(2))
      // It holds nothing yet: neither it nor one that starts anew may lead.
      #expect(await isInDoubt(again))
      #expect(try await isInDoubt(open(disk)))
      try await again.caughtUp()
      #expect(await !isInDoubt(again))
      try await again.wasRefused(by: NodeID(2))
      #expect(try await !isInDoubt(open(disk)))
    }
  }

  @Test("another node's file and one that was damaged are refused with a reason")
  func refused() async throws {
    try await withDisk { disk in
      _ = try open(disk)
      #expect(throws: StoreError.self) { try open(disk, as: 2) }
      for text in ["", "1\n", "0 \(UUID())\n", "1 \(UUID())\n2 x\n"] {
        let file = try disk.open("identities")
        try file.truncate(to: 0)
        try file.write(Array(text.utf8), at: 0)
        #expect(throws: StoreError.self, "\(text)") { try open(disk) }
      }
    }
  }

  @Test("a stranger cannot make a node keep more than a thousand")
  func bounded() async throws {
    try await withDisk { disk in
      let identities = try open(disk)
      for number in 2...1001 {
        #expect(try await identities.admit(NodeID(UInt64(number)), UUID()))
      }
      await #expect(throws: StoreError.self) { try await identities.admit(NodeID(5000), UUID()) }
    }
  }
}
