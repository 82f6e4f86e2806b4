// A command, and how it ended: the words that every kind of host shares.

/// A program with its arguments; never a string for a shell.
public struct Command: Sendable, Hashable, Codable, CustomStringConvertible {
  /// A path, or a name to look up in PATH, to which /usr/sbin and /sbin are added.
  public var executable: String
  /// The arguments, without the program's own name.
  public var arguments: [String]
  /// Variables set beside those that are inherited.
  public var environment: [String: String]
  /// Where it starts; nil for where we are.
  public var workingDirectory: String?

  /// Describes a command; starts nothing.
  public init(
    _ executable: String, _ arguments: [String] = [], environment: [String: String] = [:],
    workingDirectory: String? = nil
  ) {
    self.executable = executable
    self.arguments = arguments
    self.environment = environment
    self.workingDirectory = workingDirectory
  }

  /// For people: words apart by blanks, not to be executed.
  public var description: String { ([executable] + arguments).joined(separator: " ") }
}

/// How a process ended.
public enum ExitStatus: Sendable, Hashable, Codable, CustomStringConvertible {
  /// On its own, with a code.
  case exited(Int32)
  /// By a signal.
  case signalled(Int32, coreDumped: Bool)
  /// By the kernel, which wanted its memory.
  case outOfMemory
  /// Nobody can tell: its host is out of reach.
  case lost

  /// Whether it exited with 0.
  public var isSuccess: Bool { self == .exited(0) }

  /// In words that go after a name.
  public var description: String {
    switch self {
    case .exited(let code): "exited with \(code)"
    case .signalled(let number, coreDumped: false): "was ended by signal \(number)"
    case .signalled(let number, coreDumped: true): "was ended by signal \(number), dumping core"
    case .outOfMemory: "was killed by the kernel for want of memory"
    case .lost: "is out of sight, as its host is out of reach"
    }
  }
}

/// What a short command left.
public struct CommandResult: Sendable, Hashable {
  /// How it ended.
  public var status: ExitStatus
  /// Its standard output.
  public var output: [UInt8]
  /// Its standard error.
  public var errors: [UInt8]

  /// What a command left that ended so.
  public init(status: ExitStatus, output: [UInt8], errors: [UInt8]) {
    self.status = status
    self.output = output
    self.errors = errors
  }

  /// Standard output as text; what is not UTF-8 is replaced.
  public var text: String { String(decoding: output, as: UTF8.self) }
  /// Standard error as text; what is not UTF-8 is replaced.
  public var errorText: String { String(decoding: errors, as: UTF8.self) }
}

/// The signals that faults and stops send.
public enum Signal: Int32, Sendable, Codable, CustomStringConvertible {
  case hangUp = 1
  case interrupt = 2
  case quit = 3
  case abort = 6
  case kill = 9
  case user1 = 10
  case user2 = 12
  case terminate = 15
  /// Ends a pause.
  case resume = 18
  /// Pauses; can't be caught.
  case stop = 19

  /// The name that `kill -l` gives it.
  public var description: String {
    switch self {
    case .hangUp: "SIGHUP"
    case .interrupt: "SIGINT"
    case .quit: "SIGQUIT"
    case .abort: "SIGABRT"
    case .kill: "SIGKILL"
    case .user1: "SIGUSR1"
    case .user2: "SIGUSR2"
    case .terminate: "SIGTERM"
    case .resume: "SIGCONT"
    case .stop: "SIGSTOP"
    }
  }
}
