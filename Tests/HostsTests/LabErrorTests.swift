// What a refusal says: always one line, with the switch that is the cause.

import CLinux
import Glibc
import Testing

@testable import Hosts

@Suite struct LabErrorTests {
  private static let free = LabError.Machine(
    isRoot: false, maxUserNamespaces: 1000, unprivilegedClone: 1, apparmorRestricts: 0)

  private func text(_ change: (inout LabError.Machine) -> Void, error: CInt = EPERM) -> String {
    var machine = LabErrorTests.free
    change(&machine)
    return LabError(step: CL_LAB_CLONE, error: error, machine: machine).description
  }

  @Test("a refusal names the switch that is the cause")
  func namesTheCause() {
    let start = "cannot make a lab: making namespaces failed: "
    #expect(
      text({ $0.maxUserNamespaces = 0 }, error: ENOSPC)
        == start + "No space left on device; as root: sysctl -w user.max_user_namespaces=10000")
    #expect(
      text { $0.unprivilegedClone = 0 } == start
        + "Operation not permitted; as root: sysctl -w kernel.unprivileged_userns_clone=1")
    #expect(
      text { $0.apparmorRestricts = 1 } == start + "Operation not permitted; as root: "
        + "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0")
    #expect(
      text { $0.isRoot = true } == start + "Operation not permitted; root in a container needs "
        + "CAP_SYS_ADMIN and CAP_NET_ADMIN: start it --privileged")
    #expect(
      text { _ in } == start + "Operation not permitted; a container's profile may forbid it: "
        + "start it --privileged, or run as root")
  }
}
