// What can go wrong on a host, and the line that says so.

/// What went wrong on a host. Its text is one line: where, what, and what to do.
public enum HostError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The command could not be started at all.
  case cannotStart(host: String, command: String, reason: String)
  /// The command did not end in time and was killed.
  case deadline(host: String, command: String, after: Duration)
  /// The command ended as it should not.
  case failed(host: String, command: String, status: ExitStatus, errors: String)
  /// The task that ran the command was cancelled, and the command killed.
  case cancelled(host: String, command: String)
  /// `gauntlet-agent` is not where it should be.
  case noAgent(path: String)
  /// The library for faults of disks and clocks is not where it should be.
  case noShim(path: String)
  /// What the nodes are to run is not where it should be.
  case noProgram(path: String)
  /// The agent did something else than it was asked to.
  case badAnswer(host: String, command: String)
  /// A log can't be written.
  case log(host: String, path: String, reason: String)
  /// A signal could not be sent.
  case signal(host: String, signal: Signal, process: Int32, reason: String)
  /// The connection to it is gone.
  case lost(host: String, reason: String)
  /// Its agent could not do something.
  case refused(host: String, reason: String)
  /// No socket could be opened in a node's namespace.
  case probe(host: String, reason: String)

  /// The line to show.
  public var description: String {
    switch self {
    case .cannotStart(let host, let command, let reason):
      "\(host): `\(command)` did not start: \(reason); is it installed?"
    case .deadline(let host, let command, let duration):
      "\(host): `\(command)` was killed after \(duration); is the host overloaded?"
    case .failed(let host, let command, let status, let errors):
      "\(host): `\(command)` \(status): \(HostError.oneLine(errors))"
    case .cancelled(let host, let command):
      "\(host): `\(command)` was killed, since its task was cancelled"
    case .noAgent(let path):
      "\(path): no gauntlet-agent there; build it, or install it beside gauntlet"
    case .noShim(let path):
      "\(path): not there; build it (swift build -c release --product gauntlet-shim) for faults of disks and clocks"
    case .noProgram(let path): "\(path): no program there; build it, or name another with --build"
    case .badAnswer(let host, let command):
      "\(host): gauntlet-agent answers `\(command)` with what is no answer; does its shell print at log-in?"
    case .log(let host, let path, let reason):
      "\(host): cannot write \(path): \(reason); is its folder there and writable?"
    case .signal(let host, let signal, let process, let reason):
      "\(host): cannot send \(signal) to process \(process): \(reason)"
    case .lost(let host, let reason): "\(host): is out of reach: \(reason)"
    case .refused(let host, let reason): "\(host): \(reason)"
    case .probe(let host, let reason):
      "\(host): cannot probe its network: \(reason); is the lab's network still up?"
    }
  }

  private static func oneLine(_ text: String) -> String {
    let lines = text.split(whereSeparator: \.isNewline)
    return lines.isEmpty ? "it said nothing" : lines.joined(separator: " / ")
  }
}
