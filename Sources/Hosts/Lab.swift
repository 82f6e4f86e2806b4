// The lab: namespaces in which one run happens, so that nothing it does outlives it.
// Here: entering, seen from Swift. Not here: what process 1 of the lab does (CLinux/lab.c),
// nodes and their network (LabNetwork.swift).

import CLinux
import Glibc

/// New mount, network and process namespaces (and a user namespace for whoever isn't root), that
/// end, with every process, mount, interface and rule in them, when the process that made them
/// does.
///
/// ```
/// gauntlet run …           the outer process: waits, forwards signals, passes the exit code on
/// └─ process 1 of the lab  reaps; ends with either of the two beside it
///    └─ gauntlet run …     the controller, in which `enter` returns
/// ```
public enum Lab {
  /// The variable that tells the controller that it is inside. Its value is the identity of the
  /// lab's process namespace, so that one that leaked into an environment deceives nobody.
  static let variable = "GAUNTLET_LAB"

  /// Goes into a lab: returns inside it, and never returns outside, where it ends the process
  /// with the controller's exit code once the lab is gone.
  ///
  /// To be called as the first statement of a synchronous `main`: before any thread or task,
  /// since the program starts over inside. In the lab /run is empty: nothing that is needed may
  /// lie there.
  ///
  /// - Throws: `LabError`, saying what to set, when this machine lets us make no lab.
  public static func enter() throws(LabError) {
    if isInside { return }
    let arguments = UnsafeMutablePointer(mutating: CommandLine.unsafeArgv)
    let room = 64
    let marker = UnsafeMutablePointer<CChar>.allocate(capacity: variable.utf8.count + 1 + room)
    defer { marker.deallocate() }
    strcpy(marker, variable + "=")
    var variables = environmentWithoutMarker()
    variables.append(marker)
    variables.append(nil)

    var lab = cl_lab()
    let isUser = geteuid() != 0
    let status = variables.withUnsafeBufferPointer { variables in
      var request = cl_lab_request(
        new_user: isUser,
        arguments: UnsafeRawPointer(arguments).assumingMemoryBound(
          to: UnsafeMutablePointer<CChar>?.self),
        environment: variables.baseAddress!,
        marker: marker + variable.utf8.count + 1,
        marker_capacity: room)
      return cl_lab_start(&request, &lab)
    }
    guard status == 0 else {
      let step = cl_lab_step(rawValue: UInt32(lab.failed_step))
      throw LabError(step: step, error: errno, machine: .current())
    }
    let code = cl_lab_wait(lab.`init`)
    // The one thing of a lab's that does not end with it.
    ControlGroup.sweep()
    exit(code)
  }

  /// Whether this process is the controller of a lab: a child of its process 1, in the very
  /// process namespace that the variable names.
  public static var isInside: Bool {
    guard getppid() == 1, let claimed = getenv(variable) else { return false }
    var actual = [CChar](repeating: 0, count: 64)
    guard cl_pid_namespace(&actual, actual.count) == 0 else { return false }
    return strcmp(claimed, actual) == 0
  }

  private static func environmentWithoutMarker() -> [UnsafeMutablePointer<CChar>?] {
    var result: [UnsafeMutablePointer<CChar>?] = []
    let prefix = variable + "="
    var next = environ
    while let entry = next.pointee {
      if strncmp(entry, prefix, prefix.utf8.count) != 0 { result.append(entry) }
      next += 1
    }
    return result
  }
}
