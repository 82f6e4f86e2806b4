// A disk in memory that knows what a loss of power would leave of it.

import RaftStore
import Synchronization

/// Files of which only what was synced survives, and names of which only what was synced does.
final class ForgetfulDisk: Disk {
  final class File: DiskFile {
    struct State {
      var bytes: [UInt8] = []
      var synced: [UInt8] = []
      /// Whether a sync has something to do: the kernel writes out what it knows to have changed.
      var isDirty = false
    }

    let state: Mutex<State>
    private let disk: ForgetfulDisk

    fileprivate init(_ bytes: [UInt8], on disk: ForgetfulDisk) {
      state = Mutex(State(bytes: bytes, synced: bytes))
      self.disk = disk
    }

    func size() -> UInt64 { state.withLock { UInt64($0.bytes.count) } }

    func read(at offset: UInt64, count: Int) -> [UInt8] {
      state.withLock { Array($0.bytes.dropFirst(Int(offset)).prefix(count)) }
    }

    func write(_ bytes: [UInt8], at offset: UInt64) throws(StoreError) {
      try disk.step()
      state.withLock { state in
        let end = Int(offset) + bytes.count
        if state.bytes.count < end {
          state.bytes += [UInt8](repeating: 0, count: end - state.bytes.count)
        }
        state.bytes.replaceSubrange(Int(offset)..<end, with: bytes)
        state.isDirty = true
      }
    }

    func reserve(_ size: UInt64) throws(StoreError) {
      try disk.step()
      state.withLock { state in
        guard state.bytes.count < size else { return }
        state.bytes += [UInt8](repeating: 0, count: Int(size) - state.bytes.count)
        state.isDirty = true
      }
    }

    func truncate(to size: UInt64) throws(StoreError) {
      try disk.step()
      state.withLock { state in
        guard size < state.bytes.count else { return }
        state.bytes.removeSubrange(Int(size)...)
        state.isDirty = true
      }
    }

    func sync() throws(StoreError) {
      try disk.step()
      state.withLock { state in
        if state.isDirty { state.synced = state.bytes }
        state.isDirty = false
      }
    }
  }

  private struct State {
    var files: [String: File] = [:]
    var synced: [String: File] = [:]
    /// So many calls that change something are carried out; the next one fails, and all after it.
    var stepsLeft = Int.max
    var watcher: (@Sendable () -> Void)?
  }

  private let state = Mutex(State())

  /// A disk with these files.
  convenience init(_ files: [String: [UInt8]]) {
    self.init()
    for (name, bytes) in files {
      let file = File(bytes, on: self)
      state.withLock { state in
        state.files[name] = file
        state.synced[name] = file
      }
    }
  }

  /// A disk with these files of which nothing was ever written out, nor will be by a sync alone.
  convenience init(cached files: [String: [UInt8]]) {
    self.init(files)
    state.withLock { state in
      for file in state.files.values { file.state.withLock { $0.synced = [] } }
      state.synced = [:]
    }
  }

  /// An empty disk.
  init() {}

  /// Fails after so many more changes, as when the power goes.
  func fail(after steps: Int) { state.withLock { $0.stepsLeft = steps } }

  /// Calls `watcher` before each change.
  func watch(_ watcher: @escaping @Sendable () -> Void) {
    state.withLock { $0.watcher = watcher }
  }

  fileprivate func step() throws(StoreError) {
    let (goesOn, watcher) = state.withLock { state in
      state.stepsLeft -= 1
      return (state.stepsLeft >= 0, state.watcher)
    }
    watcher?()
    if !goesOn { throw StoreError(file: "test", reason: "input/output error") }
  }

  /// What is left after a loss of power: of each file what was synced, and of what was written
  /// after that what `keeps` says, cut where it says.
  func afterCrash(
    _ keeps: (_ synced: [UInt8], _ written: [UInt8]) -> [UInt8] = { synced, _ in synced }
  ) -> ForgetfulDisk {
    let files = state.withLock { $0.synced }
    return ForgetfulDisk(
      files.mapValues { file in file.state.withLock { keeps($0.synced, $0.bytes) } })
  }

  /// The bytes of file `name`.
  func bytes(of name: String) -> [UInt8] {
    state.withLock { $0.files[name]! }.state.withLock { $0.bytes }
  }

  func names() -> [String] { state.withLock { Array($0.files.keys) } }

  func open(_ name: String) throws(StoreError) -> any DiskFile {
    if let file = state.withLock({ $0.files[name] }) { return file }
    try step()
    let file = File([], on: self)
    state.withLock { $0.files[name] = file }
    return file
  }

  func remove(_ name: String) throws(StoreError) {
    try step()
    state.withLock { $0.files[name] = nil }
  }

  func rename(_ name: String, to new: String) throws(StoreError) {
    try step()
    state.withLock { $0.files[new] = $0.files.removeValue(forKey: name) }
  }

  func sync() throws(StoreError) {
    try step()
    state.withLock { $0.synced = $0.files }
  }
}
