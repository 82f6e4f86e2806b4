// A machine as the hosts file names it.

import SSH

/// One machine of a fleet: how it is reached, and what it is called.
public struct HostEntry: Sendable, Equatable {
  /// `n1`, `n2`, … unless the file says otherwise.
  public var name: String
  /// A name, an address, or an alias of ssh's configuration.
  public var host: String
  /// Instead of what ssh's configuration says.
  public var port: Int?
  /// Instead of what ssh's configuration says.
  public var user: String?
  /// A private key, tried before those that ssh's configuration names.
  public var key: String?
  /// Whether `sudo` is needed to be root there.
  public var usesSudo = false
  /// Its address in the cluster's network; nil for the one that ssh uses.
  public var address: String?

  /// Names a machine; reaches nothing.
  public init(name: String, host: String) {
    self.name = name
    self.host = host
  }

  /// How to get there.
  ///
  /// - Parameter configuration: instead of `~/.ssh/config`.
  /// - Throws: `SSHError` when ssh's configuration can't be read.
  public func destination(configuration: String? = nil) async throws -> Destination {
    var destination = try await Destination.configured(
      host, user: user, port: port, file: configuration)
    if let key { destination.keys.insert(key, at: 0) }
    return destination
  }
}
