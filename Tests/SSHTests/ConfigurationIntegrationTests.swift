// Hosts by OpenSSH's configuration, and through one another.

import Foundation
import SSH
import Testing

@Suite(.tags(.integration), .timeLimit(.minutes(2))) struct ConfigurationIntegrationTests {
  private func file(_ daemon: SSHDaemon, _ text: String) throws -> String {
    let path = "\(daemon.folder)/ssh_config"
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }

  @Test("an alias leads where ssh would go, with the keys and files that are named for it")
  func alias() async throws {
    let daemon = try await SSHDaemon()
    let odd = "\(daemon.folder)/a key"
    try FileManager.default.copyItem(atPath: "\(daemon.folder)/user_ed25519", toPath: odd)
    let config = try file(
      daemon,
      """
      Host node
        HostName 127.0.0.1
        Port \(daemon.port)
        IdentityFile "\(daemon.folder)/a key"
        IdentityFile ~/.ssh/%n-%h-%p-100%%
        IdentityAgent none
        UserKnownHostsFile "\(daemon.folder)/no file" \(daemon.knownHosts)
      Host alias
        HostName 127.0.0.1
        Port \(daemon.port)
        HostKeyAlias somebody
        UserKnownHostsFile \(daemon.knownHosts)
      Host command
        ProxyCommand nc %h %p
      Host here
        ProxyJump there
      Host there
        ProxyJump here
      Host token
        IdentityFile /keys/%C
      """)
    let destination = try await Destination.configured("node", file: config)
    #expect(destination.host == "127.0.0.1" && destination.port == daemon.port)
    let home = FileManager.default.homeDirectoryForCurrentUser.path
    #expect(destination.keys == [odd, "\(home)/.ssh/node-127.0.0.1-\(daemon.port)-100%"])
    #expect(destination.agent == nil)
    #expect(
      destination.knownHosts.prefix(2) == ["\(daemon.folder)/no file", daemon.knownHosts])
    try await SSHSession.with(destination) { session in
      let result = try await session.run(["true"], within: .seconds(10))
      #expect(result.status.isSuccess)
    }
    let other = try await Destination.configured("node", user: "x y", port: 7, file: config)
    #expect(other.user == "x y" && other.port == 7)
    // It has its key, but under another name.
    let renamed = try await Destination.configured("alias", file: config)
    await #expect {
      try await SSHSession.with(renamed) { _ in }
    } throws: { error in
      if case .hostKey(_, .unknown(let key, _))? = error as? SSHError {
        key.line(for: renamed).hasPrefix("somebody ssh-ed25519 ")
      } else {
        false
      }
    }
    for (name, word) in [("command", "ProxyJump"), ("here", "more than 8"), ("token", "%C")] {
      await #expect {
        try await Destination.configured(name, file: config)
      } throws: { error in
        "\(error)".contains(word)
      }
    }
    await #expect {
      try await Destination.configured("node", file: "\(daemon.folder)/nowhere")
    } throws: { error in
      "\(error)".contains("nowhere")
    }
  }

  private func sendThrough(_ destination: Destination, lastPort: Int) async throws {
    try await SSHSession.with(destination) { session in
      let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
      let echo = try await session.run(["cat"], input: bytes, within: .seconds(30))
      #expect(echo.output == bytes && echo.status.isSuccess)
      // The far end of the connection is the last jump's, not ours.
      let peer = try await session.run(["sh", "-c", "echo $SSH_CONNECTION"], within: .seconds(10))
      #expect(String(decoding: peer.output, as: UTF8.self).hasSuffix(" \(lastPort)\n"))
    }
  }

  @Test("a host behind two others is reached through them, and lost with them")
  func jumps() async throws {
    let daemons = [try await SSHDaemon(), try await SSHDaemon(), try await SSHDaemon()]
    var text = ""
    for (number, daemon) in daemons.enumerated() {
      text += """
        Host h\(number)
          HostName 127.0.0.1
          Port \(daemon.port)
          IdentityFile \(daemon.folder)/user_ed25519
          IdentityAgent none
          UserKnownHostsFile \(daemon.knownHosts)

        """
    }
    let config = try file(daemons[0], "Host h2\n  ProxyJump h1\nHost h1\n  ProxyJump h0\n" + text)
    let destination = try await Destination.configured("h2", file: config)
    #expect(destination.jumps.map(\.port) == daemons.prefix(2).map(\.port))
    // The end of the input comes when the socket is full, most of the time: it must wait for room.
    for _ in 0..<5 { try await sendThrough(destination, lastPort: daemons[2].port) }
    // In one list, as it may stand in one line.
    let listed = try file(daemons[0], "Host h2\n  ProxyJump h0,h1\n" + text)
    let same = try await Destination.configured("h2", file: listed)
    #expect(same == destination)
    try await SSHSession.with(same) { session in
      let waiting = Task { try await session.run(["sleep", "30"], within: .seconds(30)) }
      try await Task.sleep(for: .milliseconds(200))
      // Who serves the connection that all of this goes through: the first daemon has no other.
      let serving = try await SSHDaemon.tool("pgrep", "-P", "\(daemons[0].pid)")
      for pid in serving.split(separator: "\n") { kill(Int32(pid)!, SIGKILL) }
      await #expect {
        _ = try await waiting.value
      } throws: { error in
        if case .disconnected? = error as? SSHError { true } else { false }
      }
    }
  }

  @Test("a host that the jump does not reach is named, and so is a jump that is not reached")
  func lostOnTheWay() async throws {
    let daemon = try await SSHDaemon()
    var destination = daemon.destination
    destination.port = 1
    destination.jumps = [daemon.destination]
    await #expect {
      try await SSHSession.with(destination) { _ in }
    } throws: { error in
      if case .unreachable("127.0.0.1:1", let reason)? = error as? SSHError {
        reason.contains("\(daemon.port)")
      } else {
        false
      }
    }
    destination.jumps[0].port = 2
    await #expect(throws: SSHError.refused(host: "127.0.0.1", port: 2)) {
      try await SSHSession.with(destination) { _ in }
    }
  }

  @Test("a revoked key is refused though it is known; lines of other kinds do no harm")
  func revoked() async throws {
    let daemon = try await SSHDaemon()
    let known = try String(contentsOfFile: daemon.knownHosts, encoding: .utf8)
    let words = known.split(separator: " ")
    let other =
      "# a remark\n\n@cert-authority * ssh-ed25519 AAAA\nrubbish\nh sk-ssh-ed25519@x AAAA\n"
    try (other + known).write(toFile: daemon.knownHosts, atomically: true, encoding: .utf8)
    try await SSHSession.with(daemon.destination) { _ in }
    // A remark in another alphabet's bytes.
    try (Data([0x23, 0xe4, 0xff, 0x0a]) + Data(known.utf8)).write(
      to: URL(filePath: daemon.knownHosts))
    try await SSHSession.with(daemon.destination) { _ in }
    let line = "@revoked * \(words[1]) \(words[2])"
    try (known + line).write(toFile: daemon.knownHosts, atomically: true, encoding: .utf8)
    await #expect {
      try await SSHSession.with(daemon.destination) { _ in }
    } throws: { error in
      if case .hostKey(_, .revoked)? = error as? SSHError { true } else { false }
    }
  }
}
