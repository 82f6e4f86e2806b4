// Where nodes and their clients reach a node.

import Raft

/// Where a server is reached.
public struct Address: Hashable, Sendable, CustomStringConvertible {
  /// Name or number of the host.
  public var host: String
  /// The port.
  public var port: Int

  /// `host`:`port`.
  public init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  /// The address that `host:port` spells, or `[host]:port`, as one writes IPv6 addresses.
  public init?(_ text: some StringProtocol) {
    guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
      (1...65535).contains(port), colon > text.startIndex
    else { return nil }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
    guard !host.isEmpty else { return nil }
    self.init(host: String(host), port: port)
  }

  /// `host:port`, or `[host]:port` of an IPv6 address.
  public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// Both addresses of a node, as they stand in the cluster's membership: `clients,peers`.
public struct NodeAddress: Hashable, Sendable, CustomStringConvertible {
  /// Where clients reach it.
  public var client: Address
  /// Where nodes reach it.
  public var peer: Address

  /// A node that listens at these.
  public init(client: Address, peer: Address) {
    self.client = client
    self.peer = peer
  }

  /// The addresses that `host:port,host:port` spells.
  public init?(_ text: some StringProtocol) {
    let addresses = text.split(separator: ",", omittingEmptySubsequences: false)
    guard addresses.count == 2, let client = Address(addresses[0]),
      let peer = Address(addresses[1])
    else { return nil }
    self.init(client: client, peer: peer)
  }

  /// `clients,peers`.
  public var description: String { "\(client),\(peer)" }
}

extension Membership {
  /// Where clients reach `node`; nil for a stranger.
  func clientAddress(of node: NodeID) -> Address? {
    address(of: node).flatMap { NodeAddress($0)?.client }
  }
}
