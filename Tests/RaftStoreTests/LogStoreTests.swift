// The durable log: what a crash may take, and what it may never take.

import Blocking
import Foundation
import Raft
import Support
import Synchronization
import Testing

@testable import RaftStore

/// A file in memory that remembers how much of it was synced.
private final class ForgetfulFile: DiskFile {
  struct State {
    var bytes: [UInt8] = []
    var synced: [UInt8] = []
    var failsSync = false
  }

  let state = Mutex(State())

  init(_ bytes: [UInt8] = []) {
    state.withLock {
      $0.bytes = bytes
      $0.synced = bytes
    }
  }

  func contents() -> [UInt8] { state.withLock { $0.bytes } }

  func write(_ bytes: [UInt8], at offset: UInt64) {
    state.withLock { state in
      let end = Int(offset) + bytes.count
      if state.bytes.count < end {
        state.bytes += [UInt8](repeating: 0, count: end - state.bytes.count)
      }
      state.bytes.replaceSubrange(Int(offset)..<end, with: bytes)
    }
  }

  func truncate(to size: UInt64) { state.withLock { $0.bytes.removeSubrange(Int(size)...) } }

  func sync() throws(StoreError) {
    let fails = state.withLock { state in
      if !state.failsSync { state.synced = state.bytes }
      return state.failsSync
    }
    if fails { throw StoreError(file: "test", reason: "input/output error") }
  }
}

@Suite(.timeLimit(.minutes(1))) struct LogStoreTests {
  private func open(_ file: any DiskFile, node: UInt64 = 1) throws -> LogStore {
    try LogStore(
      file: file, name: "raft.log", node: NodeID(node), executor: QueueExecutor(label: "test"))
  }

  private func entry(_ term: UInt64, _ index: UInt64, _ bytes: [UInt8] = [1, 2, 3]) -> Entry {
    Entry(id: LogID(term: term, index: index), payload: .command(bytes))
  }

  /// Runs the store, which can be done once, until write `number` is durable.
  private func sync(_ store: LogStore, _ number: WriteNumber) async throws {
    let durable = AsyncStream.makeStream(of: WriteNumber.self)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await store.run { durable.continuation.yield($0) } }
      group.addTask { for await done in durable.stream where done >= number { return } }
      try await group.next()
      group.cancelAll()
    }
  }

  @Test("what was durable is there again")
  func recovers() async throws {
    let file = ForgetfulFile()
    let store = try open(file)
    _ = store.save(Vote(term: 3, node: NodeID(2)))
    _ = store.append([entry(1, 1), entry(3, 2), entry(3, 3)])
    _ = store.truncate(from: 3)
    try await sync(store, store.append([entry(3, 3, [9])]))
    let again = try open(ForgetfulFile(file.state.withLock { $0.synced }))
    #expect(again.recovered.vote == Vote(term: 3, node: NodeID(2)))
    #expect(again.recovered.log.last == LogID(term: 3, index: 3))
    #expect(
      again.entries(in: 1...9, maxBytes: 1 << 20) == [entry(1, 1), entry(3, 2), entry(3, 3, [9])])
  }

  @Test("cut anywhere, the file gives a prefix of what was written, never a hole")
  func tornAnywhere() async throws {
    let file = ForgetfulFile()
    let store = try open(file)
    for index in 1...20 { _ = store.append([entry(1, UInt64(index))]) }
    try await sync(store, store.save(Vote(term: 2, node: NodeID(1))))
    let bytes = file.contents()
    for length in 0...bytes.count {
      let again = try open(ForgetfulFile(Array(bytes[..<length])))
      let held = again.entries(in: 1...99, maxBytes: 1 << 20)
      #expect(held == (0..<held.count).map { entry(1, UInt64($0 + 1)) })
      if length == bytes.count { #expect(again.recovered.vote.term == 2) }
    }
  }

  @Test("a torn tail is cut, and the log goes on from there")
  func goesOnAfterTornTail() async throws {
    let file = ForgetfulFile()
    let first = try open(file)
    try await sync(first, first.append([entry(1, 1), entry(1, 2)]))
    let torn = ForgetfulFile(Array(file.contents().dropLast(5)))
    let second = try open(torn)
    #expect(second.recovered.log.lastIndex == 1)
    try await sync(second, second.append([entry(2, 2)]))
    let third = try open(ForgetfulFile(torn.contents()))
    #expect(third.recovered.log.last == LogID(term: 2, index: 2))
  }

  @Test("a flipped bit in what was durable is damage, not a torn tail", arguments: Seed.some(64))
  func damage(seed: Seed) async throws {
    var random = SplitMix64(seed)
    let file = ForgetfulFile()
    let store = try open(file)
    try await sync(store, store.append([entry(1, 1), entry(1, 2)]))
    let durable = file.contents().count
    let again = try open(file)
    try await sync(again, again.append([entry(1, 3)]))
    var bytes = file.contents()
    bytes[Int.random(in: 0..<durable, using: &random)] ^=
      1 << UInt8.random(in: 0..<8, using: &random)
    #expect(throws: StoreError.self) { try open(ForgetfulFile(bytes)) }
  }

  @Test("any bytes are read without a trap", arguments: Seed.some(500))
  func rubbish(seed: Seed) {
    var random = SplitMix64(seed)
    let bytes = (0..<Int.random(in: 0...200, using: &random)).map { _ in
      UInt8.random(in: 0...(Bool.random(using: &random) ? 9 : 255), using: &random)
    }
    _ = try? open(ForgetfulFile(bytes))
  }

  @Test("a failed sync ends the store, and nothing after it is called durable")
  func failedSync() async throws {
    let file = ForgetfulFile()
    let store = try open(file)
    file.state.withLock { $0.failsSync = true }
    let number = store.append([entry(1, 1)])
    let reported = Mutex<WriteNumber>(0)
    await #expect(throws: StoreError.self) {
      try await store.run { done in reported.withLock { $0 = done } }
    }
    #expect(reported.withLock { $0 } < number)
  }

  @Test("another node's directory is refused, and one in use as well")
  func ownership() async throws {
    let file = ForgetfulFile()
    let store = try open(file)
    try await sync(store, store.save(Vote(term: 1, node: NodeID(1))))
    #expect(throws: StoreError.self) { try open(ForgetfulFile(file.contents()), node: 2) }
    let path = FileManager.default.temporaryDirectory.appending(path: "store-\(UUID())/raft.log")
      .path
    defer {
      try? FileManager.default.removeItem(atPath: (path as NSString).deletingLastPathComponent)
    }
    let held = try SystemFile(path: path)
    #expect(throws: StoreError.self) { try SystemFile(path: path) }
    try held.write([1], at: 0)
  }
}
