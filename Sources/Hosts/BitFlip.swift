// Bits of a node's files that change by themselves, as disks' do.

import Glibc

/// One bit of a file that was turned round.
public struct BitFlip: Codable, Sendable, Equatable {
  /// The file.
  public var path: String
  /// Which file that was: another may get its name.
  public var inode: UInt64
  /// The place of the byte.
  public var offset: Int64
  /// The byte as it was.
  public var before: UInt8
  /// The byte as it is now.
  public var after: UInt8

  /// Turns a bit round in the newest file of `folder`, by name, whose name ends so. The last `tail` bytes
  /// of what is not zero are left alone: damage there may pass for a write that was never finished, which
  /// a node may take back, and its vote with it.
  ///
  /// - Returns: nil when there is no such file with something in it.
  /// - Throws: `HostError.log` when it cannot be read or written.
  public static func turn(
    in folder: String, nameEnding end: String, sparing tail: Int64, seed: UInt64, host: String
  ) throws(HostError) -> BitFlip? {
    guard let path = StoredFiles.newest(in: folder, nameEnding: end) else { return nil }
    return try StoredFiles.with(path, host: host) { file, failure throws(HostError) in
      var status = stat()
      guard fstat(file, &status) == 0 else { throw failure() }
      let length = StoredFiles.used(file, status.st_size) - tail
      guard length >= 10 else { return nil }
      var random = SplitMix64(seed: seed)
      let offset = Int64.random(in: 0..<length, using: &random)
      var byte: UInt8 = 0
      guard pread(file, &byte, 1, off_t(offset)) == 1 else { throw failure() }
      let flip = BitFlip(
        path: path, inode: UInt64(status.st_ino), offset: offset, before: byte,
        after: byte ^ (1 << UInt8.random(in: 0..<8, using: &random)))
      var changed = flip.after
      guard pwrite(file, &changed, 1, off_t(offset)) == 1 else { throw failure() }
      return flip
    }
  }

  /// Turns it back, if it is still there.
  ///
  /// - Returns: false when the file is another now, or the byte was written since.
  /// - Throws: as `turn`.
  public func turnBack(host: String) throws(HostError) -> Bool {
    guard access(path, F_OK) == 0 else { return false }
    return try StoredFiles.with(path, host: host) { file, failure throws(HostError) in
      var status = stat()
      var byte: UInt8 = 0
      guard fstat(file, &status) == 0 else { throw failure() }
      guard UInt64(status.st_ino) == inode, pread(file, &byte, 1, off_t(offset)) == 1,
        byte == after
      else { return false }
      byte = before
      guard pwrite(file, &byte, 1, off_t(offset)) == 1 else { throw failure() }
      return true
    }
  }
}
