// The durable log: what a crash may take, and what it may never take.

import Blocking
import Foundation
import Raft
import Support
import Synchronization
import Testing

@testable import RaftStore

@Suite(.timeLimit(.minutes(1))) struct LogStoreTests {
  private static let name = "000000000001.log"

  private func open(
    _ disk: any Disk, node: UInt64 = 1, segmentBytes: UInt64 = 4096
  ) throws -> LogStore {
    try LogStore(
      disk: disk, node: NodeID(node), executor: QueueExecutor(label: "test"),
      segmentBytes: segmentBytes)
  }

  /// The bytes of a disk's only segment, up to its last that is not zero: without the room reserved.
  private func written(_ disk: ForgetfulDisk) -> [UInt8] {
    let bytes = disk.bytes(of: Self.name)
    return Array(bytes[...(bytes.lastIndex { $0 != 0 } ?? 0)])
  }

  private func entry(_ term: UInt64, _ index: UInt64, _ bytes: [UInt8] = [1, 2, 3]) -> Entry {
    Entry(id: LogID(term: term, index: index), payload: .command(bytes))
  }

  @Test("a SET of 64 bytes or more takes less than one and a half times its value and 64 bytes")
  func overhead() {
    // As `SET key:000000000000 value` stands in the log of raft-node: each word with its length.
    for value in [64, 1000, 100_000] {
      let payload = [UInt8](repeating: 1, count: 4 + 3 + 4 + 16 + 4 + value)
      var bytes = [UInt8](repeating: 0, count: GroupHeader.size)
      Record.entry(entry(7, 1 << 40, payload)).append(to: &bytes)
      #expect(Double(bytes.count) < 1.5 * Double(value) + 64)
    }
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

  /// Appends `entries` as a group of their own to the log on `disk`.
  private func append(_ entries: [Entry], to disk: ForgetfulDisk, segmentBytes: UInt64 = 4096)
    async throws
  {
    let store = try open(disk, segmentBytes: segmentBytes)
    try await sync(store, store.append(entries))
  }

  /// What a log holds, as far as it is read back.
  private struct Found: Equatable {
    var vote: Vote
    var entries: [Entry]

    init(_ store: LogStore) {
      vote = store.recovered.vote
      entries = store.entries(in: 1...99, maxBytes: 1 << 20)
    }
  }

  @Test("what was durable is there again")
  func recovers() async throws {
    let disk = ForgetfulDisk()
    let store = try open(disk)
    _ = store.save(Vote(term: 3, node: NodeID(2)))
    _ = store.append([entry(1, 1), entry(3, 2), entry(3, 3)])
    _ = store.truncate(from: 3)
    try await sync(store, store.append([entry(3, 3, [9])]))
    let again = try open(disk.afterCrash())
    #expect(again.recovered.vote == Vote(term: 3, node: NodeID(2)))
    #expect(again.recovered.log.last == LogID(term: 3, index: 3))
    #expect(
      again.entries(in: 1...9, maxBytes: 1 << 20) == [entry(1, 1), entry(3, 2), entry(3, 3, [9])])
  }

  @Test("cut anywhere, the file gives a prefix of what was written, never a hole")
  func tornAnywhere() async throws {
    let disk = ForgetfulDisk()
    for index in 1...8 { try await append([entry(1, UInt64(index))], to: disk) }
    let store = try open(disk)
    try await sync(store, store.save(Vote(term: 2, node: NodeID(1), committed: true)))
    let bytes = written(disk)
    for length in 0...bytes.count {
      let again = try open(ForgetfulDisk([Self.name: Array(bytes[..<length])]))
      let held = again.entries(in: 1...99, maxBytes: 1 << 20)
      #expect(held == (0..<held.count).map { entry(1, UInt64($0 + 1)) })
      if length == bytes.count { #expect(again.recovered.vote.term == 2) }
    }
  }

  @Test("a torn tail is cut, and the log goes on from there")
  func goesOnAfterTornTail() async throws {
    let disk = ForgetfulDisk()
    for index in 1...2 { try await append([entry(1, UInt64(index))], to: disk) }
    let torn = ForgetfulDisk([Self.name: Array(written(disk).dropLast(5))])
    let second = try open(torn)
    #expect(second.recovered.log.lastIndex == 1)
    try await sync(second, second.append([entry(2, 2)]))
    let third = try open(torn.afterCrash())
    #expect(third.recovered.log.last == LogID(term: 2, index: 2))
  }

  @Test("a whole group of records that nobody knows is damage, not a torn tail")
  func strange() async throws {
    let disk = ForgetfulDisk()
    try await append([entry(1, 1)], to: disk)
    let before = written(disk)
    let salt = try #require(GroupHeader(before, at: 0)).salt
    // Of kind 99, as a later version might write it.
    let records: [UInt8] = [1, 0, 0, 0, 99]
    var bytes = before
    GroupHeader(of: records, salt: salt, segment: 1, place: UInt64(before.count))
      .append(to: &bytes)
    bytes += records
    #expect(throws: StoreError.self) { try open(ForgetfulDisk([Self.name: bytes])) }
    // With its last byte gone it is torn.
    let torn = try open(ForgetfulDisk([Self.name: bytes.dropLast()]))
    #expect(torn.recovered.log.lastIndex == 1)
  }

  @Test("a flipped bit in what was durable is damage, not a torn tail", arguments: Seed.some(64))
  func damage(seed: Seed) async throws {
    var random = SplitMix64(seed)
    let disk = ForgetfulDisk()
    let store = try open(disk)
    try await sync(store, store.append([entry(1, 1), entry(1, 2)]))
    let durable = written(disk).count
    let again = try open(disk)
    try await sync(again, again.append([entry(1, 3)]))
    var bytes = written(disk)
    bytes[Int.random(in: 0..<durable, using: &random)] ^=
      1 << UInt8.random(in: 0..<8, using: &random)
    #expect(throws: StoreError.self) { try open(ForgetfulDisk([Self.name: bytes])) }
  }

  @Test(
    "a write that lands elsewhere is noticed, or does no more harm than being lost",
    arguments: Seed.some(300))
  func misdirected(seed: Seed) async throws {
    var random = SplitMix64(seed)
    let disk = ForgetfulDisk()
    for index in 1...UInt64.random(in: 1...6, using: &random) {
      let size = Int.random(in: 1...300, using: &random)
      try await append([entry(1, index, [UInt8](repeating: 7, count: size))], to: disk)
    }
    let before = written(disk)
    let store = try open(disk)
    let isVote = Bool.random(using: &random)
    try await sync(
      store,
      isVote
        ? store.save(Vote(term: 9, node: NodeID(1)))
        : store.append([entry(9, store.recovered.log.lastIndex + 1)]))
    let group = Array(written(disk)[before.count...])
    let place = Int.random(in: 0...(before.count + 100), using: &random)
    var after = before + [UInt8](repeating: 0, count: place + group.count)
    after.replaceSubrange(place..<place + group.count, with: group)
    let sound = Found(try open(ForgetfulDisk([Self.name: before])))
    let whole = Found(try open(ForgetfulDisk([Self.name: disk.bytes(of: Self.name)])))
    do {
      let found = Found(try open(ForgetfulDisk([Self.name: after])))
      let isSound = found == (place == before.count ? whole : sound)
      #expect(isSound, "\(seed): \(group.count) bytes at \(place) of \(before.count)")
    } catch is StoreError {
      #expect(place != before.count)
    }
  }

  @Test(
    "of a segment's first write any sectors may be lost; what was durable before is there",
    arguments: Seed.some(64))
  func tornBeginning(seed: Seed) async throws {
    var random = SplitMix64(seed)
    let disk = ForgetfulDisk()
    try await append([entry(1, 1, [UInt8](repeating: 7, count: 2500))], to: disk)
    try await append([entry(1, 2, [UInt8](repeating: 8, count: 2500))], to: disk)
    let second = "000000000002.log"
    var bytes = disk.bytes(of: second)
    let lost = (0..<bytes.count / 512).filter { _ in Bool.random(using: &random) }
    for sector in lost {
      bytes.replaceSubrange(
        sector * 512..<(sector + 1) * 512, with: [UInt8](repeating: 0, count: 512))
    }
    let torn = ForgetfulDisk([Self.name: disk.bytes(of: Self.name), second: bytes])
    let last = try open(torn).recovered.log.lastIndex
    #expect(last == (lost.contains { $0 < 6 } ? 1 : 2), "\(seed)")
  }

  @Test("of a torn beginning no part is taken for a group, whatever a client put there")
  func tornImage() async throws {
    let other = ForgetfulDisk()
    try await append([entry(1, 1)], to: other)
    let disk = ForgetfulDisk()
    try await append([entry(1, 1, Array(written(other)[..<GroupHeader.size]) + [1])], to: disk)
    #expect(
      try open(ForgetfulDisk([Self.name: Array(written(disk).dropLast(1))])).recovered.log.last
        == nil)
  }

  @Test("a sync that failed is not made good by the next: what a start relies on is written again")
  func relied() async throws {
    let disk = ForgetfulDisk()
    try await append([entry(1, 1)], to: disk)
    // Read back, but never synced.
    let read = ForgetfulDisk(cached: [Self.name: disk.bytes(of: Self.name)])
    #expect(try open(read).recovered.log.lastIndex == 1)
    #expect(try open(read.afterCrash()).recovered.log.lastIndex == 1)
  }

  @Test("a value that is the image of another log is not taken for a part of this one")
  func image() async throws {
    let other = ForgetfulDisk()
    for index in 1...3 { try await append([entry(1, UInt64(index))], to: other) }
    let disk = ForgetfulDisk()
    try await append([entry(1, 1)], to: disk)
    try await append([entry(1, 2, written(other) + [1])], to: disk)
    let torn = ForgetfulDisk([Self.name: Array(written(disk).dropLast(1))])
    #expect(try open(torn).recovered.log.lastIndex == 1)
  }

  @Test("any bytes are read without a trap", arguments: Seed.some(500))
  func rubbish(seed: Seed) {
    var random = SplitMix64(seed)
    var records: [UInt8] = []
    let indexes: [UInt64] = [0, 1, 2, 1 << 62, .max]
    Record.begin(NodeID(1), .none, purged: nil).append(to: &records)
    for _ in 0..<Int.random(in: 0...5, using: &random) {
      let id = LogID(term: 1, index: indexes.randomElement(using: &random)!)
      let all: [Record] = [
        .entry(Entry(id: id, payload: .blank)), .purge(upTo: id), .truncate(from: id.index),
        .begin(NodeID(1), .none, purged: id),
      ]
      all.randomElement(using: &random)!.append(to: &records)
    }
    var whole: [UInt8] = []
    GroupHeader(of: records, salt: 1, segment: 1, place: 0).append(to: &whole)
    _ = try? open(ForgetfulDisk([Self.name: whole + records]))
    let bytes = (0..<Int.random(in: 0...200, using: &random)).map { _ in
      UInt8.random(in: 0...(Bool.random(using: &random) ? 9 : 255), using: &random)
    }
    _ = try? open(ForgetfulDisk([Self.name: bytes]))
  }

  @Test("a failed sync ends the store, and nothing after it is called durable")
  func failedSync() async throws {
    let disk = ForgetfulDisk()
    let store = try open(disk)
    disk.fail(after: 0)
    let number = store.append([entry(1, 1)])
    let reported = Mutex<WriteNumber>(0)
    await #expect(throws: StoreError.self) {
      try await store.run { done in reported.withLock { $0 = done } }
    }
    #expect(reported.withLock { $0 } < number)
  }

  @Test("another node's directory is refused, and one in use as well")
  func ownership() async throws {
    let disk = ForgetfulDisk()
    let store = try open(disk)
    try await sync(store, store.save(Vote(term: 1, node: NodeID(1))))
    #expect(throws: StoreError.self) { try open(disk.afterCrash(), node: 2) }
    let path = FileManager.default.temporaryDirectory.appending(path: "store-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let held = try SystemDisk(path: path)
    #expect(throws: StoreError.self) { try SystemDisk(path: path) }
    #expect(try held.names() == [])
  }
}
