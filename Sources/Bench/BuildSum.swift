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
      throw BenchError(
        "\(path): no program there; build it, or name another with --build", isOfInput: true)
    }
    return sha256(of: data)
  }
}

extension RunFolder {
  /// What a run has noted of `name` in the head of its workload's file at `path`: `build` or `sha256`; nil where
  /// nothing stands.
  public static func note(_ name: String, in path: String) -> String? {
    let text = FileManager.default.contents(atPath: path).map {
      String(decoding: $0, as: UTF8.self)
    }
    return text?.split(separator: "\n").first { $0.hasPrefix("# \(name) ") }
      .map { String($0.dropFirst(name.count + 3)) }
  }

  /// The checksum of what the run tested, as `results` have it, or as was noted when it began; nil where neither
  /// does.
  public func testedSum(_ results: RunResults?) -> String? {
    let sums = [results?.build, Self.note("sha256", in: workload)]
    return sums.compactMap(\.self).first { !$0.isEmpty }
  }

  /// The program that the run tested, as its `run.yaml` names it, or `usual` when that is the same one; nil for a
  /// run of which nobody noted it.
  ///
  /// - Throws: `BenchError` when neither is that program any more.
  public func program(orElse usual: String) throws(BenchError) -> String? {
    guard let path = Self.note("build", in: workload), let sum = Self.note("sha256", in: workload)
    else { return nil }
    for place in [path, usual] where (try? BuildSum.sum(of: place)) == sum { return place }
    throw BenchError(
      "\(path): not the program that \(self.path) tested; name that with --build",
      isOfInput: true)
  }
}

/// The version of the bench.
public enum Version {
  /// As `--version` prints it.
  public static let text = "0.1.0"
}
