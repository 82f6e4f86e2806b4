// What memory this process holds, and how much more it may.

import FoundationEssentials

#if canImport(Glibc)
  import Glibc
#endif

/// The memory of this process and its machine, in bytes.
public enum MemoryUse {
  /// The most that this process ever held.
  public static var peak: Int {
    var usage = rusage()
    guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return 0 }
    return usage.ru_maxrss * 1024  // Linux counts in KiB
  }

  /// What it holds now.
  public static var current: Int {
    guard let text = text("/proc/self/statm"), let pages = numbers(text).dropFirst().first else {
      return 0
    }
    return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
  }

  /// Three quarters of what is left: of the machine's memory or of the control group's limit,
  /// whichever is less.
  public static var fairShare: Int {
    var left = Int.max
    for line in (text("/proc/meminfo") ?? "").split(separator: "\n")
    where line.hasPrefix("MemAvailable") {
      if let kilobytes = numbers(line).first { left = kilobytes * 1024 }
    }
    for (limit, use) in Self.groups {
      if let limit = text(limit).flatMap({ numbers($0).first }),
        let use = text(use).flatMap({ numbers($0).first })
      {
        left = min(left, max(0, limit - use))
      }
    }
    return left == Int.max ? 1 << 30 : left / 4 * 3
  }

  /// Where control groups of the second and of the first version say so, as seen from inside.
  private static let groups = [
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    (
      "/sys/fs/cgroup/memory/memory.limit_in_bytes",
      "/sys/fs/cgroup/memory/memory.usage_in_bytes"
    ),
  ]

  private static func numbers(_ text: some StringProtocol) -> [Int] {
    text.split { !$0.isNumber }.compactMap { Int($0) }
  }

  private static func text(_ path: String) -> String? {
    guard let file = fopen(path, "re") else { return nil }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes[..<count], as: UTF8.self)
  }
}
