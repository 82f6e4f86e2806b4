// Runs packed for keeping: their histories and what nodes stored. All commands read them as before.

import Bench
import FoundationEssentials
import Glibc
import History

/// Packs runs.
public enum RunPacking {
  /// Packs the run in `folder`, which has ended: its history to `history.jsonl.bz2`, and each node's `data` to
  /// `data.tar.gz`. What was packed is removed when it is seen to be read back, and on disk.
  ///
  /// - Returns: how many bytes it takes less; nil for a run that goes on, or that somebody else packs.
  /// - Throws: `BenchError` or `HistoryError`, with nothing lost.
  public static func pack(_ folder: RunFolder) async throws -> Int? {
    guard FileManager.default.fileExists(atPath: folder.results) else { return nil }
    let lock = open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard lock >= 0 else { throw BenchError("\(folder.path): \(String(cString: strerror(errno)))") }
    defer { close(lock) }
    guard flock(lock, LOCK_EX | LOCK_NB) == 0 else { return nil }
    var saved = 0
    let plain = folder.history
    if plain != folder.packedHistory {
      let fresh = "\(folder.packedHistory).new"
      unlink(fresh)  // of an attempt that was cut short: nobody else is at it
      try PackedHistory.pack(plain, to: fresh)
      let before = size(plain)
      try put(fresh, at: folder.packedHistory, in: folder.path)
      unlink(plain)
      saved += before - size(folder.packedHistory)
    }
    let nodes = (try? FileManager.default.contentsOfDirectory(atPath: folder.nodes)) ?? []  // none
    for node in nodes.sorted() { saved += try await packData(of: "\(folder.nodes)/\(node)") }
    return saved
  }

  private static func packData(of home: String) async throws -> Int {
    let (data, packed, done) = ("\(home)/data", "\(home)/data.tar.gz", "\(home)/data.packed")
    let files = FileManager.default
    if files.fileExists(atPath: done) { try files.removeItem(atPath: done) }
    guard files.fileExists(atPath: data), !files.fileExists(atPath: packed) else { return 0 }
    let fresh = "\(packed).new"
    defer { unlink(fresh) }
    _ = try await Tool.lines("tar", ["-C", home, "-czf", fresh, "data"], purpose: "packs \(data)")
    _ = try await Tool.lines("tar", ["-tzf", fresh], purpose: "reads \(fresh)")
    let before = RunEntry.size(of: data)
    try put(fresh, at: packed, in: home)
    // Under another name first: what is left of it when this is cut short is not packed again.
    guard rename(data, done) == 0 else {
      throw BenchError("\(data): \(String(cString: strerror(errno)))")
    }
    try files.removeItem(atPath: done)
    return before - size(packed)
  }

  /// Gives a file its name when it and the name are on disk.
  private static func put(_ fresh: String, at path: String, in folder: String) throws(BenchError) {
    let file = open(fresh, O_RDONLY | O_CLOEXEC)
    let directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    defer {
      close(file)
      close(directory)
    }
    guard fsync(file) == 0, rename(fresh, path) == 0, fsync(directory) == 0 else {
      throw BenchError("\(path): \(String(cString: strerror(errno)))")
    }
  }

  private static func size(_ path: String) -> Int {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) : 0
  }
}
