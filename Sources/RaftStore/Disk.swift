// A file as the log needs it: so little that a test can make one that forgets.

import FoundationEssentials

#if canImport(Glibc)
  import Glibc
#endif

/// A file that is read whole, written at offsets, cut, and synced. Calls may block.
public protocol DiskFile: Sendable {
  /// Everything in it.
  func contents() throws(StoreError) -> [UInt8]
  /// Puts `bytes` at `offset`.
  func write(_ bytes: [UInt8], at offset: UInt64) throws(StoreError)
  /// Cuts it to `size`.
  func truncate(to size: UInt64) throws(StoreError)
  /// Returns when all that was written survives a loss of power.
  func sync() throws(StoreError)
}

/// Why the store cannot go on. Its text is one line: which file, what, what to do.
public struct StoreError: Error, Equatable, CustomStringConvertible {
  /// The file.
  public var file: String
  /// What happened to it.
  public var reason: String

  /// `reason` happened to `file`.
  public init(file: String, reason: String) {
    self.file = file
    self.reason = reason
  }

  /// Place and reason.
  public var description: String { "\(file): \(reason)" }
}

/// A file of the operating system, held under an exclusive lock.
public final class SystemFile: DiskFile {
  private let path: String
  private let descriptor: CInt

  /// Opens the file at `path`, making it and its directory where they do not exist.
  ///
  /// - Throws: `StoreError`, also when another process holds the file.
  public init(path: String) throws(StoreError) {
    let folder = URL(filePath: path).deletingLastPathComponent().path
    do {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true)
    } catch {
      throw StoreError(file: folder, reason: "cannot be made: \(error)")
    }
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    self.path = path
    guard descriptor >= 0 else { throw Self.failure(path, "cannot be opened") }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      throw StoreError(
        file: path, reason: "is in use by another process; give each node a directory of its own")
    }
    // A new file is there after a crash only when its directory is synced too.
    try Self.syncFolder(folder)
  }

  deinit { close(descriptor) }

  /// Everything in it.
  public func contents() throws(StoreError) -> [UInt8] {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw Self.failure(path, "cannot be read") }
    let size = Int(status.st_size)
    var bytes = [UInt8](repeating: 0, count: size)
    var done = 0
    while done < size {
      let count = bytes.withUnsafeMutableBytes {
        pread(descriptor, $0.baseAddress! + done, size - done, off_t(done))
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw Self.failure(path, "cannot be read") }
      done += count
    }
    return bytes
  }

  /// Puts `bytes` at `offset`.
  public func write(_ bytes: [UInt8], at offset: UInt64) throws(StoreError) {
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes {
        pwrite(descriptor, $0.baseAddress! + done, bytes.count - done, off_t(offset) + off_t(done))
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw Self.failure(path, "cannot be written") }
      done += count
    }
  }

  /// Cuts it to `size`.
  public func truncate(to size: UInt64) throws(StoreError) {
    guard ftruncate(descriptor, off_t(size)) == 0 else {
      throw Self.failure(path, "cannot be cut")
    }
  }

  /// Returns when all that was written survives a loss of power.
  public func sync() throws(StoreError) {
    // Never tried again: after a failure the kernel may have dropped the pages and call the next
    // attempt a success.
    guard fdatasync(descriptor) == 0 else { throw Self.failure(path, "cannot be synced") }
  }

  private static func syncFolder(_ folder: String) throws(StoreError) {
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(folder, "cannot be opened") }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw failure(folder, "cannot be synced") }
  }

  private static func failure(_ file: String, _ what: String) -> StoreError {
    StoreError(file: file, reason: "\(what): \(String(cString: strerror(errno)))")
  }
}
