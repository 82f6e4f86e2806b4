// A file of a run, sent piece by piece: a history may be larger than what fits into memory.

import Blocking
import Glibc

/// Reads a file from its beginning, on a queue of its own.
actor FileReader {
  private let executor = QueueExecutor(label: "gauntlet.file")
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
  private let path: String
  private var offset: off_t = 0

  /// A reader of the file at `path`.
  init(_ path: String) { self.path = path }

  /// The next piece; nil at the end.
  func next() throws -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw NotShown(description: "\(path) cannot be read.") }
    defer { close(descriptor) }
    let bytes = [UInt8](unsafeUninitializedCapacity: 256 << 10) { buffer, filled in
      filled = max(0, pread(descriptor, buffer.baseAddress, buffer.count, offset))
    }
    offset += off_t(bytes.count)
    return bytes.isEmpty ? nil : bytes
  }
}
