// A machine that refuses namespaces: root without capabilities, and a user without a share.

import Subprocess
import Testing

@Suite(.tags(.integration), .timeLimit(.minutes(2)))
struct LabRefusedIntegrationTests {
  @Test("root without CAP_SYS_ADMIN is told what it needs")
  func rootWithoutCapabilities() async throws {
    try await LabProbe.with(.root) { probe in
      let result = try await Subprocess.run(
        .name("setpriv"),
        arguments: [
          "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", "\(probe.folder)/lab-probe", "exit",
          "0",
        ], output: .string(limit: 1 << 16), error: .string(limit: 1 << 16))
      #expect(result.terminationStatus == .exited(10))
      #expect(
        result.standardError
          == "cannot make a lab: making namespaces failed: Operation not permitted; root in a "
          + "container needs CAP_SYS_ADMIN and CAP_NET_ADMIN: start it --privileged\n")
    }
  }
}
