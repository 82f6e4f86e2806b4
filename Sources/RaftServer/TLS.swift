// TLS between nodes and from clients: both ends prove by a certificate of one authority who they are.

import NIOCore
import NIOSSL

/// The files that TLS needs, all in PEM.
public struct TLSFiles: Sendable {
  /// The node's certificate, and those between it and the authority's.
  public var certificate: String
  /// Its private key.
  public var key: String
  /// The authority that has signed for clients, and for nodes where `nodeAuthority` is nil.
  public var authority: String
  /// The authority that has signed for nodes, and for nobody else: with one authority for all, a
  /// client's certificate is good for a node's as well.
  public var nodeAuthority: String?

  /// TLS by these files.
  public init(certificate: String, key: String, authority: String, nodeAuthority: String? = nil) {
    self.certificate = certificate
    self.key = key
    self.authority = authority
    self.nodeAuthority = nodeAuthority
  }
}

/// Why TLS cannot be used. Its text is one line.
public struct TLSError: Error, CustomStringConvertible {
  /// What was wrong, and with which files.
  public let description: String
}

/// Makes the handlers that encrypt connections.
struct TLS: Sendable {
  private let forClients: NIOSSLContext
  private let forNodes: NIOSSLContext
  private let toNodes: NIOSSLContext

  /// Reads `files`.
  init(_ files: TLSFiles) throws(TLSError) {
    let nodeAuthority = files.nodeAuthority ?? files.authority
    let chain = try Self.reading(files.certificate, "a certificate") {
      try NIOSSLCertificate.fromPEMFile($0)
    }.map { NIOSSLCertificateSource.certificate($0) }
    let key = try Self.reading(files.key, "a private key") {
      NIOSSLPrivateKeySource.privateKey(try NIOSSLPrivateKey(file: $0, format: .pem))
    }
    for authority in Set([files.authority, nodeAuthority]) {
      _ = try Self.reading(authority, "an authority's certificate") {
        try NIOSSLCertificate.fromPEMFile($0)
      }
    }
    func accepting(_ authority: String) throws -> NIOSSLContext {
      var server = TLSConfiguration.makeServerConfiguration(
        certificateChain: chain, privateKey: key)
      server.trustRoots = .file(authority)
      // Whoever connects must have a certificate; from which address is no proof of anything.
      server.certificateVerification = .noHostnameVerification
      server.minimumTLSVersion = .tlsv12
      return try NIOSSLContext(configuration: server)
    }
    var client = TLSConfiguration.makeClientConfiguration()
    client.certificateChain = chain
    client.privateKey = key
    client.trustRoots = .file(nodeAuthority)
    client.minimumTLSVersion = .tlsv12
    do {
      forClients = try accepting(files.authority)
      forNodes = try accepting(nodeAuthority)
      toNodes = try NIOSSLContext(configuration: client)
    } catch {
      throw TLSError(
        description:
          "\(files.certificate) and \(files.key) cannot be used for TLS (\(error)); is the "
          + "key that of the certificate?")
    }
  }

  private static func reading<Content>(
    _ file: String, _ what: String, _ read: (String) throws -> Content
  ) throws(TLSError) -> Content {
    do {
      return try read(file)
    } catch {
      throw TLSError(description: "\(file): cannot be read as \(what) in PEM (\(error))")
    }
  }

  /// For a client's connection that was accepted.
  func acceptingClients() -> any ChannelHandler { NIOSSLServerHandler(context: forClients) }

  /// For a node's connection that was accepted.
  func acceptingNodes() -> any ChannelHandler { NIOSSLServerHandler(context: forNodes) }

  /// For a connection to the node at `host`, whose certificate must be for it.
  func connecting(to host: String) throws -> any ChannelHandler {
    let isNumber = (try? SocketAddress(ipAddress: host, port: 0)) != nil
    return try NIOSSLClientHandler(context: toNodes, serverHostname: isNumber ? nil : host)
  }
}
