// Where clients connect.

/// Where a node's clients connect.
public struct Endpoint: Hashable, Sendable {
  /// The node's name.
  public var node: String
  /// Its address.
  public var host: String
  /// Its port.
  public var port: Int

  /// `node`, reached at `host`:`port`.
  public init(node: String, host: String, port: Int) {
    self.node = node
    self.host = host
    self.port = port
  }
}
