// Where a session goes, and as whom.

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
  /// Whether the agent behind `SSH_AUTH_SOCK` is asked.
  public var usesAgent = true
  /// Tried last.
  public var password: String?
  /// Files of known hosts in OpenSSH's format, of which the first that exists counts.
  public var knownHosts: [String]

  /// `user` at `host`, whose key is in one of `knownHosts`.
  public init(host: String, user: String, knownHosts: [String]) {
    self.host = host
    self.user = user
    self.knownHosts = knownHosts
  }

  /// As it is called in messages.
  public var name: String { port == 22 ? host : "\(host):\(port)" }
}
