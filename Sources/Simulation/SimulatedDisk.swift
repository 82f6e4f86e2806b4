// A disk of which a loss of power takes what was not synced: some of it, all of it, some sectors of
// it; or which then puts some of it where it does not belong.

import RaftStore
import Synchronization

/// What a disk does wrong, and how often.
public struct DiskFaults: Sendable {
  /// Of writes that a crash catches unsynced, so many are torn instead of being whole or gone: cut at
  /// a byte, or without some of their sectors.
  public var tornWrites = 0.0
  /// At so many crashes that catch writes unsynced, one of them lands elsewhere on the disk.
  public var misdirectedWrites = 0.0
  /// So many syncs fail.
  public var failingSyncs = 0.0
  /// So many calls take as long as an election.
  public var stalls = 0.0

  /// A disk that does nothing wrong.
  public init() {}
}

/// Files of which only what was synced is sure to survive, and names likewise.
final class SimulatedDisk: Disk {
  /// A file: what is read, what is on the platter, and what the next sync writes out, in order.
  struct Content {
    enum Change {
      case write([UInt8], at: Int)
      case truncate(Int)
    }

    var bytes: [UInt8] = []
    var synced: [UInt8] = []
    var changes: [Change] = []
    /// After a sync that failed, what it should have written is read as before, and written by no
    /// other.
    private var hasLost = false

    init(bytes: [UInt8]) {
      self.bytes = bytes
      synced = bytes
    }

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
      if hasLost {
        for change in changes { Self.apply(change, to: &synced) }
      } else {
        synced = bytes
      }
      changes = []
    }

    mutating func failToSync() {
      hasLost = true
      changes = []
    }
  }

  /// What a disk's files have in common.
  fileprivate final class Drive: @unchecked Sendable {
    // Only the world's thread gets here.
    let world: World
    let faults: DiskFaults
    var interruption: (() -> Void)?

    init(_ world: World, _ faults: DiskFaults) {
      self.world = world
      self.faults = faults
    }

    /// Comes before every sync.
    func beginSync() throws(StoreError) {
      interruption.take()?()
      if world.happens(faults.failingSyncs) { throw SimulatedDisk.failure }
    }
  }

  final class File: DiskFile {
    let content: Mutex<Content>
    private let drive: Drive

    fileprivate init(_ content: Content, on drive: Drive) {
      self.content = Mutex(content)
      self.drive = drive
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
      do { try drive.beginSync() } catch {
        content.withLock { $0.failToSync() }
        throw error
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

  fileprivate let drive: Drive
  private var world: World { drive.world }
  private var faults: DiskFaults { drive.faults }
  private let folder = Mutex(Folder())
  /// After a crash that put a write where it does not belong: the disk as it would be had that
  /// write been lost instead.
  let sound: SimulatedDisk?

  private static let sector = 512

  init(_ world: World, faults: DiskFaults, sound: SimulatedDisk? = nil) {
    drive = Drive(world, faults)
    self.sound = sound
  }

  /// Has `action` happen when the next sync begins, before it takes hold; nil for nothing.
  ///
  /// Whatever is written is synced at once, in one step of the world: a crash between the two must be
  /// waited for.
  func atNextSync(_ action: (() -> Void)?) { drive.interruption = action }

  /// What a loss of power leaves: of each file what was synced and the first few of the changes
  /// since, the last of them perhaps torn; of the names those that were synced.
  func afterCrash() -> SimulatedDisk {
    let files = folder.withLock { $0.synced }
    let names = files.keys.sorted()
    var contents: [String: [UInt8]] = [:]
    var stray: (bytes: [UInt8], of: String, at: Int)?
    for name in names {
      let content = files[name]!.content.withLock { $0 }
      if stray == nil, !content.changes.isEmpty, world.happens(faults.misdirectedWrites),
        let found = misdirected(of: content)
      {
        contents[name] = found.others
        stray = (found.write, name, found.place)
      } else {
        contents[name] = survivor(of: content)
      }
    }
    let sound = SimulatedDisk(world, faults: faults, contents)
    guard let stray else { return sound }
    let target = names[world.draw(0...names.count - 1)]
    let size = contents[target]!.count
    let place = world.draw(0...size / Self.sector) * Self.sector + stray.at % Self.sector
    // Where it was meant to go it does no harm.
    guard target != stray.of || place != stray.at else { return sound }
    Content.apply(.write(stray.bytes, at: place), to: &contents[target]!)
    return SimulatedDisk(world, faults: faults, contents, sound: sound)
  }

  /// What the end of a process leaves: everything, synced or not.
  func afterKill() -> SimulatedDisk {
    let disk = SimulatedDisk(world, faults: faults)
    let old = folder.withLock { $0 }
    func copy(_ file: File) -> File { File(file.content.withLock { $0 }, on: disk.drive) }
    let files = old.files.mapValues(copy)
    disk.folder.withLock { folder in
      folder.files = files
      // A file may have both names, of which one is not synced yet.
      folder.synced = old.synced.mapValues { file in
        old.files.first { $0.value === file }.map { files[$0.key]! } ?? copy(file)
      }
    }
    return disk
  }

  private convenience init(
    _ world: World, faults: DiskFaults, _ contents: [String: [UInt8]],
    sound: SimulatedDisk? = nil
  ) {
    self.init(world, faults: faults, sound: sound)
    folder.withLock { folder in
      folder.files = contents.mapValues { File(Content(bytes: $0), on: drive) }
      folder.synced = folder.files
    }
  }

  private func survivor(of content: Content) -> [UInt8] {
    var bytes = content.synced
    guard !content.changes.isEmpty else { return bytes }
    let kept = world.draw(0...content.changes.count)
    for change in content.changes.prefix(kept) { Content.apply(change, to: &bytes) }
    guard kept < content.changes.count, world.happens(faults.tornWrites),
      case .write(let new, let offset) = content.changes[kept], new.count > 1
    else { return bytes }
    if world.happens(0.5) {
      let part = world.draw(1...(new.count - 1))
      Content.apply(.write(Array(new.prefix(part)), at: offset), to: &bytes)
      return bytes
    }
    var start = 0
    while start < new.count {
      let end = min(new.count, start + Self.sector - (offset + start) % Self.sector)
      if world.happens(0.5) {
        Content.apply(.write(Array(new[start..<end]), at: offset + start), to: &bytes)
      }
      start = end
    }
    return bytes
  }

  /// One of the unsynced writes, and the file with those before it.
  private func misdirected(of content: Content) -> (write: [UInt8], place: Int, others: [UInt8])? {
    let chosen = world.draw(0...content.changes.count - 1)
    guard case .write(let write, let place) = content.changes[chosen] else { return nil }
    var others = content.synced
    for change in content.changes.prefix(chosen) { Content.apply(change, to: &others) }
    return (write, place, others)
  }

  func names() -> [String] { folder.withLock { $0.files.keys.sorted() } }

  func open(_ name: String) -> any DiskFile {
    folder.withLock { folder in
      if let file = folder.files[name] { return file }
      let file = File(Content(bytes: []), on: drive)
      folder.files[name] = file
      return file
    }
  }

  func remove(_ name: String) { folder.withLock { $0.files[name] = nil } }

  func rename(_ name: String, to new: String) {
    folder.withLock { $0.files[new] = $0.files.removeValue(forKey: name) }
  }

  func sync() throws(StoreError) {
    try drive.beginSync()
    folder.withLock { $0.synced = $0.files }
  }
}
