// Files that commands write: made anew, whole or not at all, `-` being standard output.

import History

#if canImport(Glibc)
  import Glibc
#endif

/// A file that takes its place when it is complete.
struct OutputFile: ~Copyable {
  private let path: String
  private let descriptor: CInt
  private var isDone = false

  /// Begins to write `path`.
  init(_ path: String) throws(HistoryError) {
    self.path = path
    descriptor =
      path == "-" ? 1 : open("\(path).part", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw Self.failure(path, "cannot be made") }
  }

  deinit {
    guard path != "-" else { return }
    close(descriptor)
    if !isDone { unlink("\(path).part") }
  }

  func write(_ bytes: some Sequence<UInt8>) throws(HistoryError) {
    let bytes = Array(bytes)
    var written = 0
    while written < bytes.count {
      let count = bytes[written...].withUnsafeBytes {
        Glibc.write(descriptor, $0.baseAddress, $0.count)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw Self.failure(path, "cannot be written") }
      written += count
    }
  }

  mutating func finish() throws(HistoryError) {
    guard path != "-" else { return }
    guard rename("\(path).part", path) == 0 else { throw Self.failure(path, "cannot be made") }
    isDone = true
  }

  private static func failure(_ path: String, _ what: String) -> HistoryError {
    HistoryError(file: path, reason: .file("\(what): \(String(cString: strerror(errno)))"))
  }
}
