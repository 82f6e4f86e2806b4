// TLS between nodes and from clients: both ends prove by a certificate of one authority who they are.

import NIOCore
import NIOSSL

/// The files that TLS needs, all in PEM.
public struct TLSFiles: Sendable {
  /// The node's certificate, and those between it and the authority's.
  public var certificate: String
  /// Its private key.
  public var key: String
  /// The authority that has signed for all nodes and clients.
  public var authority: String

  /// TLS by these files.
  public init(certificate: String, key: String, authority: String) {
    self.certificate = certificate
    self.key = key
    self.authority = authority
  }
}

/// Why TLS cannot be used. Its text is one line.
public struct TLSError: Error, CustomStringConvertible {
  /// What was wrong, and with which files.
  public let description: String
}

/// Makes the handlers that encrypt connections.
struct TLS: Sendable {
  private let server: NIOSSLContext
  private let client: NIOSSLContext

  /// Reads `files`.
  init(_ files: TLSFiles) throws(TLSError) {
    do {
      let chain = try NIOSSLCertificate.fromPEMFile(files.certificate).map {
        NIOSSLCertificateSource.certificate($0)
      }
      let key = NIOSSLPrivateKeySource.privateKey(
        try NIOSSLPrivateKey(file: files.key, format: .pem))
      var server = TLSConfiguration.makeServerConfiguration(
        certificateChain: chain, privateKey: key)
      server.trustRoots = .file(files.authority)
      // Whoever connects must have a certificate; from which address is no proof of anything.
      server.certificateVerification = .noHostnameVerification
      server.minimumTLSVersion = .tlsv12
      var client = TLSConfiguration.makeClientConfiguration()
      client.certificateChain = chain
      client.privateKey = key
      client.trustRoots = .file(files.authority)
      client.minimumTLSVersion = .tlsv12
      self.server = try NIOSSLContext(configuration: server)
      self.client = try NIOSSLContext(configuration: client)
    } catch {
      throw TLSError(
        description: "\(files.certificate), \(files.key) and \(files.authority) cannot be used for "
          + "TLS: \(error); give a certificate, its key and its authority's, all in PEM")
    }
  }

  /// For a connection that was accepted.
  func accepting() -> any ChannelHandler { NIOSSLServerHandler(context: server) }

  /// For a connection to `host`, whose certificate must be for it.
  func connecting(to host: String) throws -> any ChannelHandler {
    let isNumber = (try? SocketAddress(ipAddress: host, port: 0)) != nil
    return try NIOSSLClientHandler(context: client, serverHostname: isNumber ? nil : host)
  }
}
