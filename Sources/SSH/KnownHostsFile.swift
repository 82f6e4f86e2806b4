// Adding to a file of known hosts.

import FoundationEssentials
import Glibc

/// A file of known hosts, as it is written to.
public enum KnownHostsFile {
  /// Adds a line at the end of `file`, which is made if it is not there, with its folder.
  ///
  /// - Throws: `SSHError.failed` when it can't be written.
  public static func add(_ line: String, to file: String) throws(SSHError) {
    let folder = URL(filePath: file).deletingLastPathComponent().path
    if access(folder, F_OK) != 0 { mkdir(folder, 0o700) }
    let descriptor = open(file, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw failure(file) }
    defer { close(descriptor) }
    // A last line without its end would swallow ours.
    var last: UInt8 = 0
    let size = lseek(descriptor, 0, SEEK_END)
    let isOpenEnded =
      size > 0 && pread(descriptor, &last, 1, size - 1) == 1 && last != UInt8(ascii: "\n")
    let bytes = Array((isOpenEnded ? "\n" : "").utf8) + Array(line.utf8) + [UInt8(ascii: "\n")]
    guard write(descriptor, bytes, bytes.count) == bytes.count else { throw failure(file) }
  }

  private static func failure(_ file: String) -> SSHError {
    .failed(host: "known hosts", step: "writing \(file)", reason: String(cString: strerror(errno)))
  }
}
