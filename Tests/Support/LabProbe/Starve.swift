// What lab-probe does to see what control groups and time namespaces do to a process of a node's.

import CLinux
import Foundation
import Glibc
import Hosts

extension Main {
  struct StarveReport: Codable {
    /// Processor seconds that a busy process took in one second, with a tenth and without.
    var starved: Double
    var free: Double
    /// How a process ends that wants 64 MB when it may have 4.
    var greedy: String
    /// Groups of ours at the end.
    var left: [String]
    /// How many seconds a process's monotonic clock is ahead of ours.
    var ahead: Double
    /// What could not be done here.
    var refused: [String]
  }

  static func starve() async throws {
    let host = try await LabNetwork.create(nodes: 1)[0]
    var report = StarveReport(
      starved: 0, free: 0, greedy: "", left: [], ahead: 0, refused: [])
    let limit = ResourceLimit.cpu(milliseconds: 10)
    do {
      let ((starved, free), _) = try await host.withProcess(
        Command("perl", ["-e", "1 while 1"]), log: "/dev/null"
      ) { process in
        let group = try host.controlGroup(for: process.pid, limit)
        try host.confine(process.pid, in: group, to: limit)
        let starved = try await used(by: process.pid)
        try host.release(group)
        return (starved, try await used(by: process.pid))
      }
      (report.starved, report.free) = (starved, free)
      let memory = ResourceLimit.memory(bytes: 4 << 20)
      let script = "$| = 1; sleep 1; my $x = 'a' x 64_000_000; sleep 5"
      let (_, end) = try await host.withProcess(
        Command("perl", ["-e", script]), log: "/dev/null"
      ) { process in
        let group = try host.controlGroup(for: process.pid, memory)
        try host.confine(process.pid, in: group, to: memory)
        _ = await process.exit
        try host.release(group)
      }
      report.greedy = "\(end)"
    } catch HostError.refused(_, let reason) {
      report.refused.append(reason)
    }
    for mount in ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup/memory", "/sys/fs/cgroup"] {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: mount)) ?? []
      report.left += names.filter { $0.hasPrefix("gauntlet-") }
    }
    let clock =
      "use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC); print clock_gettime(CLOCK_MONOTONIC)"
    let result = try await host.run(
      host.ahead(Command("perl", ["-e", clock]), bySeconds: 3600), deadline: .seconds(5))
    if let there = Double(result.text) {
      var here = timespec()
      clock_gettime(CLOCK_MONOTONIC, &here)
      report.ahead = there - Double(here.tv_sec)
    } else {
      report.refused.append(result.errorText)
    }
    try say(report)
  }

  /// Processor seconds that a process takes in the next second.
  private static func used(by process: Int32) async throws -> Double {
    let before = try ticks(of: process)
    try await Task.sleep(for: .seconds(1))
    return Double(try ticks(of: process) - before) / Double(sysconf(Int32(_SC_CLK_TCK)))
  }

  private static func ticks(of process: Int32) throws -> Int {
    let text = try String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
    let fields = text[text.index(after: text.lastIndex(of: ")")!)...].split(separator: " ")
    return Int(fields[11])! + Int(fields[12])!
  }
}
