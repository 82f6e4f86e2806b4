// Which build was tested, so that a finding names it.

import Checksum
import FoundationEssentials

/// Checksums of executables.
public enum BuildSum {
  /// The SHA-256 of the file at `path`, in hexadecimal.
  ///
  /// - Throws: `BenchError` when it cannot be read or is no program.
  public static func sum(of path: String) throws(BenchError) -> String {
    guard FileManager.default.isExecutableFile(atPath: path),
      let data = FileManager.default.contents(atPath: path)
    else {
      throw BenchError("\(path): no program there; build it, or name another with --build")
    }
    return sha256(of: data)
  }
}

/// The version of the bench.
public enum Version {
  /// As `--version` prints it.
  public static let text = "0.1.0"
}
