// Durable snapshots: one current file, replaced by renaming a whole and synced one over it.

import CZlib
import Raft
import Synchronization

/// Keeps the newest snapshot as the file `snapshot` of a `Disk`, whose calls run on `executor`.
///
/// The file is: what it stands for, as its length (4 bytes) and the fields of `ByteWriter`; the
/// snapshot's bytes; and at the end how many these are (8 bytes) and the CRC-32 (4) of all before.
public actor SnapshotStore: SnapshotStorage {
  private static let name = "snapshot"
  private static let partEnd = ".part"

  private let executor: any SerialExecutor
  /// The executor that may block.
  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }
  private let disk: any Disk
  private let held: Mutex<FileSnapshot?>
  private var parts = 0

  /// Opens what is on `disk`, and checks every byte of it. Removes what was never finished.
  ///
  /// - Throws: `StoreError` when the snapshot was damaged, or the disk fails.
  public init(disk: any Disk, executor: any SerialExecutor) throws(StoreError) {
    let names = try disk.names()
    for name in names where name.hasSuffix(Self.partEnd) { try disk.remove(name) }
    // The snapshot's name may never have been synced, but is about to be relied on.
    if names.contains(Self.name) { try disk.sync() }
    held = Mutex(
      names.contains(Self.name)
        ? try FileSnapshot(checking: try disk.open(Self.name), name: Self.name, executor: executor)
        : nil)
    self.disk = disk
    self.executor = executor
  }

  /// The newest whole snapshot.
  public nonisolated var current: SnapshotMeta? { held.withLock { $0?.meta } }

  /// Opens the newest whole snapshot.
  public nonisolated func reader() async throws -> (any SnapshotReader)? { held.withLock { $0 } }

  /// Begins a snapshot in a file of its own.
  public func writer(for meta: SnapshotMeta) async throws -> any SnapshotWriter {
    parts += 1
    let name = "\(parts)\(Self.partEnd)"
    let writer = FileSnapshotWriter(
      meta: meta, name: name, file: try disk.open(name), store: self, executor: executor)
    try await writer.begin()
    return writer
  }

  /// Makes a whole and synced file the current snapshot, unless that is newer.
  fileprivate func install(
    _ name: String, _ file: any DiskFile, _ meta: SnapshotMeta, start: UInt64, size: UInt64
  ) throws(StoreError) {
    guard meta.lastLogID.index >= current?.lastLogID.index ?? 0 else {
      return try disk.remove(name)
    }
    try disk.rename(name, to: Self.name)
    try disk.sync()
    let snapshot = FileSnapshot(
      meta: meta, file: file, start: start, size: size, executor: executor)
    held.withLock { $0 = snapshot }
  }

  fileprivate func discard(_ name: String) {
    // What is left behind is removed at the next start.
    do { try disk.remove(name) } catch {}
  }
}

/// A snapshot in a file.
private actor FileSnapshot: SnapshotReader {
  private let executor: any SerialExecutor
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
  nonisolated let meta: SnapshotMeta
  nonisolated let size: UInt64
  private let file: any DiskFile
  private let start: UInt64

  init(
    meta: SnapshotMeta, file: any DiskFile, start: UInt64, size: UInt64,
    executor: any SerialExecutor
  ) {
    self.meta = meta
    self.file = file
    self.start = start
    self.size = size
    self.executor = executor
  }

  /// Reads all of `file` once.
  init(checking file: any DiskFile, name: String, executor: any SerialExecutor) throws(StoreError) {
    let damage = StoreError(
      file: name, reason: "is damaged; restore it, or wipe the node and let it join anew")
    let whole = try file.size()
    guard whole >= 16 else { throw damage }
    var sum: UInt = 0
    var offset: UInt64 = 0
    while offset < whole - 4 {
      let bytes = try file.read(at: offset, count: Int(min(1 << 20, whole - 4 - offset)))
      guard !bytes.isEmpty else { throw damage }
      sum = checksum(bytes, after: sum)
      offset += UInt64(bytes.count)
    }
    var end = ByteReader(try file.read(at: whole - 12, count: 12))
    var beginning = ByteReader(try file.read(at: 0, count: 4))
    guard let size = end.number(as: UInt64.self), let kept = end.number(as: UInt32.self),
      UInt32(truncatingIfNeeded: sum) == kept,
      let count = beginning.number(as: UInt32.self), UInt64(count) + 16 + size == whole
    else { throw damage }
    var fields = ByteReader(try file.read(at: 4, count: Int(count)))
    guard let meta = fields.snapshotMeta() else { throw damage }
    self.init(
      meta: meta, file: file, start: 4 + UInt64(count), size: size, executor: executor)
  }

  func bytes(at offset: UInt64, count: Int) async throws -> [UInt8] {
    let count = min(UInt64(count), size - min(offset, size))
    let bytes = try file.read(at: start + offset, count: Int(count))
    guard bytes.count == count else {
      throw StoreError(file: "snapshot", reason: "ends before its \(size) bytes; it is damaged")
    }
    return bytes
  }
}

/// A snapshot on its way into a file.
private actor FileSnapshotWriter: SnapshotWriter {
  private let executor: any SerialExecutor
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
  private let meta: SnapshotMeta
  private let name: String
  private let file: any DiskFile
  private let store: SnapshotStore
  private var start: UInt64 = 0
  private var end: UInt64 = 0
  private var sum: UInt = 0

  init(
    meta: SnapshotMeta, name: String, file: any DiskFile, store: SnapshotStore,
    executor: any SerialExecutor
  ) {
    self.meta = meta
    self.name = name
    self.file = file
    self.store = store
    self.executor = executor
  }

  func begin() throws {
    var fields = ByteWriter()
    fields.write(meta)
    var first = ByteWriter()
    first.write(UInt32(fields.bytes.count))
    try put(first.bytes + fields.bytes)
    start = end
  }

  func append(_ bytes: [UInt8]) async throws { try put(bytes) }

  func finish() async throws {
    let size = end - start
    var last = ByteWriter()
    last.write(size)
    try put(last.bytes)
    var trailer = ByteWriter()
    trailer.write(UInt32(truncatingIfNeeded: sum))
    try put(trailer.bytes)
    try file.sync()
    try await store.install(name, file, meta, start: start, size: size)
  }

  func discard() async { await store.discard(name) }

  private func put(_ bytes: [UInt8]) throws {
    try file.write(bytes, at: end)
    end += UInt64(bytes.count)
    sum = checksum(bytes, after: sum)
  }
}

private func checksum(_ bytes: [UInt8], after sum: UInt) -> UInt {
  bytes.withUnsafeBufferPointer { crc32(sum, $0.baseAddress, UInt32($0.count)) }
}
