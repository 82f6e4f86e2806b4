// `gauntlet-agent enter`: joins a node's network, or a time of its own, and becomes the node's process.
// Here: its arguments, and what it says when it fails. Its system calls: CLinux/process.c.

import CLinux
import Glibc

/// `gauntlet-agent enter [--netns PATH] [--ahead SECONDS] -- EXECUTABLE ARGS…`, read without a parsing
/// framework, since every command on a node pays for it.
public enum EnterCommand {
  private static let prefix = "gauntlet-agent: "

  /// Becomes the command if the arguments ask for exactly that. Returns if they don't, so that
  /// the usual parser can say what is wrong; ends the process if the command can't be executed:
  /// with 127 if there is no such file, with 126 otherwise, as shells do.
  public static func runIfAsked() {
    let count = Int(CommandLine.argc)
    let arguments = UnsafeMutableBufferPointer(
      start: CommandLine.unsafeArgv, count: count + 1)
    guard count >= 4, matches(arguments[1], "enter") else { return }
    var netns: UnsafeMutablePointer<CChar>?
    var ahead = 0
    var next = 2
    while next + 1 < count, !matches(arguments[next], "--") {
      if matches(arguments[next], "--netns") {
        netns = arguments[next + 1]
      } else if matches(arguments[next], "--ahead"), let value = arguments[next + 1],
        let seconds = Int(String(cString: value))
      {
        ahead = seconds
      } else {
        return
      }
      next += 2
    }
    guard next + 1 < count, matches(arguments[next], "--"), let program = arguments[next + 1]
    else { return }
    let step = cl_enter(netns, ahead, arguments.baseAddress! + next + 1)
    let error = errno
    let subject =
      switch step {
      case Int32(CL_ENTER_EXEC.rawValue): "execute \(String(cString: program))"
      case Int32(CL_ENTER_CLOCKS.rawValue): "set clocks ahead in a time namespace"
      default: "enter \(netns.map { String(cString: $0) } ?? "")"
      }
    let line = "\(prefix)cannot \(subject): \(String(cString: strerror(error)))\n"
    _ = line.withCString { write(STDERR_FILENO, $0, strlen($0)) }
    exit(step == CL_ENTER_EXEC.rawValue && error == ENOENT ? 127 : 126)
  }

  /// `command` in a time namespace, by the agent at this path.
  static func ahead(_ command: Command, bySeconds seconds: Int, agent: String) -> Command {
    var wrapped = command
    wrapped.executable = agent
    wrapped.arguments =
      ["enter", "--ahead", "\(seconds)", "--", command.executable] + command.arguments
    return wrapped
  }

  /// What the agent said if it, and not the command, failed.
  static func complaint(in result: CommandResult) -> String? {
    guard result.status == .exited(126) || result.status == .exited(127),
      result.errorText.hasPrefix(prefix)
    else { return nil }
    return String(result.errorText.dropFirst(prefix.count).prefix(while: { $0 != "\n" }))
  }

  private static func matches(_ argument: UnsafeMutablePointer<CChar>?, _ text: String) -> Bool {
    argument.map { strcmp($0, text) == 0 } ?? false
  }
}

/// Where the agent lies.
public enum Agent {
  /// `gauntlet-agent` in the folder of the running executable.
  ///
  /// - Throws: `HostError.noAgent` when there is none that can be executed.
  public static func besideThisExecutable() throws(HostError) -> String {
    let path = OwnProgram.sibling("gauntlet-agent")
    guard access(path, X_OK) == 0 else { throw .noAgent(path: path) }
    return path
  }
}
