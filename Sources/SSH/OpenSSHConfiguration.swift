// What OpenSSH's client knows of a host: ~/.ssh/config, as `ssh -G` reads it.

import FoundationEssentials
import Subprocess

extension Destination {
  /// Where `ssh name` would go: `~/.ssh/config` and the machine's own configuration are heeded.
  ///
  /// `HostName`, `Port`, `User`, `IdentityFile`, `IdentityAgent`, `UserKnownHostsFile`,
  /// `GlobalKnownHostsFile`, `HostKeyAlias` and `ProxyJump` count; `ProxyCommand` is refused.
  ///
  /// - Parameters:
  ///   - name: an alias, a name or an address.
  ///   - user: instead of the configured user.
  ///   - port: instead of the configured port.
  ///   - file: instead of `~/.ssh/config` and the machine's own.
  /// - Throws: `SSHError.failed` when `ssh` is missing, or does not understand its configuration.
  public static func configured(
    _ name: String, user: String? = nil, port: Int? = nil, file: String? = nil
  ) async throws -> Destination {
    try await OpenSSHConfiguration(file: file).destination(
      Hop(user: user, host: name, port: port), depth: 0)
  }
}

/// One place of a `ProxyJump`.
private struct Hop {
  var user: String?
  var host: String
  var port: Int?

  init(user: String?, host: String, port: Int?) {
    self.user = user
    self.host = host
    self.port = port
  }

  /// `[user@]host[:port]`, an IPv6 address in brackets, or an ssh URI.
  init?(_ text: some StringProtocol) {
    var rest = String(text)
    if rest.hasPrefix("ssh://") { rest.removeFirst(6) }
    if let at = rest.lastIndex(of: "@") {
      user = String(rest[..<at])
      rest = String(rest[rest.index(after: at)...])
    }
    let isBracketed = rest.hasPrefix("[")
    if let colon = rest.lastIndex(of: ":"),
      isBracketed ? rest[..<colon].hasSuffix("]") : rest.firstIndex(of: ":") == colon
    {
      guard let number = Int(rest[rest.index(after: colon)...]) else { return nil }
      port = number
      rest = String(rest[..<colon])
    }
    host = isBracketed ? String(rest.dropFirst().dropLast()) : rest
    if host.isEmpty { return nil }
  }
}

private struct OpenSSHConfiguration {
  let file: String?

  /// A jump that jumps to itself would never end.
  private static let maximumDepth = 8

  func destination(_ hop: Hop, depth: Int) async throws -> Destination {
    guard depth < Self.maximumDepth else {
      throw failure(hop, "ProxyJump leads through more than \(Self.maximumDepth) hosts")
    }
    let lines = try await read(hop)
    func all(_ key: String) -> [String] { lines.filter { $0.key == key }.map(\.value) }
    func first(_ key: String) -> String? { all(key).first { $0.lowercased() != "none" } }
    guard let host = first("hostname"), let user = first("user"),
      let port = first("port").flatMap(Int.init)
    else { throw failure(hop, "ssh -G says neither host, user nor port") }
    guard first("proxycommand") == nil else {
      throw failure(hop, "ProxyCommand is not supported here; write ProxyJump")
    }
    var destination = Destination(
      host: host, user: user,
      knownHosts: (all("userknownhostsfile") + all("globalknownhostsfile"))
        .flatMap(Self.paths).filter { $0.lowercased() != "none" })
    destination.port = port
    destination.knownAs = first("hostkeyalias")
    for key in all("identityfile") where key.lowercased() != "none" {
      let path = try expanded(key, destination, hop)
      // ssh names its own defaults like those that somebody has asked for.
      let isDefault = key.hasPrefix("~/.ssh/id_")
      if !isDefault || FileManager.default.fileExists(atPath: path) {
        destination.keys.append(path)
      }
    }
    if let agent = all("identityagent").first, agent != "SSH_AUTH_SOCK" {
      destination.agent = agent == "none" ? nil : try expanded(agent, destination, hop)
    }
    if let jumps = first("proxyjump") {
      destination.jumps = try await chain(jumps, of: hop, depth: depth)
    }
    return destination
  }

  /// The hosts of a `ProxyJump`; the nearest may have a way of its own.
  private func chain(_ jumps: String, of hop: Hop, depth: Int) async throws -> [Destination] {
    var chain: [Destination] = []
    for text in jumps.split(separator: ",") {
      guard let next = Hop(text) else { throw failure(hop, "ProxyJump \(text) is no host") }
      var destination = try await destination(next, depth: depth + 1)
      if chain.isEmpty { chain = destination.jumps }
      destination.jumps = []
      chain.append(destination)
    }
    return chain
  }

  private func read(_ hop: Hop) async throws -> [(key: String, value: String)] {
    var arguments = ["-T", "-G"]
    if let file { arguments += ["-F", file] }
    if let user = hop.user { arguments += ["-l", user] }
    if let port = hop.port { arguments += ["-p", "\(port)"] }
    let output: String
    do {
      let result = try await Subprocess.run(
        .name("ssh"), arguments: Arguments(arguments + ["--", hop.host]),
        output: .string(limit: 1 << 20), error: .string(limit: 1 << 16))
      guard result.terminationStatus.isSuccess else {
        let lines = result.standardError.split(whereSeparator: \.isNewline)
        throw failure(hop, lines.isEmpty ? "ssh -G fails" : lines.joined(separator: " / "))
      }
      output = result.standardOutput
    } catch let error as SubprocessError {
      throw failure(hop, "ssh, which reads it, does not start (\(error)); install openssh-client")
    }
    return output.split(whereSeparator: \.isNewline).compactMap { line in
      guard let blank = line.firstIndex(of: " ") else { return nil }
      return (String(line[..<blank]), String(line[blank...].dropFirst()))
    }
  }

  /// `ssh -G` prints lists of paths without quotes: a word that begins no path goes on with one.
  private static func paths(_ list: String) -> [String] {
    var paths: [String] = []
    for word in list.split(separator: " ", omittingEmptySubsequences: false) {
      if word.hasPrefix("/") || word.hasPrefix("~") || paths.isEmpty {
        paths.append(String(word))
      } else {
        paths[paths.count - 1] += " " + word
      }
    }
    return paths.map(inHome)
  }

  private static var home: String {
    FileManager.default.homeDirectoryForCurrentUser.path
  }

  private static func inHome(_ path: String) -> String {
    path.hasPrefix("~/") ? home + path.dropFirst() : path
  }

  private func expanded(
    _ path: String, _ destination: Destination, _ hop: Hop
  ) throws -> String {
    let tokens: [Character: String] = [
      "%": "%", "d": Self.home, "h": destination.host, "n": hop.host,
      "p": "\(destination.port)", "r": destination.user, "u": ProcessInfo.processInfo.userName,
    ]
    var result = ""
    var rest = Self.inHome(path)[...]
    while let percent = rest.firstIndex(of: "%") {
      let sign = rest[percent...].dropFirst().first
      guard let value = sign.flatMap({ tokens[$0] }) else {
        throw failure(hop, "\(path): %\(sign.map(String.init) ?? "") is not supported here")
      }
      result += rest[..<percent] + value
      rest = rest[percent...].dropFirst(2)
    }
    return result + rest
  }

  private func failure(_ hop: Hop, _ reason: String) -> SSHError {
    .failed(host: hop.host, step: "reading ssh's configuration", reason: reason)
  }
}
