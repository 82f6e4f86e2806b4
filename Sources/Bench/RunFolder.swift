// The folder of one run: what lies where.

import FoundationEssentials
import Workloads

#if canImport(Glibc)
  import Glibc
#endif

/// Why the bench itself could not do its work. Its text is one line.
public struct BenchError: Error, Equatable, CustomStringConvertible {
  /// What, and what to do.
  public var description: String
  /// Whether what was given is at fault, and not the bench.
  public var isOfInput: Bool

  /// An error with this text.
  public init(_ description: String, isOfInput: Bool = false) {
    self.description = description
    self.isOfInput = isOfInput
  }
}

/// A run's folder. It is self-contained: it can be moved, packed and judged elsewhere.
public struct RunFolder: Sendable, Equatable {
  /// Its path.
  public let path: String

  /// The folder at `path`, which exists.
  public init(path: String) { self.path = path }

  /// The resolved workload; running it repeats the run.
  public var workload: String { "\(path)/run.yaml" }
  /// The faults that were planned.
  public var plan: String { "\(path)/plan.jsonl" }
  /// All operations and faults; packed, in a run that was packed.
  public var history: String {
    let plain = "\(path)/history.jsonl"
    let isPacked = access(plain, F_OK) != 0 && access(packedHistory, F_OK) == 0
    return isPacked ? packedHistory : plain
  }
  /// The same, packed.
  public var packedHistory: String { "\(path)/history.jsonl.bz2" }
  /// Every verdict and figure.
  public var results: String { "\(path)/results.json" }
  /// The page.
  public var report: String { "\(path)/report.html" }
  /// What every part was doing when a phase did not end.
  public var hang: String { "\(path)/hang.txt" }
  /// Each node's log and data.
  public var nodes: String { "\(path)/nodes" }

  /// Whether a run's history lies in the folder at `path`.
  public static func isRun(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: RunFolder(path: path).history)
  }

  /// Says for as long as this process lives that the run in this folder goes on.
  public func hold() {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    // Nobody else does it, and who asks lets go at once.
    if descriptor >= 0 { flock(descriptor, LOCK_EX) }
  }

  /// Whether a process lives that holds it.
  public var isHeld: Bool {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    return flock(descriptor, LOCK_SH | LOCK_NB) != 0
  }

  /// Makes a new folder in `store` and points `latest` to it.
  ///
  /// - Throws: `BenchError` when the store cannot be written.
  public static func make(
    in store: String, for workload: Workload, seed: UInt64
  ) throws(BenchError) -> RunFolder {
    let group = "register-\(workload.system.rawValue)"
    do {
      try FileManager.default.createDirectory(
        atPath: "\(store)/\(group)", withIntermediateDirectories: true)
    } catch {
      throw BenchError("\(store): cannot be made; name a folder you may write with --store")
    }
    let name = "\(group)/\(timestamp())-\(seed)"
    for attempt in 1... {
      let relative = attempt == 1 ? name : "\(name)-\(attempt)"
      if mkdir("\(store)/\(relative)", 0o755) == 0 {
        let folder = RunFolder(path: "\(store)/\(relative)")
        try point(latest: "\(store)/latest", to: relative)
        return folder
      }
      guard errno == EEXIST else { break }
    }
    throw BenchError(
      "\(store): \(String(cString: strerror(errno))); name a folder you may write with --store")
  }

  /// A new link is moved over the old one, so that there is always one.
  package static func point(latest: String, to target: String) throws(BenchError) {
    let fresh = "\(latest).\(getpid())"
    guard symlink(target, fresh) == 0, rename(fresh, latest) == 0 else {
      unlink(fresh)
      throw BenchError("\(latest): \(String(cString: strerror(errno))); remove what is there")
    }
  }

  /// Now, as the names of runs have it.
  public static func timestamp() -> String {
    var now = time(nil)
    var parts = tm()
    gmtime_r(&now, &parts)
    func two(_ number: CInt) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(parts.tm_year + 1900)\(two(parts.tm_mon + 1))\(two(parts.tm_mday))T"
      + "\(two(parts.tm_hour))\(two(parts.tm_min))\(two(parts.tm_sec))"
  }

  /// The time that `timestamp()` had then; nil for any other text.
  public static func date(_ stamp: some StringProtocol) -> Date? {
    try? Date.ISO8601FormatStyle(dateSeparator: .omitted, timeSeparator: .omitted)
      .parse("\(stamp)Z")
  }

  /// Puts `data` into the file at `path`, all of it or nothing.
  public static func write(_ data: Data, to path: String) throws(BenchError) {
    do {
      try data.write(to: URL(filePath: path), options: .atomic)
    } catch {
      try requireFolder(of: path)
      throw BenchError("\(path): cannot be written; see that there is room and that you may")
    }
  }

  /// Makes sure that a file can lie at `path`, as far as its folder goes.
  ///
  /// - Throws: `BenchError` when that is not there.
  public static func requireFolder(of path: String) throws(BenchError) {
    let folder = URL(filePath: path).deletingLastPathComponent().path
    guard FileManager.default.fileExists(atPath: folder) else {
      throw BenchError("\(path): there is no folder \(folder); make it first", isOfInput: true)
    }
  }
}
