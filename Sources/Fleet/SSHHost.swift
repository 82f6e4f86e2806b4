// A machine over SSH, and the agent that does our work there.

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

  /// Has a host for as long as `body` runs: connected, with an agent on it.
  ///
  /// - Parameters:
  ///   - agent: the executable that is sent there, unless it is there already.
  ///   - time: how long connecting may take.
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
      let place = try await Fleet.send(try Fleet.Cargo(agent, "agent"), to: session) {
        sending($2)
      }
      return try await body(SSHHost(entry: entry, session: session, agent: place))
    }
  }

  /// What the machine can do.
  ///
  /// - Throws: `SSHError`, `HostError.badAnswer` when its agent answers rubbish, and
  ///   `CancellationError`.
  public func capabilities(within time: Duration = .seconds(30)) async throws -> Capabilities {
    try await ask(["probe"], within: time)
  }

  /// Undoes what any run left there.
  ///
  /// - Parameter ends: whether runs that go on are ended as well.
  /// - Throws: as `capabilities`.
  public func heal(ends: Bool, within time: Duration = .seconds(60)) async throws -> [HealReport] {
    try await ask(["heal"] + (ends ? ["--force"] : []), within: time)
  }

  /// What the agent prints, when it is called so.
  private func ask<Answer: Decodable>(
    _ words: [String], within time: Duration
  ) async throws -> Answer {
    let words = (entry.usesSudo ? ["sudo", "-n", "--"] : []) + ["./\(agent)"] + words
    let result = try await session.run(words, limit: 1 << 20, within: time)
    guard result.status.isSuccess else {
      throw SSHError.exit(
        host: entry.name, command: words.joined(separator: " "), status: result.status,
        errors: String(decoding: result.errors, as: UTF8.self))
    }
    do {
      return try JSONDecoder().decode(Answer.self, from: Data(result.output))
    } catch {
      throw HostError.badAnswer(host: entry.name, command: words.last ?? "")
    }
  }
}
