// Why a lab could not be entered, in one line that says what to set.

import CLinux
import Glibc

/// Why a lab could not be entered. Its text is one line: what was refused, and what to do.
public struct LabError: Error, Sendable, CustomStringConvertible {
  /// What was refused, why, and what to do about it.
  public let description: String

  init(step: cl_lab_step, error: CInt, machine: Machine) {
    let reason = String(cString: strerror(error))
    let remedy = LabError.remedy(step: step, error: error, machine: machine)
    description = "cannot make a lab: \(LabError.name(of: step)) failed: \(reason); \(remedy)"
  }

  /// What of this machine decides whether namespaces may be made.
  struct Machine {
    var isRoot: Bool
    /// /proc/sys/user/max_user_namespaces; nil where the kernel has no such switch.
    var maxUserNamespaces: Int?
    /// /proc/sys/kernel/unprivileged_userns_clone (Debian's and Arch's kernels).
    var unprivilegedClone: Int?
    /// /proc/sys/kernel/apparmor_restrict_unprivileged_userns (Ubuntu since 23.10).
    var apparmorRestricts: Int?

    /// This machine, as its /proc says.
    static func current() -> Machine {
      Machine(
        isRoot: geteuid() == 0,
        maxUserNamespaces: switchValue("/proc/sys/user/max_user_namespaces"),
        unprivilegedClone: switchValue("/proc/sys/kernel/unprivileged_userns_clone"),
        apparmorRestricts: switchValue("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"))
    }

    private static func switchValue(_ path: String) -> Int? {
      guard let file = fopen(path, "re") else { return nil }
      defer { fclose(file) }
      var text = [CChar](repeating: 0, count: 32)
      guard fgets(&text, CInt(text.count), file) != nil else { return nil }
      return Int(atoi(text))
    }
  }

  private static func name(of step: cl_lab_step) -> String {
    switch step {
    case CL_LAB_PIPES: "opening a pipe to it"
    case CL_LAB_CLONE: "making namespaces"
    case CL_LAB_USER_MAP: "mapping this user to root inside"
    case CL_LAB_SESSION: "starting a session"
    case CL_LAB_PRIVATE_MOUNTS: "making its mounts private"
    case CL_LAB_PROC: "mounting a fresh /proc"
    case CL_LAB_RUN: "mounting a tmpfs on /run"
    case CL_LAB_LOOPBACK: "bringing its loopback up"
    case CL_LAB_FORK: "forking the controller"
    case CL_LAB_EXEC: "executing /proc/self/exe again"
    default: preconditionFailure("step \(step.rawValue) is none of CLinux's")
    }
  }

  /// The switch that is the cause, as far as the machine tells.
  private static func remedy(step: cl_lab_step, error: CInt, machine: Machine) -> String {
    if machine.isRoot {
      return error == EPERM || error == EACCES
        ? "root in a container needs CAP_SYS_ADMIN and CAP_NET_ADMIN: start it --privileged"
        : "see `gauntlet doctor`"
    }
    if machine.maxUserNamespaces == 0 {
      return "as root: sysctl -w user.max_user_namespaces=10000"
    }
    if machine.unprivilegedClone == 0 {
      return "as root: sysctl -w kernel.unprivileged_userns_clone=1"
    }
    if machine.apparmorRestricts == 1 {
      return "as root: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
    }
    if error == ENOSPC {
      return "as root: sysctl -w user.max_user_namespaces=10000 (all are in use)"
    }
    return "a container's profile may forbid it: start it --privileged, or run as root"
  }
}
