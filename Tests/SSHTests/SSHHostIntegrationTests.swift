// A machine over a real sshd, and the agent that is sent there.

import Fleet
import Foundation
import Hosts
import SSH
import Testing

@Suite(.tags(.integration), .timeLimit(.minutes(2))) struct SSHHostIntegrationTests {
  private func agent(_ daemon: SSHDaemon, _ script: String) throws -> String {
    let path = "\(daemon.folder)/agent-\(UUID().uuidString)"
    try "#!/bin/sh\n\(script)\n".write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }

  private func ask(_ daemon: SSHDaemon, agent: String, sudo: Bool = false) async throws
    -> Capabilities
  {
    var entry = HostEntry(name: "n1", host: "127.0.0.1")
    entry.port = daemon.port
    entry.key = "\(daemon.folder)/user_ed25519"
    entry.usesSudo = sudo
    let configuration = "\(daemon.folder)/ssh_config"
    try "UserKnownHostsFile \(daemon.knownHosts)\nIdentityAgent none\n".write(
      toFile: configuration, atomically: true, encoding: .utf8)
    return try await SSHHost.with(entry, agent: agent, configuration: configuration) {
      try await $0.capabilities()
    }
  }

  @Test("the agent is sent once, and says what the machine can do")
  func capabilities() async throws {
    let daemon = try await SSHDaemon()
    let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let agent = URL(filePath: own).deletingLastPathComponent().appending(path: "gauntlet-agent")
    let found = try await ask(daemon, agent: agent.path)
    #expect(found.abilities.map(\.name) == Ability.Name.allCases)
    #expect(found.cores > 0 && found.memoryBytes > 1 << 20 && found.has(.pidfd))
    // What it says of the kernel is what the kernel does.
    let isRoot = geteuid() == 0
    #expect(!isRoot || found.has(.privileges) && found.has(.iptables))
    let tc = try await SSHDaemon.tool("uname", "-r")
    #expect(tc.trimmingCharacters(in: .newlines) == found.kernel)
    let start = ContinuousClock.now
    _ = try await ask(daemon, agent: agent.path)
    #expect(ContinuousClock.now - start < .seconds(5))
    let home = FileManager.default.homeDirectoryForCurrentUser.path
    let sent = try FileManager.default.contentsOfDirectory(atPath: "\(home)/.cache/gauntlet")
    #expect(sent.contains { $0.hasPrefix("agent-") } && !sent.contains { $0.hasSuffix(".part") })
  }

  @Test("an agent that answers rubbish, or nothing, or fails, is no answer")
  func rubbish() async throws {
    let daemon = try await SSHDaemon()
    for script in ["echo '{'", "true", "echo '{\"kernel\": 3}'"] {
      let path = try agent(daemon, script)
      await #expect(throws: HostError.badAnswer(host: "n1", command: "probe")) {
        try await ask(daemon, agent: path)
      }
    }
    let failing = try agent(daemon, "echo it broke >&2; exit 3")
    await #expect {
      try await ask(daemon, agent: failing)
    } throws: { error in
      "\(error)".contains("exited with 3: it broke")
    }
    await #expect(throws: HostError.noAgent(path: "/nowhere")) {
      try await ask(daemon, agent: "/nowhere")
    }
    let flooding = try agent(daemon, "cat /dev/zero")
    await #expect(throws: SSHError.self) { try await ask(daemon, agent: flooding) }
  }
}
