// Directories and files of the operating system.

import FoundationEssentials

#if canImport(Glibc)
  import Glibc
#endif

/// A directory of the operating system, held under an exclusive lock.
public final class SystemDisk: Disk {
  private let path: String
  private let descriptor: CInt

  private static func make(_ path: Substring) throws(StoreError) {
    guard mkdir(String(path), 0o777) == 0 || errno == EEXIST else {
      throw systemError(String(path), "cannot be made")
    }
  }

  /// Opens the directory at `path`, making it where it does not exist.
  ///
  /// - Throws: `StoreError`, also when another process holds it.
  public init(path: String) throws(StoreError) {
    self.path = path
    for end in path.indices.dropFirst() where path[end] == "/" { try Self.make(path[..<end]) }
    try Self.make(path[...])
    descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw systemError(path, "cannot be opened") }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      throw StoreError(
        file: path, reason: "is in use by another process; give each node a directory of its own")
    }
    // A new directory is there after a crash only when the one above it is synced too.
    try Self.sync(URL(filePath: path).deletingLastPathComponent().path)
  }

  deinit { close(descriptor) }

  /// The names of the files in it.
  public func names() throws(StoreError) -> [String] {
    do {
      return try FileManager.default.contentsOfDirectory(atPath: path)
    } catch {
      throw StoreError(file: path, reason: "cannot be listed: \(error)")
    }
  }

  /// Opens the file `name`, making it where it does not exist.
  public func open(_ name: String) throws(StoreError) -> any DiskFile {
    let path = path + "/" + name
    let file = openat(descriptor, name, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw systemError(path, "cannot be opened") }
    return SystemFile(path: path, descriptor: file)
  }

  /// Removes the file `name`.
  public func remove(_ name: String) throws(StoreError) {
    guard unlinkat(descriptor, name, 0) == 0 else {
      throw systemError(path + "/" + name, "cannot be removed")
    }
  }

  /// Gives the file `name` the name `new`.
  public func rename(_ name: String, to new: String) throws(StoreError) {
    guard renameat(descriptor, name, descriptor, new) == 0 else {
      throw systemError(path + "/" + name, "cannot be renamed to \(new)")
    }
  }

  /// Returns when names made, changed and removed so far survive a loss of power.
  public func sync() throws(StoreError) {
    guard fsync(descriptor) == 0 else { throw systemError(path, "cannot be synced") }
  }

  private static func sync(_ folder: String) throws(StoreError) {
    let descriptor = Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw systemError(folder, "cannot be opened") }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw systemError(folder, "cannot be synced") }
  }
}

/// A file of the operating system.
private final class SystemFile: DiskFile {
  private let path: String
  private let descriptor: CInt

  init(path: String, descriptor: CInt) {
    self.path = path
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  func size() throws(StoreError) -> UInt64 {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw systemError(path, "cannot be read") }
    return UInt64(status.st_size)
  }

  func read(at offset: UInt64, count: Int) throws(StoreError) -> [UInt8] {
    var failure: StoreError?
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, done in
      done = 0
      while done < count {
        let read = pread(
          descriptor, buffer.baseAddress! + done, count - done, off_t(offset) + off_t(done))
        if read < 0, errno == EINTR { continue }
        if read < 0 { failure = systemError(path, "cannot be read") }
        guard read > 0 else { return }
        done += read
      }
    }
    if let failure { throw failure }
    return bytes
  }

  func write(_ bytes: [UInt8], at offset: UInt64) throws(StoreError) {
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes {
        pwrite(descriptor, $0.baseAddress! + done, bytes.count - done, off_t(offset) + off_t(done))
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw systemError(path, "cannot be written") }
      done += count
    }
  }

  func reserve(_ size: UInt64) throws(StoreError) {
    let failure = posix_fallocate(descriptor, 0, off_t(size))
    guard failure == 0 || failure == EOPNOTSUPP || failure == EINVAL || failure == EINTR else {
      errno = failure
      throw systemError(path, "has no room for \(size) bytes")
    }
  }

  func truncate(to size: UInt64) throws(StoreError) {
    guard ftruncate(descriptor, off_t(size)) == 0 else { throw systemError(path, "cannot be cut") }
  }

  func sync() throws(StoreError) {
    guard fdatasync(descriptor) == 0 else { throw systemError(path, "cannot be synced") }
  }
}

private func systemError(_ file: String, _ what: String) -> StoreError {
  StoreError(file: file, reason: "\(what): \(String(cString: strerror(errno)))")
}
