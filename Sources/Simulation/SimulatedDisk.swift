// A disk of which a loss of power takes what was not synced: some of it, all of it, or half a
// sector of it.

import RaftStore
import Synchronization

/// What a disk does wrong, and how often.
public struct DiskFaults: Sendable {
  /// Of writes that a crash catches unsynced, so many are torn at a sector instead of being whole or
  /// gone.
  public var tornWrites = 0.0
  /// So many syncs fail.
  public var failingSyncs = 0.0
  /// So many calls take as long as an election.
  public var stalls = 0.0

  /// A disk that does nothing wrong.
  public init() {}
}

/// Files of which only what was synced is sure to survive, and names likewise.
final class SimulatedDisk: Disk {
  /// A file: what is on the platter, and the writes since, in order.
  struct Content {
    enum Change {
      case write([UInt8], at: Int)
      case truncate(Int)
    }

    var bytes: [UInt8] = []
    var synced: [UInt8] = []
    var changes: [Change] = []

    mutating func apply(_ change: Change) {
      Self.apply(change, to: &bytes)
      changes.append(change)
    }

    static func apply(_ change: Change, to bytes: inout [UInt8]) {
      switch change {
      case .write(let new, let offset):
        let end = offset + new.count
        if bytes.count < end { bytes += [UInt8](repeating: 0, count: end - bytes.count) }
        bytes.replaceSubrange(offset..<end, with: new)
      case .truncate(let size): if size < bytes.count { bytes.removeSubrange(size...) }
      }
    }

    mutating func sync() {
      synced = bytes
      changes = []
    }
  }

  final class File: DiskFile {
    let content: Mutex<Content>
    private let disk: SimulatedDisk

    init(_ bytes: [UInt8], on disk: SimulatedDisk) {
      content = Mutex(Content(bytes: bytes, synced: bytes))
      self.disk = disk
    }

    func size() -> UInt64 { content.withLock { UInt64($0.bytes.count) } }

    func read(at offset: UInt64, count: Int) -> [UInt8] {
      content.withLock { Array($0.bytes.dropFirst(Int(offset)).prefix(count)) }
    }

    func write(_ bytes: [UInt8], at offset: UInt64) {
      content.withLock { $0.apply(.write(bytes, at: Int(offset))) }
    }

    /// Room costs nothing here.
    func reserve(_ size: UInt64) {}

    func truncate(to size: UInt64) { content.withLock { $0.apply(.truncate(Int(size))) } }

    func sync() throws(StoreError) {
      if disk.world.happens(disk.faults.failingSyncs) {
        throw SimulatedDisk.failure
      }
      content.withLock { $0.sync() }
    }
  }

  /// What a sync that fails says.
  static let failure = StoreError(file: "simulated", reason: "cannot be synced: input/output error")

  private struct Folder {
    var files: [String: File] = [:]
    var synced: [String: File] = [:]
  }

  fileprivate let world: World
  fileprivate let faults: DiskFaults
  private let folder = Mutex(Folder())

  init(_ world: World, faults: DiskFaults) {
    self.world = world
    self.faults = faults
  }

  /// What a loss of power leaves: of each file what was synced and the first few of the changes
  /// since, the last of them perhaps torn; of the names those that were synced.
  func afterCrash() -> SimulatedDisk {
    let disk = SimulatedDisk(world, faults: faults)
    let files = folder.withLock { $0.synced }
    for name in files.keys.sorted() {
      let bytes = files[name]!.content.withLock { survivor(of: $0) }
      let file = File(bytes, on: disk)
      disk.folder.withLock { folder in
        folder.files[name] = file
        folder.synced[name] = file
      }
    }
    return disk
  }

  private func survivor(of content: Content) -> [UInt8] {
    var bytes = content.synced
    guard !content.changes.isEmpty else { return bytes }
    let kept = world.draw(0...content.changes.count)
    for change in content.changes.prefix(kept) { Content.apply(change, to: &bytes) }
    guard kept < content.changes.count, world.happens(faults.tornWrites),
      case .write(let new, let offset) = content.changes[kept], new.count > 1
    else { return bytes }
    // A part of the write, as long as its sectors were.
    let part = world.draw(1...(new.count - 1))
    Content.apply(.write(Array(new.prefix(part)), at: offset), to: &bytes)
    return bytes
  }

  func names() -> [String] { folder.withLock { $0.files.keys.sorted() } }

  func open(_ name: String) -> any DiskFile {
    folder.withLock { folder in
      if let file = folder.files[name] { return file }
      let file = File([], on: self)
      folder.files[name] = file
      return file
    }
  }

  func remove(_ name: String) { folder.withLock { $0.files[name] = nil } }

  func rename(_ name: String, to new: String) {
    folder.withLock { $0.files[new] = $0.files.removeValue(forKey: name) }
  }

  func sync() throws(StoreError) {
    if world.happens(faults.failingSyncs) {
      throw SimulatedDisk.failure
    }
    folder.withLock { $0.synced = $0.files }
  }
}
