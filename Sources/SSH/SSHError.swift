// What can go wrong with a host over SSH, and the line that says so.

/// Why something did not work over SSH. Its text is one line: where, what, and what to do.
public enum SSHError: Error, Sendable, Equatable, CustomStringConvertible {
  /// No way leads to the host, or its name is nobody's.
  case unreachable(host: String, reason: String)
  /// The host is there, and nothing listens at that port.
  case refused(host: String, port: Int)
  /// The host's key is not the one that it is known by.
  case hostKey(host: String, fault: HostKeyFault)
  /// The host lets this user in by nothing that was tried.
  case authentication(host: String, user: String, tried: [String])
  /// It took longer than it may.
  case timeout(host: String, step: String, after: Duration)
  /// A command ended as it should not.
  case exit(host: String, command: String, status: RemoteStatus, errors: String)
  /// The connection is gone.
  case disconnected(host: String, reason: String)
  /// The host, or a file on it, refused a step.
  case failed(host: String, step: String, reason: String)

  /// The line to show.
  public var description: String {
    switch self {
    case .unreachable(let host, let reason):
      "\(host): cannot be reached: \(reason); is its address right, and the host up?"
    case .refused(let host, let port):
      "\(host): refuses connections to port \(port); does sshd listen there?"
    case .hostKey(let host, let fault): "\(host): \(fault)"
    case .authentication(let host, let user, let tried):
      "\(host): does not let \(user) in by "
        + (tried.isEmpty
          ? "nothing; name a key, an agent or a password" : tried.joined(separator: ", nor by "))
    case .timeout(let host, let step, let duration):
      "\(host): \(step) took longer than \(duration); is the host overloaded, or cut off?"
    case .exit(let host, let command, let status, let errors):
      "\(host): `\(command)` \(status): \(Self.oneLine(errors))"
    case .disconnected(let host, let reason): "\(host): the connection is gone: \(reason)"
    case .failed(let host, let step, let reason): "\(host): \(step): \(reason)"
    }
  }

  private static func oneLine(_ text: String) -> String {
    let lines = text.split(whereSeparator: \.isNewline)
    return lines.isEmpty ? "it said nothing" : lines.joined(separator: " / ")
  }
}

/// What is wrong with a host's key.
public enum HostKeyFault: Sendable, Equatable, CustomStringConvertible {
  /// `file` has no key of this host.
  case unknown(HostKey, file: String)
  /// `file` has another one: the host was set up anew, or somebody is in between.
  case changed(HostKey, file: String)
  /// `file` says that this key is not to be trusted any more.
  case revoked(HostKey, file: String)
  /// The file of known hosts can't be read.
  case unreadable(file: String, reason: String)

  /// In words that go after the host's name.
  public var description: String {
    switch self {
    case .unknown(let key, let file):
      "its key \(key) is not in \(file); compare it with the host's own, then add it"
    case .changed(let key, let file):
      "its key \(key) is not the one in \(file); was the host set up anew, or is somebody in between?"
    case .revoked(let key, let file):
      "its key \(key) is revoked in \(file); somebody who has it can pretend to be the host"
    case .unreadable(let file, let reason): "\(file) cannot be read: \(reason)"
    }
  }
}

/// How a remote command ended.
public enum RemoteStatus: Sendable, Hashable, CustomStringConvertible {
  /// On its own, with a code.
  case exited(Int32)
  /// By a signal, named without SIG, as the host says.
  case signalled(String)

  /// Whether it exited with 0.
  public var isSuccess: Bool { self == .exited(0) }

  /// In words that go after a name.
  public var description: String {
    switch self {
    case .exited(let code): "exited with \(code)"
    case .signalled(let name): "was ended by SIG\(name)"
    }
  }
}
