// Where a session goes, and as whom.

import FoundationEssentials

/// A host, how to get there, and how to be let in.
public struct Destination: Sendable, Equatable {
  /// A name or an address.
  public var host: String
  /// Where its sshd listens.
  public var port = 22
  /// As whom.
  public var user: String
  /// Private keys, tried in order after those of the agent.
  public var keys: [String] = []
  /// The socket of the agent that is asked; nil for none.
  public var agent = ProcessInfo.processInfo.environment["SSH_AUTH_SOCK"]
  /// Tried last.
  public var password: String?
  /// Files of known hosts in OpenSSH's format. A key counts in whichever of them it stands; new
  /// ones belong into the first.
  public var knownHosts: [String]
  /// The name under which the files of known hosts have it, if that is another (`HostKeyAlias`).
  public var knownAs: String?
  /// The hosts that the connection goes through, the nearest first.
  public var jumps: [Destination] = []

  /// `user` at `host`, whose key is in one of `knownHosts`.
  public init(host: String, user: String, knownHosts: [String]) {
    self.host = host
    self.user = user
    self.knownHosts = knownHosts
  }

  /// As it is called in messages.
  public var name: String { port == 22 ? host : "\(host):\(port)" }
}
