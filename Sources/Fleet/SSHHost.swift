// A machine over SSH, and the agent that does our work there.

import Checksum
import FoundationEssentials
import Hosts
import SSH

/// A machine that a session leads to.
public struct SSHHost: Sendable {
  /// What the hosts file says of it.
  public let entry: HostEntry
  private let session: SSHSession
  /// The agent's place there, from the home of the user.
  private let agent: String

  private static let folder = ".cache/gauntlet"

  /// Has a host for as long as `body` runs: connected, with an agent on it.
  ///
  /// - Parameters:
  ///   - agent: the executable that is sent there, unless it is there already.
  ///   - time: how long connecting may take; sending may take ten times that.
  ///   - configuration: instead of `~/.ssh/config`.
  ///   - sending: told the size in bytes of an agent that has to be sent.
  /// - Throws: what `body` throws, `SSHError`, and `CancellationError`.
  public static func with<Value: Sendable>(
    _ entry: HostEntry, agent: String, within time: Duration = .seconds(10),
    configuration: String? = nil, sending: @Sendable (Int) -> Void = { _ in },
    _ body: (SSHHost) async throws -> Value
  ) async throws -> Value {
    let destination = try await entry.destination(configuration: configuration)
    return try await SSHSession.with(destination, within: time) { session in
      let place = try await install(agent, over: session, within: time * 10, sending)
      return try await body(SSHHost(entry: entry, session: session, agent: place))
    }
  }

  /// Sends the agent there once for each of its checksums.
  private static func install(
    _ agent: String, over session: SSHSession, within time: Duration,
    _ sending: @Sendable (Int) -> Void
  ) async throws -> String {
    let bytes: Data
    do {
      bytes = try Data(contentsOf: URL(filePath: agent), options: .mappedIfSafe)
    } catch {
      throw HostError.noAgent(path: agent)
    }
    let sum = sha256(of: bytes)
    let place = "\(folder)/agent-\(sum.prefix(24))"
    // What is uploaded has its name only when its checksum is right; a disk may do worse since.
    if try await session.run(["test", "-x", place], within: time).status.isSuccess,
      try await session.checksum(of: place, within: time) == sum
    {
      return place
    }
    try await session.demand(["mkdir", "-p", folder], within: time)
    sending(bytes.count)
    // Under a name of its own: another controller may be sending the same.
    let own = "\(place).\(UUID().uuidString)"
    try await session.upload(agent, to: own, mode: 0o755, within: time)
    try await session.demand(["mv", "-f", "--", own, place], within: time)
    return place
  }

  /// What the machine can do.
  ///
  /// - Throws: `SSHError`, `HostError.badAnswer` when its agent answers rubbish, and
  ///   `CancellationError`.
  public func capabilities(within time: Duration = .seconds(30)) async throws -> Capabilities {
    let words = (entry.usesSudo ? ["sudo", "-n", "--"] : []) + ["./\(agent)", "probe"]
    let result = try await session.run(words, limit: 1 << 20, within: time)
    guard result.status.isSuccess else {
      throw SSHError.exit(
        host: entry.name, command: words.joined(separator: " "), status: result.status,
        errors: String(decoding: result.errors, as: UTF8.self))
    }
    do {
      return try JSONDecoder().decode(Capabilities.self, from: Data(result.output))
    } catch {
      throw HostError.badAnswer(host: entry.name, command: "probe")
    }
  }
}
