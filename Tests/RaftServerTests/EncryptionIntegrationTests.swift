// Nodes and clients that speak TLS, and those that must not be let in.

import Foundation
import NIOCore
import Raft
import Testing

@testable import RaftServer

@Suite(.tags(.integration), .serialized, .timeLimit(.minutes(2)))
struct EncryptionIntegrationTests {
  /// A folder of keys and certificates, and what uses them.
  private struct Certificates {
    let cluster: LoopbackCluster
    var folder: String { cluster.folder }

    init(for cluster: LoopbackCluster) throws {
      self.cluster = cluster
      try FileManager.default.createDirectory(
        atPath: cluster.folder, withIntermediateDirectories: true)
    }

    /// Has `openssl` make a key, and a certificate signed by `authority`, or an authority's own.
    func certify(_ name: String, by authority: String? = nil) throws {
      let signing =
        authority.map { ["-CA", "\(folder)/\($0).pem", "-CAkey", "\(folder)/\($0).key"] }
        ?? ["-addext", "basicConstraints=critical,CA:TRUE"]
      let process = Process()
      process.executableURL = URL(filePath: "/usr/bin/openssl")
      process.arguments =
        [
          "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
          "2", "-subj", "/CN=\(name)", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
          "\(folder)/\(name).key", "-out", "\(folder)/\(name).pem",
        ] + signing
      process.standardError = FileHandle.nullDevice
      try process.run()
      process.waitUntilExit()
      try #require(process.terminationStatus == 0)
    }

    /// Starts three nodes with the certificate `node`.
    func start(_ flags: String...) throws {
      for id in 1...3 {
        _ = try cluster.start(
          id,
          flags: ["--tls-cert", "\(folder)/node.pem", "--tls-key", "\(folder)/node.key"] + flags)
      }
    }

    /// What a node answers to a client with the certificate `name`, when `authority` signed the
    /// node's.
    func ask(_ id: Int, as name: String, by authority: String, _ words: String...) throws -> String
    {
      try cluster.tool(
        "redis-cli", id,
        [
          "--tls", "--cert", "\(folder)/\(name).pem", "--key", "\(folder)/\(name).key", "--cacert",
          "\(folder)/\(authority).pem",
        ] + words)
    }

    /// The leader, which took a write.
    func leader(as name: String, by authority: String) async throws -> Int {
      while true {
        for id in 1...3 where try ask(id, as: name, by: authority, "SET", "k", "1") == "OK" {
          return id
        }
        try await Task.sleep(for: .milliseconds(20))
      }
    }

    /// Whether a node takes the greeting of one with the certificate `name`.
    func isGreeted(by id: Int, as name: String) throws -> Bool {
      let process = Process()
      process.executableURL = URL(filePath: "/usr/bin/openssl")
      process.arguments = [
        "s_client", "-quiet", "-connect", "127.0.0.1:\(cluster.peerPort(id))", "-cert",
        "\(folder)/\(name).pem", "-key", "\(folder)/\(name).key",
      ]
      let (input, output) = (Pipe(), Pipe())
      process.standardInput = input
      process.standardOutput = output
      process.standardError = FileHandle.nullDevice
      try process.run()
      input.fileHandleForWriting.write(Data(LoopbackCluster.greeting(to: id)))
      defer {
        // It does not mind SIGTERM.
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
      }
      // One byte: with more, the handle waits for all of them.
      return try output.fileHandleForReading.read(upToCount: 1)?.isEmpty == false
    }
  }

  @Test(
    "with TLS, nodes and clients must have a certificate of the authority, and others get nothing")
  func authority() async throws {
    let cluster = LoopbackCluster()
    defer { cluster.end() }
    let certificates = try Certificates(for: cluster)
    for name in ["ca", "foreign"] { try certificates.certify(name) }
    try certificates.certify("node", by: "ca")
    try certificates.certify("stranger", by: "foreign")
    try certificates.start("--tls-ca", "\(cluster.folder)/ca.pem")
    let leader = try await certificates.leader(as: "node", by: "ca")
    #expect(try certificates.ask(leader, as: "node", by: "ca", "GET", "k") == "1")
    #expect(try !certificates.ask(leader, as: "stranger", by: "ca", "GET", "k").hasSuffix("1"))
    #expect(
      try !cluster.tool(
        "redis-cli", leader, "--tls", "--cacert", "\(cluster.folder)/ca.pem", "GET", "k"
      ).hasSuffix("1"))
    let plain = try #require(RawSocket(port: cluster.clientPort(leader)))
    plain.send(Array("GET k\r\n".utf8))
    #expect(!plain.receiveAll().contains("$1"))
    #expect(try certificates.isGreeted(by: leader, as: "node"))
    #expect(try !certificates.isGreeted(by: leader, as: "stranger"))
  }

  @Test("with an authority of their own, nodes take no client for a node")
  func nodeAuthority() async throws {
    let cluster = LoopbackCluster()
    defer { cluster.end() }
    let certificates = try Certificates(for: cluster)
    for name in ["clients", "nodes"] { try certificates.certify(name) }
    try certificates.certify("node", by: "nodes")
    try certificates.certify("client", by: "clients")
    try certificates.start(
      "--tls-ca", "\(cluster.folder)/clients.pem", "--tls-node-ca",
      "\(cluster.folder)/nodes.pem")
    let leader = try await certificates.leader(as: "client", by: "nodes")
    #expect(try certificates.ask(leader, as: "client", by: "nodes", "GET", "k") == "1")
    #expect(try !certificates.ask(leader, as: "node", by: "nodes", "GET", "k").hasSuffix("1"))
    #expect(try certificates.isGreeted(by: leader, as: "node"))
    #expect(try !certificates.isGreeted(by: leader, as: "client"))
  }
}
