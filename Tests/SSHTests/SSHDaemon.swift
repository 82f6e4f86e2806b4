// A real sshd on loopback, with keys of its own.

import Foundation
import SSH
import Subprocess
import Testing

extension Tag {
  /// Real processes and a real network.
  @Tag static var integration: Self
}

/// OpenSSH's server, and a client's key that it lets in. Ends with the object.
final class SSHDaemon {
  let folder: String
  let port: Int
  private let process = Process()

  /// Starts one, and waits until it listens.
  ///
  /// - Parameters:
  ///   - hostKeys: the types of its keys.
  ///   - userKeys: the types of those that it lets in.
  init(hostKeys: [String] = ["ed25519"], userKeys: [String] = ["ed25519"]) async throws {
    folder = "/tmp/sshd-test-\(UUID().uuidString)"
    port = Int.random(in: 10_000...30_000)
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for type in hostKeys {
      try await Self.tool("ssh-keygen", "-q", "-t", type, "-N", "", "-f", "\(folder)/host_\(type)")
    }
    try await Self.tool("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "\(folder)/stranger")
    var authorized = ""
    for type in userKeys {
      try await Self.tool("ssh-keygen", "-q", "-t", type, "-N", "", "-f", "\(folder)/user_\(type)")
      authorized += try String(contentsOfFile: "\(folder)/user_\(type).pub", encoding: .utf8)
    }
    try authorized.write(toFile: "\(folder)/authorized", atomically: true, encoding: .utf8)
    let lines =
      [
        "ListenAddress 127.0.0.1", "Port \(port)", "PidFile none", "UsePAM no", "StrictModes no",
        "AuthorizedKeysFile \(folder)/authorized", "PasswordAuthentication no",
        "Subsystem sftp internal-sftp", "MaxStartups 100",
      ] + hostKeys.map { "HostKey \(folder)/host_\($0)" }
    try lines.joined(separator: "\n").write(
      toFile: "\(folder)/config", atomically: true, encoding: .utf8)
    // Where sshd separates privileges; only a service's start makes it.
    if geteuid() == 0 {
      try FileManager.default.createDirectory(
        atPath: "/run/sshd", withIntermediateDirectories: true)
    }
    process.executableURL = URL(filePath: "/usr/sbin/sshd")
    process.arguments = ["-D", "-e", "-f", "\(folder)/config"]
    process.standardError = FileHandle(forWritingAtPath: "/dev/null")
    try process.run()
    try know(hostKeys)
    let end = ContinuousClock.now + .seconds(10)
    while !isListening {
      guard ContinuousClock.now < end, process.isRunning else {
        throw CocoaError(.executableLoad)
      }
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  deinit {
    process.terminate()
    try? FileManager.default.removeItem(atPath: folder)
  }

  var pid: Int32 { process.processIdentifier }
  var knownHosts: String { "\(folder)/known_hosts" }

  /// The way to it, by a key that it takes.
  var destination: Destination {
    var destination = Destination(
      host: "127.0.0.1", user: NSUserName(), knownHosts: [knownHosts])
    destination.port = port
    destination.agent = nil
    destination.keys = ["\(folder)/user_ed25519"]
    return destination
  }

  /// Writes its keys of these types, and no others, into the file of known hosts.
  func know(_ types: [String]) throws {
    let lines = try types.map { type in
      let key = try String(contentsOfFile: "\(folder)/host_\(type).pub", encoding: .utf8)
      return "[127.0.0.1]:\(port) "
        + key.split(separator: " ").prefix(2).joined(separator: " ").trimmingCharacters(
          in: .newlines)
    }
    try (lines.joined(separator: "\n") + "\n").write(
      toFile: knownHosts, atomically: true, encoding: .utf8)
  }

  /// Ends all sessions of clients, and lets nobody in any more.
  func stop() { process.terminate() }

  private var isListening: Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }

  /// Runs a tool of OpenSSH, which must succeed; returns what it prints.
  @discardableResult
  static func tool(_ name: String, _ arguments: String...) async throws -> String {
    let result = try await Subprocess.run(
      .name(name), arguments: Arguments(arguments), output: .string(limit: 1 << 16))
    try #require(result.terminationStatus.isSuccess, "\(name) \(arguments)")
    return result.standardOutput
  }
}
