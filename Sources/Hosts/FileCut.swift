// The end of a file of a node's that is gone, as after a crash of a file system.

import Glibc

/// What was cut off a file.
public struct FileCut: Codable, Sendable, Equatable {
  /// The file.
  public var path: String
  /// How much of it was used before, in bytes.
  public var before: Int64
  /// How much of it there is now.
  public var after: Int64

  /// Cuts up to 4 KiB off what is used of the newest file of `folder`, by name, whose name ends so. The file
  /// keeps no longer end: what followed it was zeros.
  ///
  /// - Returns: nil when there is no such file with something in it.
  /// - Throws: `HostError.log` when it cannot be read or written.
  public static func cut(
    in folder: String, nameEnding end: String, seed: UInt64, host: String
  ) throws(HostError) -> FileCut? {
    guard let path = StoredFiles.newest(in: folder, nameEnding: end) else { return nil }
    return try StoredFiles.with(path, host: host) { file, failure throws(HostError) in
      var status = stat()
      guard fstat(file, &status) == 0 else { throw failure() }
      let used = StoredFiles.used(file, status.st_size)
      guard used >= 10 else { return nil }
      var random = SplitMix64(seed: seed)
      let after = used - Int64.random(in: 1...min(used, 4096), using: &random)
      guard ftruncate(file, off_t(after)) == 0 else { throw failure() }
      return FileCut(path: path, before: used, after: after)
    }
  }
}
