// A machine over a real sshd, and the agent that is sent there.

import Fleet
import Foundation
import Hosts
import SSH
import Testing

@Suite(.tags(.integration), .timeLimit(.minutes(2))) struct SSHHostIntegrationTests {
  /// What lies where agents are sent, in the home of who runs the test.
  private static var sent: Set<String> {
    let folder = FileManager.default.homeDirectoryForCurrentUser.path + "/.cache/gauntlet"
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return Set(names.map { "\(folder)/\($0)" })
  }

  /// Removes what was sent since.
  private func clean(_ before: Set<String>) {
    for path in Self.sent.subtracting(before) { try? FileManager.default.removeItem(atPath: path) }
  }

  private func agent(_ daemon: SSHDaemon, _ script: String) throws -> String {
    let path = "\(daemon.folder)/agent-\(UUID().uuidString)"
    try "#!/bin/sh\n\(script)\n".write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }

  /// How `daemon` is reached.
  private struct Way: Sendable {
    var entry: HostEntry
    var configuration: String

    init(to daemon: SSHDaemon) throws {
      entry = HostEntry(name: "n1", host: "127.0.0.1")
      entry.port = daemon.port
      entry.key = "\(daemon.folder)/user_ed25519"
      configuration = "\(daemon.folder)/ssh_config"
      try "UserKnownHostsFile \(daemon.knownHosts)\nIdentityAgent none\n".write(
        toFile: configuration, atomically: true, encoding: .utf8)
    }

    func ask(agent: String) async throws -> Capabilities {
      try await SSHHost.with(entry, agent: agent, configuration: configuration) {
        try await $0.capabilities()
      }
    }
  }

  @Test("the agent is sent once, and says what the machine can do")
  func capabilities() async throws {
    let daemon = try await SSHDaemon()
    let way = try Way(to: daemon)
    let before = Self.sent
    defer { clean(before) }
    let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let agent = URL(filePath: own).deletingLastPathComponent().appending(path: "gauntlet-agent")
    let found = try await way.ask(agent: agent.path)
    #expect(found.abilities.map(\.name) == Ability.Name.allCases)
    #expect(found.cores > 0 && found.memoryBytes > 1 << 20 && found.has(.pidfd))
    // What it says of the kernel is what the kernel does.
    let isRoot = geteuid() == 0
    #expect(!isRoot || found.has(.privileges) && found.has(.iptables))
    let tc = try await SSHDaemon.tool("uname", "-r")
    #expect(tc.trimmingCharacters(in: .newlines) == found.kernel)
    let start = ContinuousClock.now
    _ = try await way.ask(agent: agent.path)
    #expect(ContinuousClock.now - start < .seconds(5))
    #expect(Self.sent.subtracting(before).count == 1)
    // Two at once, to a machine that has none.
    clean(before)
    async let first = way.ask(agent: agent.path)
    async let second = way.ask(agent: agent.path)
    #expect(try await first == second)
    #expect(Self.sent.subtracting(before).count == 1)
  }

  @Test("an agent that answers rubbish, or nothing, or fails, is no answer")
  func rubbish() async throws {
    let daemon = try await SSHDaemon()
    let way = try Way(to: daemon)
    let before = Self.sent
    defer { clean(before) }
    for script in ["echo '{'", "true", "echo '{\"kernel\": 3}'"] {
      let path = try agent(daemon, script)
      await #expect(throws: HostError.badAnswer(host: "n1", command: "probe")) {
        try await way.ask(agent: path)
      }
    }
    let failing = try agent(daemon, "echo it broke >&2; exit 3")
    await #expect {
      try await way.ask(agent: failing)
    } throws: { error in
      "\(error)".contains("exited with 3: it broke")
    }
    await #expect(throws: HostError.noAgent(path: "/nowhere")) {
      try await way.ask(agent: "/nowhere")
    }
    let flooding = try agent(daemon, "cat /dev/zero")
    await #expect(throws: SSHError.self) { try await way.ask(agent: flooding) }
  }
}
