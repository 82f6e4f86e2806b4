// Our file system under a real program of Go's, which no shim can be in: what it loses, what fails it, and
// that a kill is not kept waiting by a disk that stalls.

import Foundation
import Hosts
import Testing

@Suite(
  .tags(.integration), .timeLimit(.minutes(1)),
  .enabled(if: access("/dev/fuse", R_OK | W_OK) == 0, "no FUSE here"))
struct DiskServerIntegrationTests {
  /// What `lab-probe disk` prints.
  struct Report: Decodable {
    var before, after: Shim.Calls
    var isPut: Bool
    var stalled, acknowledged, unsynced, failing, end: String
    var killSeconds: Double
    var lost: Int
    var mounts: [String]
  }

  @Test("etcd on our disk loses what it had not synced, keeps what it had, and meets EIO")
  func etcd() async throws {
    let report: Report = try await LabProbe.with(.root) { probe in
      let result = try await probe.run("disk", "\(probe.folder)/node")
      #expect(result.0 == .exited(0), "\(result.errors)")
      return try JSONDecoder().decode(Report.self, from: Data(result.output.utf8))
    }
    #expect(report.before.isEmpty)
    #expect(report.isPut)
    #expect(report.after.sync > 0 && report.after.write > 0)
    #expect(report.after.mounts == 1)
    #expect(!report.stalled.contains("OK"))
    #expect(report.killSeconds < 2)
    #expect(report.lost > 0)
    #expect(report.acknowledged == "1")
    #expect(report.unsynced.isEmpty)
    #expect(!report.failing.contains("OK"))
    #expect(!report.end.contains("SIGKILL"), "\(report.end)")
    #expect(report.mounts.isEmpty)
  }
}
