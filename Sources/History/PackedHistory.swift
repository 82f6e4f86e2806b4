// Histories packed for keeping: the native format, each event with how much later it is than the one before,
// in bzip2. A million operations take 12 MB. Reading them: ByteSource.swift.

import CBZip2
import Glibc

extension History {
  /// Writes the history, packed, to a new file at `path`, and sees that it is read back the same.
  ///
  /// - Throws: `HistoryError` when it cannot be written, or is not read back the same; no file is left then.
  /// - Complexity: some microseconds for each event.
  public func pack(to path: String) throws(HistoryError) {
    do throws(HistoryError) {
      let file = try Packer(path: path)
      var buffer: [UInt8] = []
      JSONLines.append(header, to: &buffer)
      var before: Int64 = 0
      try forEachEvent { event throws(HistoryError) in
        JSONLines.append(event, after: before, to: &buffer)
        before = event.time
        guard buffer.count >= 1 << 18 else { return }
        try file.write(buffer)
        buffer.removeAll(keepingCapacity: true)
      }
      try file.write(buffer)
      try file.close()
      let again = try History(file: path)
      guard again.operations == operations, again.faults == faults, again.header == header else {
        throw HistoryError(
          file: path, reason: .file("is not read back as it was; it stays as it is, unpacked"))
      }
    } catch {
      unlink(path)
      throw error
    }
  }
}

/// A file that is written in bzip2, by the library's own functions for files.
private final class Packer {
  private let path: String
  private var file: UnsafeMutablePointer<FILE>?
  private var stream: UnsafeMutableRawPointer?

  init(path: String) throws(HistoryError) {
    self.path = path
    file = fopen(path, "wxe")
    guard let file else { throw failure() }
    var error: CInt = 0
    stream = BZ2_bzWriteOpen(&error, file, 9, 0, 0)
    guard error == BZ_OK else { throw failure() }
  }

  deinit {
    var error: CInt = 0
    if let stream { BZ2_bzWriteClose(&error, stream, 1, nil, nil) }
    if let file { fclose(file) }
  }

  private func failure() -> HistoryError {
    HistoryError(
      file: path, reason: .file("cannot be written: \(String(cString: strerror(errno))); make room")
    )
  }

  func write(_ bytes: [UInt8]) throws(HistoryError) {
    var bytes = bytes
    var error: CInt = 0
    BZ2_bzWrite(&error, stream, &bytes, CInt(bytes.count))
    guard error == BZ_OK else { throw failure() }
  }

  /// Ends it, on disk.
  func close() throws(HistoryError) {
    var error: CInt = 0
    BZ2_bzWriteClose(&error, stream, 0, nil, nil)
    stream = nil
    guard error == BZ_OK, fflush(file) == 0, fsync(fileno(file)) == 0 else { throw failure() }
  }
}
