// Control groups, of either version: a process that gets less processor time, or no more memory.

import FoundationEssentials
import Glibc

/// What a process may have.
public enum ResourceLimit: Codable, Sendable, Equatable {
  /// So many milliseconds of a processor in each hundred.
  case cpu(milliseconds: Int)
  /// So many bytes beside those that it has.
  case memory(bytes: Int)

  /// The controller, as the kernel calls it.
  var controller: String {
    switch self {
    case .cpu: "cpu"
    case .memory: "memory"
    }
  }

  /// What is written to which file of a group, by version.
  fileprivate func words(version: Int) -> [(file: String, text: String)] {
    switch (self, version) {
    case (.cpu(let time), 2): [("cpu.max", "\(time * 1000) 100000")]
    case (.cpu(let time), _):
      [("cpu.cfs_period_us", "100000"), ("cpu.cfs_quota_us", "\(time * 1000)")]
    case (.memory(let bytes), 2): [("memory.max", "\(bytes)")]
    case (.memory(let bytes), _): [("memory.limit_in_bytes", "\(bytes)")]
    }
  }
}

/// A control group of ours for one process.
public struct ControlGroup: Codable, Sendable, Equatable {
  /// Its folder.
  public var path: String
  /// The folder of the group that the process is in otherwise.
  public var home: String
  /// 1 or 2.
  public var version: Int

  private static let prefix = "gauntlet-"

  /// The one that would be made for `process`; makes nothing.
  ///
  /// - Throws: `LedgerError` where no group with that controller may be made.
  static func find(for process: Int32, _ limit: ResourceLimit) throws(LedgerError) -> ControlGroup {
    for mount in mounts(of: limit.controller) {
      guard access(mount.path, W_OK) == 0, let own = place(of: process, in: mount, limit.controller)
      else { continue }
      let home = "\(mount.path)\(own == "/" ? "" : own)"
      let isVisible = access("\(home)/cgroup.procs", W_OK) == 0
      return ControlGroup(
        path: "\(mount.path)/\(prefix)\(limit.controller)-\(process)-\(getpid())",
        home: isVisible ? home : mount.path, version: mount.version)
    }
    throw LedgerError("no control group for \(limit.controller) may be made here")
  }

  /// Makes it, with the limit, and puts the process into it, whose number must still be its own.
  ///
  /// - Throws: `LedgerError` when the kernel refuses, or does not show the limit afterwards.
  func confine(_ process: Int32, to limit: ResourceLimit) throws(LedgerError) {
    guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw .system("making \(path)") }
    for (file, text) in limit.words(version: version) {
      try Self.write(text, to: "\(path)/\(file)")
      guard Self.read("\(path)/\(file)") == text else {
        throw LedgerError(
          "\(path)/\(file) is not \(text) but \(Self.read("\(path)/\(file)") ?? "gone")")
      }
    }
    try Self.write("\(process)", to: "\(path)/cgroup.procs")
    guard Self.processes(in: path).contains(process) else {
      throw LedgerError("\(process) is not in \(path)")
    }
  }

  /// Puts what is in it back where it was, and removes it. One that is not there is no harm.
  func release() throws(LedgerError) {
    // Who is ending leaves by itself, a moment later.
    for _ in 0..<100 {
      for process in Self.processes(in: path) {
        try? Self.write("\(process)", to: "\(home)/cgroup.procs")  // it has ended
      }
      if rmdir(path) == 0 || errno == ENOENT { return }
      usleep(10_000)
    }
    throw .system("removing \(path)")
  }

  /// Removes those of ours in which nobody is: what a lab leaves whose controller was killed.
  public static func sweep() {
    for mount in mounts(of: "cpu") + mounts(of: "memory") {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: mount.path)) ?? []  // none
      for name in names where name.hasPrefix(prefix) { rmdir("\(mount.path)/\(name)") }
    }
  }

  private struct Mount {
    var path: String
    var version: Int
  }

  /// Where groups with this controller are, version 1 first: a controller is in one of them alone.
  private static func mounts(of controller: String) -> [Mount] {
    let lines = read("/proc/self/mounts")?.split(separator: "\n") ?? []
    let mounts = lines.compactMap { line -> Mount? in
      let fields = line.split(separator: " ").map(String.init)
      guard fields.count >= 4 else { return nil }
      switch fields[2] {
      case "cgroup":
        let isMeant = fields[3].split(separator: ",").contains(Substring(controller))
        return isMeant ? Mount(path: fields[1], version: 1) : nil
      case "cgroup2":
        let controllers = read("\(fields[1])/cgroup.subtree_control")?.split(separator: " ") ?? []
        return controllers.contains(Substring(controller))
          ? Mount(path: fields[1], version: 2) : nil
      default: return nil
      }
    }
    return mounts.sorted { $0.version < $1.version }
  }

  /// The group that a process is in, from the top of the mount.
  private static func place(of process: Int32, in mount: Mount, _ controller: String) -> String? {
    let lines = read("/proc/\(process)/cgroup")?.split(separator: "\n") ?? []
    for line in lines {
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      let isMeant =
        mount.version == 2
        ? fields[0] == "0" : fields[1].split(separator: ",").contains(Substring(controller))
      if isMeant { return String(fields[2]) }
    }
    return nil
  }

  private static func processes(in path: String) -> [Int32] {
    read("\(path)/cgroup.procs")?.split(separator: "\n").compactMap { Int32($0) } ?? []
  }

  private static func read(_ path: String) -> String? {
    FileManager.default.contents(atPath: path).map {
      String(decoding: $0, as: UTF8.self).trimmingSuffix("\n")
    }
  }

  private static func write(_ text: String, to path: String) throws(LedgerError) {
    let file = open(path, O_WRONLY | O_CLOEXEC)
    guard file >= 0 else { throw .system("opening \(path)") }
    defer { close(file) }
    guard writeAll(text.utf8, to: file) else { throw .system("writing \(text) to \(path)") }
  }
}

extension String {
  fileprivate func trimmingSuffix(_ end: String) -> String {
    hasSuffix(end) ? String(dropLast(end.count)) : self
  }
}
