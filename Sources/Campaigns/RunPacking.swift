// Runs packed for keeping: their histories and what nodes stored. All commands read them as before.

import Bench
import FoundationEssentials
import Glibc
import History

/// Packs runs.
public enum RunPacking {
  /// Packs the run in `folder`, which has ended: its history to `history.jsonl.bz2`, and each node's `data` to
  /// `data.tar.gz`. What was packed is removed when it is seen to be read back.
  ///
  /// - Returns: how many bytes it takes less; nil for a run that goes on.
  /// - Throws: `BenchError` or `HistoryError`, with nothing lost.
  public static func pack(_ folder: RunFolder) async throws -> Int? {
    guard FileManager.default.fileExists(atPath: folder.results), !folder.isHeld else { return nil }
    var saved = 0
    let plain = folder.history
    if plain != folder.packedHistory {
      // What an attempt before left is no history.
      unlink(folder.packedHistory)
      let history = try History(file: plain)
      try history.pack(to: folder.packedHistory)
      saved += size(plain) - size(folder.packedHistory)
      unlink(plain)
    }
    let nodes = (try? FileManager.default.contentsOfDirectory(atPath: folder.nodes)) ?? []  // none
    for node in nodes.sorted() { saved += try await packData(of: "\(folder.nodes)/\(node)") }
    return saved
  }

  private static func packData(of home: String) async throws -> Int {
    let (data, packed) = ("\(home)/data", "\(home)/data.tar.gz")
    guard FileManager.default.fileExists(atPath: data) else { return 0 }
    let fresh = "\(packed).new"
    _ = try await Tool.lines("tar", ["-C", home, "-czf", fresh, "data"], purpose: "packs \(data)")
    _ = try await Tool.lines("tar", ["-tzf", fresh], purpose: "reads \(fresh)")
    let before = RunEntry.size(of: data)
    guard rename(fresh, packed) == 0 else {
      throw BenchError("\(packed): \(String(cString: strerror(errno)))")
    }
    try FileManager.default.removeItem(atPath: data)
    return before - size(packed)
  }

  private static func size(_ path: String) -> Int {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) : 0
  }
}
