// Commands to swift-subprocess and back: the one place that knows that library.
// Not here: what a command is (Command.swift), whose namespace it runs in (LocalHost.swift).

import Glibc
import Subprocess
import SystemPackage

extension Command {
  /// As swift-subprocess wants it: in a session of its own, so that one signal reaches all that
  /// the command started, and with that signal SIGKILL when the task is cancelled.
  var configuration: Subprocess.Configuration {
    var variables: [Environment.Key: String?] = [:]
    // Debian leaves ip and iptables out of an ordinary user's PATH.
    let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/local/bin:/usr/bin:/bin"
    variables["PATH"] = path + ":/usr/sbin:/sbin"
    for (name, value) in environment { variables[.init(stringLiteral: name)] = value }
    var options = PlatformOptions()
    options.createSession = true
    options.teardownSequence = [
      .send(signal: .kill, toProcessGroup: true, allowedDurationToNextStep: .seconds(1))
    ]
    return Subprocess.Configuration(
      executable: executable.contains("/") ? .path(FilePath(executable)) : .name(executable),
      arguments: Arguments(arguments),
      environment: .inherit.updating(variables),
      workingDirectory: workingDirectory.map { FilePath($0) },
      platformOptions: options)
  }

  /// The most that a short command may say.
  private static let outputLimit = 16 << 20

  /// Runs to its end, or to `deadline`, when it is killed with all that it started.
  ///
  /// - Parameters:
  ///   - name: how errors call this command, which may be wrapped in another.
  ///   - host: how errors call the machine.
  /// - Throws: `HostError` when it did not start or end in time; an exit code is a result.
  func collect(
    as name: String, on host: String, input: [UInt8], deadline: Duration
  ) async throws(HostError) -> CommandResult {
    do {
      return try await withThrowingTaskGroup(of: CommandResult?.self) { group in
        group.addTask { try await feed(input) }
        group.addTask {
          try await Task.sleep(for: deadline)
          return nil
        }
        defer { group.cancelAll() }
        guard let first = try await group.next(), let result = first else {
          throw HostError.deadline(host: host, command: name, after: deadline)
        }
        return result
      }
    } catch let error as HostError {
      throw error
    } catch {
      if Task.isCancelled { throw .cancelled(host: host, command: name) }
      throw .cannotStart(host: host, command: name, reason: "\(error)")
    }
  }
}

extension Command {
  /// A command that ends without having read its input must not end us: nothing narrower than
  /// the whole process can ignore SIGPIPE, and NIO ignores it as well.
  private static let ignoreBrokenPipes: Void = { _ = Glibc.signal(SIGPIPE, SIG_IGN) }()

  private func feed(_ input: [UInt8]) async throws -> CommandResult {
    Command.ignoreBrokenPipes
    let result = try await Subprocess.run(
      configuration, input: .inputWriter, output: .bytes(limit: Command.outputLimit),
      error: .bytes(limit: Command.outputLimit)
    ) { execution in
      do {
        _ = try await execution.standardInputWriter.write(input)
        try await execution.standardInputWriter.finish()
      } catch is SubprocessError {
        // The command closed its input early, or ended. If it needed more, its exit code says so;
        // with `.array(input)` this error would be all that is left of the result.
      }
    }
    return CommandResult(
      status: ExitStatus(result.terminationStatus), output: result.standardOutput,
      errors: result.standardError)
  }
}

extension ExitStatus {
  /// swift-subprocess says nothing of core dumps; whoever wants to know asks `cl_peek_exit`.
  init(_ status: TerminationStatus) {
    self =
      switch status {
      case .exited(let code): .exited(code)
      case .signaled(let number): .signalled(number, coreDumped: false)
      }
  }
}

extension CommandResult {
  /// Itself, if the command exited with 0.
  package func succeeded(_ name: String, on host: String) throws(HostError) -> CommandResult {
    if status.isSuccess { return self }
    throw .failed(host: host, command: name, status: status, errors: errorText)
  }
}
