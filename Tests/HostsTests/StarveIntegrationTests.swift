// Control groups and time namespaces, seen from outside: processor time that is not had, memory that is not
// given, a clock that is ahead. What this machine cannot do is refused with a reason.

import Foundation
import Hosts
import Testing

@Suite(.tags(.integration), .timeLimit(.minutes(1))) struct StarveIntegrationTests {
  /// What `lab-probe starve` prints.
  struct Report: Decodable {
    var starved, free, ahead: Double
    var greedy: String
    var left, refused: [String]
  }

  @Test("a process gets a tenth of a processor, is killed for memory, and lives an hour ahead")
  func starves() async throws {
    let report: Report = try await LabProbe.with(.root) { probe in
      let result = try await probe.run("starve")
      #expect(result.0 == .exited(0), "\(result.errors)")
      return try JSONDecoder().decode(Report.self, from: Data(result.output.utf8))
    }
    let here = await CapabilityProbe.run(in: nil)
    if here.has(.cpu) {
      #expect(report.starved < 0.25 && report.free > report.starved * 1.5, "\(report)")
    }
    if here.has(.memory) { #expect(report.greedy.contains("signal 9"), "\(report)") }
    if here.has(.timeNamespace) { #expect(abs(report.ahead - 3600) < 10, "\(report)") }
    if here.has(.cpu), here.has(.memory), here.has(.timeNamespace) {
      #expect(report.refused.isEmpty)
    }
    #expect(report.left.isEmpty)
  }
}
