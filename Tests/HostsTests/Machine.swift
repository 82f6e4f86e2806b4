// What of this machine a lab could leave traces in, before and after.

import Foundation
import Subprocess

/// A snapshot of everything that a lab could spoil.
struct MachineSnapshot: Equatable {
  var interfaces: Set<String>
  var networkNamespaces: Set<String>
  var mounts: Set<String>
  var rules: String

  static func take() async throws -> MachineSnapshot {
    let files = FileManager.default
    let interfaces = try lines(of: "/proc/net/dev").compactMap { line in
      line.contains(":") ? String(line.prefix(while: { $0 != ":" })) : nil
    }
    let mounts = try lines(of: "/proc/self/mountinfo")
    let namespaces =
      files.fileExists(atPath: "/run/netns")
      ? try files.contentsOfDirectory(atPath: "/run/netns") : []
    let rules = try await Subprocess.run(
      .path("/usr/sbin/iptables"), arguments: ["-w", "-S"], output: .string(limit: 1 << 20))
    return MachineSnapshot(
      interfaces: Set(interfaces), networkNamespaces: Set(namespaces), mounts: Set(mounts),
      rules: rules.standardOutput)
  }

  private static func lines(of path: String) throws -> [String] {
    try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init)
  }
}

/// The processes on this machine whose command line contains `text`, and all that share a process
/// or network namespace with one of them, apart from our own.
func namespaces(ofProcessesNamed text: String) throws -> Set<String> {
  let own = Set(namespaces(of: "self"))
  var result: Set<String> = []
  for pid in try processes() where commandLine(of: pid).contains(text) {
    result.formUnion(namespaces(of: pid))
  }
  return result.subtracting(own)
}

/// The processes that are in one of `wanted`.
func processes(inNamespaces wanted: Set<String>) throws -> [String] {
  try processes().filter { !wanted.isDisjoint(with: namespaces(of: $0)) }
}

private func processes() throws -> [String] {
  try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { Int($0) != nil }
}

/// Empty for a process that has ended meanwhile.
private func commandLine(of pid: String) -> String {
  let bytes = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") ?? Data()
  return String(decoding: bytes, as: UTF8.self)
}

private func namespaces(of pid: String) -> [String] {
  ["net", "pid", "mnt"].compactMap { kind in
    try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/ns/\(kind)")
  }
}

/// Whether `condition` comes true within `deadline`.
func eventually(
  within deadline: Duration = .seconds(10), _ condition: () throws -> Bool
) async throws -> Bool {
  let end = ContinuousClock.now + deadline
  while ContinuousClock.now < end {
    if try condition() { return true }
    try await Task.sleep(for: .milliseconds(5))
  }
  return try condition()
}
