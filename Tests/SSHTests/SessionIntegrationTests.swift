// Sessions with a real sshd: commands, keys, and what goes wrong.

import Foundation
import SSH
import Testing

@Suite(.tags(.integration), .timeLimit(.minutes(2))) struct SessionIntegrationTests {
  @Test("output, errors, exit codes and signals come apart")
  func commands() async throws {
    let daemon = try await SSHDaemon()
    try await SSHSession.with(daemon.destination) { session in
      let result = try await session.run(
        ["sh", "-c", "echo out; echo err >&2; exit 3"], within: .seconds(10))
      #expect(result.status == .exited(3))
      #expect(result.output == Array("out\n".utf8) && result.errors == Array("err\n".utf8))
      let killed = try await session.run(["sh", "-c", "kill -TERM $$"], within: .seconds(10))
      #expect(killed.status == .signalled("TERM"))
      let missing = try await session.run(["/nowhere/at-all"], within: .seconds(10))
      #expect(missing.status == .exited(127))
      let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
      let echo = try await session.run(["cat"], input: bytes, within: .seconds(30))
      #expect(echo.output == bytes && echo.status.isSuccess)
    }
  }

  @Test("words reach the program as they are")
  func words() async throws {
    let words = [
      "", " ", "a b", "'", "\"", "$(id)", "`id`", "\n", "\\", "!!", "*", "~", "-n", "ä€", "'\\''",
    ]
    let daemon = try await SSHDaemon()
    try await SSHSession.with(daemon.destination) { session in
      for word in words {
        let result = try await session.run(
          ["printf", "%s|", word, "x\(word)"], within: .seconds(10))
        #expect(String(decoding: result.output, as: UTF8.self) == "\(word)|x\(word)|")
      }
      await #expect(throws: SSHError.self) {
        try await session.run(["printf", "a\0b"], within: .seconds(10))
      }
    }
  }

  @Test("forty commands at once take turns on one connection")
  func manyAtOnce() async throws {
    let daemon = try await SSHDaemon()
    try await SSHSession.with(daemon.destination) { session in
      let answers = try await withThrowingTaskGroup(of: String.self) { group in
        for number in 0..<40 {
          group.addTask {
            let wait = number.isMultiple(of: 8) ? "1" : "0.01"
            let result = try await session.run(
              ["sh", "-c", "sleep \(wait); echo \(number)"], within: .seconds(30))
            return String(decoding: result.output, as: UTF8.self)
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(answers.sorted() == (0..<40).map { "\($0)\n" }.sorted())
    }
  }

  @Test("how a command ended is known though another writes what nobody reads")
  func statusesBesideOutput() async throws {
    let daemon = try await SSHDaemon()
    try await SSHSession.with(daemon.destination) { session in
      let chatter = ["sh", "-c", "while echo x; do sleep 0.001; done"]
      _ = try await session.withProcess(chatter, within: .seconds(60)) { _ in
        for code in Int32(1)...60 {
          // It says no more some time before it ends.
          let script = "exec >&- 2>&-; sleep 0.02; exit \(code)"
          let result = try await session.run(["sh", "-c", script], within: .seconds(10))
          #expect(result.status == .exited(code))
        }
      }
    }
  }

  @Test("a command that takes too long is given up, one that writes too much as well; others go on")
  func limits() async throws {
    let daemon = try await SSHDaemon()
    try await SSHSession.with(daemon.destination) { session in
      let start = ContinuousClock.now
      await #expect {
        try await session.run(["sleep", "30"], within: .milliseconds(300))
      } throws: { error in
        if case .timeout? = error as? SSHError { true } else { false }
      }
      await #expect(throws: SSHError.self) {
        try await session.run(["cat", "/dev/zero"], limit: 1 << 20, within: .seconds(30))
      }
      let waiting = Task { try await session.run(["sleep", "30"], within: .seconds(60)) }
      try await Task.sleep(for: .milliseconds(200))
      waiting.cancel()
      await #expect(throws: CancellationError.self) { try await waiting.value }
      #expect(ContinuousClock.now - start < .seconds(10))
      let result = try await session.run(["true"], within: .seconds(10))
      #expect(result.status.isSuccess)
    }
  }

  @Test("a host is let in only by the key it is known by, whichever of its keys that is")
  func hostKeys() async throws {
    let daemon = try await SSHDaemon(hostKeys: ["ed25519", "ecdsa"])
    func fault() async -> HostKeyFault? {
      do {
        try await SSHSession.with(daemon.destination) { _ in }
        return nil
      } catch SSHError.hostKey(_, let fault) {
        return fault
      } catch {
        Issue.record("\(error)")
        return nil
      }
    }
    for types in [["ed25519"], ["ecdsa"], ["ed25519", "ecdsa"]] {
      try daemon.know(types)
      #expect(await fault() == nil, "\(types)")
      try await SSHDaemon.tool("ssh-keygen", "-q", "-H", "-f", daemon.knownHosts)
      // Where it keeps the names as they were, and asks before it writes over them.
      try FileManager.default.removeItem(atPath: daemon.knownHosts + ".old")
      #expect(await fault() == nil, "\(types), hashed")
    }
    try "".write(toFile: daemon.knownHosts, atomically: true, encoding: .utf8)
    guard case .unknown(let key, let file)? = await fault() else {
      Issue.record("a host that nobody knows was let in")
      return
    }
    #expect(file == daemon.knownHosts)
    let printed = try await SSHDaemon.tool(
      "ssh-keygen", "-l", "-f", "\(daemon.folder)/host_ed25519.pub")
    #expect(printed.contains(key.fingerprint), "\(printed) \(key)")
    // As somebody who has compared them adds it.
    try (key.line(for: daemon.destination) + "\n").write(
      toFile: daemon.knownHosts, atomically: true, encoding: .utf8)
    #expect(await fault() == nil)
    let other = try String(contentsOfFile: "\(daemon.folder)/stranger.pub", encoding: .utf8)
    // Under its bare name a key counts only where none stands with its port.
    let bare = "127.0.0.1 \(key.type) \(key.base64)\n"
    try bare.write(toFile: daemon.knownHosts, atomically: true, encoding: .utf8)
    #expect(await fault() == nil)
    try "\(bare)[127.0.0.1]:\(daemon.port) \(other)".write(
      toFile: daemon.knownHosts, atomically: true, encoding: .utf8)
    guard case .changed? = await fault() else {
      Issue.record("a host was let in by a key that stands without its port")
      return
    }
    try "[127.0.0.1]:\(daemon.port) \(other)".write(
      toFile: daemon.knownHosts, atomically: true, encoding: .utf8)
    guard case .changed? = await fault() else {
      Issue.record("a host with another key was let in")
      return
    }
    try FileManager.default.removeItem(atPath: daemon.knownHosts)
    guard case .unknown? = await fault() else {
      Issue.record("a host was let in without a file of known hosts")
      return
    }
  }

  @Test("keys are tried in order; who is not let in learns by what")
  func authentication() async throws {
    let daemon = try await SSHDaemon(userKeys: ["ecdsa", "rsa"])
    var destination = daemon.destination
    destination.keys = [
      "\(daemon.folder)/nowhere", "\(daemon.folder)/stranger", "\(daemon.folder)/user_ecdsa",
    ]
    try await SSHSession.with(destination) { session in
      let result = try await session.run(["true"], within: .seconds(10))
      #expect(result.status.isSuccess)
    }
    destination.keys = ["\(daemon.folder)/stranger", "\(daemon.folder)/user_rsa"]
    do {
      try await SSHSession.with(destination) { _ in }
      Issue.record("let in by a stranger's key, or by an RSA key that is signed with SHA-1")
    } catch SSHError.authentication(_, _, let tried) {
      #expect(tried.count == 2 && tried[0].hasSuffix("stranger"))
      #expect(tried[1].contains("use ed25519"))
    }
    destination.keys = []
    await #expect(throws: SSHError.self) { try await SSHSession.with(destination) { _ in } }
  }

  @Test(
    "a port where nobody listens, a host that says nothing, and a name that is nobody's are told apart"
  )
  func unreachable() async throws {
    let daemon = try await SSHDaemon()
    func failure(_ change: (inout Destination) -> Void) async -> SSHError? {
      var destination = daemon.destination
      change(&destination)
      do {
        try await SSHSession.with(destination, within: .milliseconds(700)) { _ in }
        return nil
      } catch {
        return error as? SSHError
      }
    }
    guard case .refused? = await failure({ $0.port = 1 }) else {
      Issue.record("not refused")
      return
    }
    guard case .unreachable? = await failure({ $0.host = "nobody.invalid" }) else {
      Issue.record("reached nobody.invalid")
      return
    }
    // Listens, and says nothing.
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        _ = bind(descriptor, $0, size)
        _ = listen(descriptor, 5)
        _ = getsockname(descriptor, $0, &size)
      }
    }
    let silent = Int(in_port_t(bigEndian: address.sin_port))
    guard case .timeout? = await failure({ $0.port = silent }) else {
      Issue.record("no timeout")
      return
    }
  }

  @Test("when the connection breaks, all who wait learn it at once, and all who come")
  func disconnected() async throws {
    let daemon = try await SSHDaemon()
    try await SSHSession.with(daemon.destination) { session in
      // The process that serves this connection is the parent of what it runs.
      let parent = try await session.run(["sh", "-c", "echo $PPID"], within: .seconds(10))
      let text = String(decoding: parent.output, as: UTF8.self)
      let pid = try #require(Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)))
      let start = ContinuousClock.now
      let waiting = Task { try await session.run(["sleep", "30"], within: .seconds(30)) }
      try await Task.sleep(for: .milliseconds(200))
      kill(pid, SIGKILL)
      await #expect {
        _ = try await waiting.value
      } throws: { error in
        if case .disconnected? = error as? SSHError { true } else { false }
      }
      #expect(ContinuousClock.now - start < .seconds(5))
      await #expect(throws: SSHError.self) {
        try await session.run(["true"], within: .seconds(10))
      }
    }
  }
}
