// Three real raft-node processes on loopback, spoken to by Redis's own tools.

import Foundation
import NIOCore
import Raft
import Testing

@testable import RaftServer

extension Tag {
  /// Needs real processes.
  @Tag static var integration: Self
}

/// So long ports are fuzzed.
private let fuzzSeconds =
  ProcessInfo.processInfo.environment["FUZZ_SECONDS"].flatMap { Int($0) } ?? 5

@Suite(.tags(.integration), .serialized, .timeLimit(.minutes(2 + fuzzSeconds / 60)))
struct RaftNodeIntegrationTests {
  /// A cluster on loopback, in a folder of its own.
  private final class LoopbackCluster {
    let folder = "/tmp/raft-node-test-\(UUID().uuidString)"
    /// Below the range from which the kernel draws ports for connections.
    let base = Int.random(in: 10_000...30_000)
    var processes: [Int: Process] = [:]

    func clientPort(_ id: Int) -> Int { base + id }
    func peerPort(_ id: Int) -> Int { base + 100 + id }

    func start(_ id: Int, data: String? = nil, _ flags: String...) throws -> Process {
      let built = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
      let process = Process()
      process.executableURL = URL(filePath: built).deletingLastPathComponent()
        .appending(path: "raft-node")
      process.arguments =
        ["--id", "\(id)", "--data", data ?? "\(folder)/n\(id)"]
        + (flags.contains("--join") ? id...id : 1...3).flatMap {
          ["--node", "\($0)=127.0.0.1:\(clientPort($0)),127.0.0.1:\(peerPort($0))"]
        } + flags
      process.standardError = FileHandle.nullDevice
      process.standardOutput = FileHandle.nullDevice
      try process.run()
      processes[id] = process
      return process
    }

    func kill(_ id: Int) {
      guard let process = processes.removeValue(forKey: id), process.isRunning else { return }
      Foundation.kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
    }

    func end() {
      for id in processes.keys.sorted() { kill(id) }
      try? FileManager.default.removeItem(atPath: folder)
    }

    /// What a Redis tool prints.
    func tool(_ name: String, _ id: Int, _ arguments: String...) throws -> String {
      try tool(name, id, arguments)
    }

    func tool(_ name: String, _ id: Int, _ arguments: [String]) throws -> String {
      let process = Process()
      process.executableURL = URL(filePath: "/usr/bin/\(name)")
      process.arguments = ["-p", "\(clientPort(id))"] + arguments
      let pipe = Pipe()
      process.standardOutput = pipe
      process.standardError = pipe
      try process.run()
      let data = pipe.fileHandleForReading.readDataToEndOfFile()
      process.waitUntilExit()
      return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    func status(_ id: Int) throws -> [String: Any]? {
      let text = try tool("redis-cli", id, "RAFT.STATUS")
      return (try? JSONSerialization.jsonObject(with: Data(text.utf8))) as? [String: Any]
    }

    func leader() async throws -> Int {
      while true {
        for id in processes.keys.sorted() where try status(id)?["role"] as? String == "leader" {
          return id
        }
        try await Task.sleep(for: .milliseconds(50))
      }
    }
  }

  @Test("redis-cli and redis-benchmark work against the leader, and a kill of all loses nothing")
  func servesRedisTools() async throws {
    let cluster = LoopbackCluster()
    defer { cluster.end() }
    for id in 1...3 { _ = try cluster.start(id) }
    let leader = try await cluster.leader()
    #expect(try cluster.tool("redis-cli", leader, "SET", "k", "1") == "OK")
    #expect(try cluster.tool("redis-cli", leader, "SET", "k", "2", "IFEQ", "1", "GET") == "1")
    #expect(try cluster.tool("redis-cli", leader, "INCR", "k") == "3")
    #expect(try cluster.tool("redis-cli", leader, "APPEND", "k", "x") == "2")
    #expect(try cluster.tool("redis-cli", leader, "PING") == "PONG")
    #expect(try cluster.tool("redis-cli", leader, "INFO").contains("raft_role:leader"))
    #expect(try cluster.tool("redis-cli", leader, "NOPE").hasPrefix("ERR unknown command"))
    let follower = leader % 3 + 1
    #expect(
      try cluster.tool("redis-cli", follower, "GET", "k")
        == "MOVED 0 127.0.0.1:\(cluster.clientPort(leader))")
    let figures = try cluster.tool(
      "redis-benchmark", leader, "-t", "set,get", "-n", "2000", "-q")
    #expect(figures.contains("SET:") && figures.contains("GET:"), "\(figures)")
    for id in 1...3 { cluster.kill(id) }
    for id in 1...3 { _ = try cluster.start(id) }
    let next = try await cluster.leader()
    var value = ""
    while value != "3x" {  // MOVED until the new leader's term has begun
      value = try cluster.tool("redis-cli", next, "GET", "k")
      try #require(value == "3x" || value.contains("MOVED") || value.contains("CLUSTERDOWN"))
    }
  }

  @Test("a node alone answers CLUSTERDOWN, and refuses another's directory")
  func aloneAndMisled() async throws {
    let cluster = LoopbackCluster()
    defer { cluster.end() }
    _ = try cluster.start(1)
    while try cluster.status(1) == nil { try await Task.sleep(for: .milliseconds(50)) }
    #expect(try cluster.tool("redis-cli", 1, "SET", "k", "1").hasPrefix("CLUSTERDOWN"))
    // A second node is refused the directory that the first made its own.
    cluster.kill(1)
    let second = try cluster.start(2, data: "\(cluster.folder)/n1")
    second.waitUntilExit()
    #expect(second.terminationStatus == 1)
  }

  @Test(
    "a fourth node takes the place of a dead one by snapshot, and a leader told to stop hands over")
  func changesMembers() async throws {
    let cluster = LoopbackCluster()
    defer { cluster.end() }
    for id in 1...3 { _ = try cluster.start(id, "--snapshot-every", "100", "--logs-to-keep", "10") }
    var leader = try await cluster.leader()
    _ = try cluster.tool("redis-benchmark", leader, "-t", "set", "-n", "1000", "-r", "50", "-q")
    #expect(try cluster.tool("redis-cli", leader, "SET", "k", "1") == "OK")
    let dead = leader % 3 + 1
    cluster.kill(dead)
    _ = try cluster.start(4, "--join")
    #expect(
      try cluster.tool(
        "redis-cli", leader, "RAFT.ADDLEARNER", "4", "127.0.0.1:\(cluster.clientPort(4))",
        "127.0.0.1:\(cluster.peerPort(4))") == "OK")
    let rest = (1...3).filter { $0 != dead }
    #expect(
      try cluster.tool(
        "redis-cli", leader, "RAFT.CHANGE", "REPLACE", "\(rest[0])", "\(rest[1])", "4") == "OK")
    let status = try #require(try cluster.status(4))
    #expect(status["voters"] as? [Int] == rest + [4])
    #expect(status["purged"] as? Int ?? 0 > 0)
    let old = cluster.processes[leader]!
    cluster.processes[leader] = nil
    old.terminate()
    old.waitUntilExit()
    #expect(old.terminationStatus == 0)
    leader = try await cluster.leader()
    #expect(try cluster.tool("redis-cli", leader, "GET", "k") == "1")
    #expect(try cluster.tool("redis-cli", leader, "RAFT.READS", "LEASE").hasPrefix("OK"))
    #expect(try cluster.tool("redis-cli", leader, "RAFT.CHANGE", "ADD", "9").contains("no member"))
  }

  @Test("a node whose disk was wiped is refused under its number until an administrator says so")
  func wiped() async throws {
    let cluster = LoopbackCluster()
    defer { cluster.end() }
    for id in 1...3 { _ = try cluster.start(id) }
    let leader = try await cluster.leader()
    while try cluster.tool("redis-cli", leader, "SET", "k", "1") != "OK" {}
    let (wiped, other) = (leader % 3 + 1, (leader + 1) % 3 + 1)
    cluster.kill(wiped)
    try FileManager.default.removeItem(atPath: "\(cluster.folder)/n\(wiped)")
    _ = try cluster.start(wiped)
    #expect(try cluster.tool("redis-cli", leader, "SET", "k", "2") == "OK")
    // Without the other there is a quorum only if the wiped one counts.
    cluster.kill(other)
    try await Task.sleep(for: .seconds(2))
    for id in [leader, wiped] {
      #expect(try cluster.status(id)?["role"] as? String != "leader")
    }
    #expect(try cluster.status(wiped)?["committed"] as? Int == 0)
    let refusal = try cluster.tool("redis-cli", leader, "RAFT.ACCEPT", "\(wiped)")
    #expect(refusal.contains("is a voter"), "\(refusal)")
    _ = try cluster.start(other)
    while try cluster.status(other) == nil { try await Task.sleep(for: .milliseconds(20)) }
    for id in [leader, other] {
      // A node that was refused is only taken where an administrator said so.
      #expect(try cluster.tool("redis-cli", id, "RAFT.ACCEPT", "\(wiped)", "FORCE") == "OK")
    }
    while try cluster.status(wiped)?["committed"] as? Int ?? 0 == 0 {
      try await Task.sleep(for: .milliseconds(20))
    }
    let next = try await cluster.leader()
    #expect(try cluster.tool("redis-cli", next, "GET", "k") == "2")
  }

  @Test(
    "two wiped nodes begin nothing anew while the third holds what there was, and can be taken back"
  )
  func majorityWiped() async throws {
    let cluster = LoopbackCluster()
    defer { cluster.end() }
    for id in 1...3 { _ = try cluster.start(id) }
    let leader = try await cluster.leader()
    while try cluster.tool("redis-cli", leader, "SET", "k", "1") != "OK" {}
    let wiped = (1...3).filter { $0 != leader }
    for id in wiped {
      cluster.kill(id)
      try FileManager.default.removeItem(atPath: "\(cluster.folder)/n\(id)")
    }
    for _ in 0..<2 {
      // Also when they are started once more: then their logs are not empty any longer.
      for id in wiped {
        cluster.kill(id)
        _ = try cluster.start(id)
      }
      try await Task.sleep(for: .seconds(2))
      for id in 1...3 { #expect(try cluster.status(id)?["role"] as? String != "leader") }
    }
    for id in wiped {
      #expect(try cluster.tool("redis-cli", leader, "RAFT.ACCEPT", "n\(id)", "FORCE") == "OK")
    }
    let next = try await cluster.leader()
    #expect(try cluster.tool("redis-cli", next, "GET", "k") == "1")
  }

  @Test("transactions and sessions work over a connection, and a broken request harms nobody else")
  func connections() async throws {
    let cluster = LoopbackCluster()
    defer { cluster.end() }
    for id in 1...3 { _ = try cluster.start(id, "--max-clients", "3") }
    let leader = try await cluster.leader()
    let port = cluster.clientPort(leader)
    let client = try #require(RawSocket(port: port))
    func ask(_ line: String) -> String {
      client.send(Array("\(line)\r\n".utf8))
      return client.receive()
    }
    while !ask("SET k 1").hasPrefix("+OK") { try await Task.sleep(for: .milliseconds(20)) }
    #expect(ask("MULTI") == "+OK\r\n")
    #expect(ask("RPUSH l a b") == "+QUEUED\r\n")
    #expect(ask("LRANGE l 0 -1") == "+QUEUED\r\n")
    #expect(ask("EXEC") == "*2\r\n:2\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n")
    let session = ask("RAFT.SESSION OPEN").filter(\.isNumber)
    #expect(ask("RAFT.SESSION \(session) 1 INCRBY n 5") == ":5\r\n")
    #expect(ask("RAFT.SESSION \(session) 1 INCRBY n 5") == ":5\r\n")
    #expect(ask("MULTI") == "+OK\r\n")
    #expect(ask("INCR n") == "+QUEUED\r\n")
    #expect(ask("RAFT.SESSION x 2 EXEC").hasPrefix("-ERR usage"))
    #expect(ask("RAFT.SESSION \(session) 2 EXEC") == "*1\r\n:6\r\n")
    // As after a connection that broke before the answer.
    #expect(ask("MULTI") == "+OK\r\n")
    #expect(ask("INCR n") == "+QUEUED\r\n")
    #expect(ask("RAFT.SESSION \(session) 2 EXEC") == "*1\r\n:6\r\n")
    #expect(ask("RAFT.SESSION \(session) 3 EXEC").hasPrefix("-ERR EXEC without MULTI"))
    #expect(ask("MGET k n none") == "*3\r\n$1\r\n1\r\n$1\r\n6\r\n$-1\r\n")
    let broken = try #require(RawSocket(port: port))
    broken.send(Array("SET k 2\r\n*1\r\n$x\r\n".utf8))
    #expect(broken.receiveAll() == "+OK\r\n-ERR Protocol error: a number was due\r\n")
    #expect(ask("GET k") == "$1\r\n2\r\n")
    let more = (0..<3).compactMap { _ in RawSocket(port: port) }
    try await Task.sleep(for: .milliseconds(200))
    #expect(more.last?.receiveAll() == "-ERR max number of clients reached\r\n")
    let metrics = ask("RAFT.METRICS").split(separator: "\n").map(String.init)
    // The three that are in: they must not be let go before.
    withExtendedLifetime(more) { #expect(metrics.contains("raft_client_connections 3")) }
  }

  @Test("a full disk ends the node, which says so, and with room again nothing it said is gone")
  func fullDisk() async throws {
    let cluster = LoopbackCluster()
    defer { cluster.end() }
    let (data, log) = ("\(cluster.folder)/data", "\(cluster.folder)/log")
    try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
    let built = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let program = URL(filePath: built).deletingLastPathComponent().appending(path: "raft-node").path
    // A file system of 80 MB in a namespace of its own, which gets more room when the node has ended.
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/unshare")
    process.arguments = [
      "--map-root-user", "--mount", "sh", "-c",
      """
      mount -t tmpfs -o size=80m none "$1" || exit 9
      shift
      "$@"
      echo "ended with $?" >&2
      mount -o remount,size=400m "$3"
      exec "$@"
      """, "sh", data, program, "--data", data, "--id", "1", "--snapshot-every", "1000000",
      "--node", "1=127.0.0.1:\(cluster.clientPort(1)),127.0.0.1:\(cluster.peerPort(1))",
    ]
    try Data().write(to: URL(filePath: log))
    process.standardError = FileHandle(forWritingAtPath: log)
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    cluster.processes[1] = process
    let value = String(repeating: "v", count: 1 << 20)
    func connect() async throws -> RawSocket {
      while true {
        if let socket = RawSocket(port: cluster.clientPort(1)) { return socket }
        try await Task.sleep(for: .milliseconds(50))
      }
    }
    var client = try await connect()
    var (acknowledged, tries) = (0, 0)
    while tries < 5000 {
      tries += 1
      let key = "k\(acknowledged)"
      client.send(
        Array("*3\r\n$3\r\nSET\r\n$\(key.count)\r\n\(key)\r\n$\(value.count)\r\n\(value)\r\n".utf8))
      let answer = client.receive()
      if answer == "+OK\r\n" {
        acknowledged += 1
      } else if acknowledged == 0 {
        try await Task.sleep(for: .milliseconds(50))
      } else {
        break
      }
    }
    #expect((20..<80).contains(acknowledged), "\(acknowledged) MB went into 80")
    // The one that comes after it with room.
    let end = ContinuousClock.now + .seconds(20)
    var answer = ""
    while !answer.hasPrefix("+OK"), ContinuousClock.now < end {
      client = try await connect()
      client.send(Array("SET last 1\r\n".utf8))
      answer = client.receive()
    }
    #expect(answer == "+OK\r\n")
    let said = try String(contentsOfFile: log, encoding: .utf8)
    #expect(said.contains("No space left") && said.contains("ended with 1"), "\(said.suffix(500))")
    for key in 0..<acknowledged {
      client.send(Array("STRLEN k\(key)\r\n".utf8))
      #expect(client.receive() == ":\(value.count)\r\n", "k\(key)")
    }
  }

  @Test("metrics and health are served over HTTP")
  func http() async throws {
    let cluster = LoopbackCluster()
    defer { cluster.end() }
    for id in 1...3 { _ = try cluster.start(id, "--http", "127.0.0.1:\(cluster.base + 200 + id)") }
    let leader = try await cluster.leader()
    func get(_ path: String) throws -> String {
      let socket = try #require(RawSocket(port: cluster.base + 200 + leader))
      socket.send(Array("GET \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".utf8))
      return socket.receiveAll()
    }
    let page = try get("/metrics")
    #expect(page.hasPrefix("HTTP/1.1 200") && page.contains("\nraft_is_leader 1\n"))
    #expect(page.contains("raft_matched_index{node="))
    #expect(try get("/health").hasSuffix("leader\n"))
    #expect(try get("/ready").hasSuffix("n\(leader) leads\n"))
    #expect(try get("/nothing").hasPrefix("HTTP/1.1 404"))
  }

  @Test("any bytes on any port: no node ends or grows, and other clients are served on")
  func fuzzedPorts() async throws {
    let cluster = LoopbackCluster()
    defer { cluster.end() }
    for id in 1...3 { _ = try cluster.start(id, "--http", "127.0.0.1:\(cluster.base + 200 + id)") }
    let leader = try await cluster.leader()
    while try cluster.tool("redis-cli", leader, "SET", "k", "0") != "OK" {}
    let before = try memory(of: cluster, leader)
    let ports = [cluster.clientPort(leader), cluster.peerPort(leader), cluster.base + 200 + leader]
    let end = ContinuousClock.now + .seconds(fuzzSeconds)
    var random = SystemRandomNumberGenerator()
    var count = 0
    while ContinuousClock.now < end {
      for port in ports {
        let socket = try #require(RawSocket(port: port, seconds: 1))
        if port == cluster.peerPort(leader), Bool.random(using: &random) {
          // Past the door, to what waits behind it.
          socket.send(Self.greeting(to: leader))
          _ = socket.receive()
        }
        socket.send(Self.bytes(using: &random))
      }
      count += 1
      if count.isMultiple(of: 50) {
        #expect(try cluster.tool("redis-cli", leader, "SET", "k", "\(count)") == "OK")
        #expect(try cluster.tool("redis-cli", leader, "GET", "k") == "\(count)")
      }
    }
    #expect(count > 50)
    for id in 1...3 { #expect(cluster.processes[id]?.isRunning == true) }
    #expect(try memory(of: cluster, leader) < before + 64 << 20)
  }

  @Test(
    "requests sent without waiting are answered in order; who asks and never listens fills nothing")
  func pipelines() async throws {
    let cluster = LoopbackCluster()
    defer { cluster.end() }
    for id in 1...3 { _ = try cluster.start(id) }
    let leader = try await cluster.leader()
    func request(_ words: String...) -> [UInt8] {
      Array(
        ("*\(words.count)\r\n"
          + words.map { "$\($0.utf8.count)\r\n\($0)\r\n" }.joined()).utf8)
    }
    let value = String(repeating: "v", count: 64 << 10)
    while try cluster.tool("redis-cli", leader, "SET", "k", value) != "OK" {}
    let port = cluster.clientPort(leader)

    let prompt = try #require(RawSocket(port: port))
    prompt.send((1...500).flatMap { request("RPUSH", "list", "\($0)") + request("PING") })
    let expected = (1...500).map { ":\($0)\r\n+PONG\r\n" }.joined()
    var answers = ""
    while answers.utf8.count < expected.utf8.count {
      let part = prompt.receive()
      try #require(!part.isEmpty)
      answers += part
    }
    #expect(answers == expected)

    // A command sees all that came before it on its connection, and nothing that came after.
    let mixed =
      request("SET", "p", "1") + request("GET", "p") + request("INCR", "p") + request("GET", "p")
      + request("SET", "p", "9") + request("MGET", "p")
    for mode in ["LINEARIZABLE", "LEASE", "STALE"] {
      let client = try #require(RawSocket(port: port))
      client.send(request("RAFT.READS", mode) + (1...50).flatMap { _ in mixed })
      let round = "+OK\r\n$1\r\n1\r\n:2\r\n$1\r\n2\r\n+OK\r\n*1\r\n$1\r\n9\r\n"
      let expected = "+OK\r\n" + String(repeating: round, count: 50)
      var answers = ""
      while answers.utf8.count < expected.utf8.count {
        let part = client.receive()
        try #require(!part.isEmpty)
        answers += part
      }
      #expect(answers == expected, "\(mode)")
    }

    // Who sends too much hears why, though it is still sending.
    let huge = try #require(RawSocket(port: port))
    huge.send(
      Array("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$20000000\r\n".utf8)
        + [UInt8](repeating: 65, count: 20_000_000))
    #expect(huge.receiveAll().hasPrefix("-ERR Protocol error: a bulk of 20000000 bytes"))

    let before = try memory(of: cluster, leader)
    let deaf = try #require(RawSocket(port: port))
    let gets = Array(repeating: request("GET", "k"), count: 1000).flatMap(\.self)
    // 4 GB are asked for; what the node does not read stays with the client.
    for _ in 0..<64 { deaf.send(gets) }
    try await Task.sleep(for: .seconds(1))
    #expect(try memory(of: cluster, leader) < before + 64 << 20)
    #expect(try cluster.tool("redis-cli", leader, "SET", "other", "1") == "OK")
  }

  /// Has `openssl` make a key, and a certificate signed by the authority in `folder`, or its own.
  private func certify(_ name: String, in folder: String, isAuthority: Bool) throws {
    let signing =
      isAuthority
      ? ["-addext", "basicConstraints=critical,CA:TRUE"]
      : ["-CA", "\(folder)/ca.pem", "-CAkey", "\(folder)/ca.key"]
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

  @Test(
    "with TLS, nodes and clients must have a certificate of the authority, and others get nothing")
  func tls() async throws {
    let cluster = LoopbackCluster()
    defer { cluster.end() }
    try FileManager.default.createDirectory(
      atPath: cluster.folder, withIntermediateDirectories: true)
    let folder = cluster.folder
    try certify("ca", in: folder, isAuthority: true)
    try certify("node", in: folder, isAuthority: false)
    for id in 1...3 {
      _ = try cluster.start(
        id, "--tls-cert", "\(folder)/node.pem", "--tls-key", "\(folder)/node.key", "--tls-ca",
        "\(folder)/ca.pem")
    }
    func ask(_ id: Int, _ words: String...) throws -> String {
      try cluster.tool(
        "redis-cli", id,
        [
          "--tls", "--cert", "\(folder)/node.pem", "--key", "\(folder)/node.key", "--cacert",
          "\(folder)/ca.pem",
        ] + words)
    }
    var leader: Int?
    while leader == nil {
      leader = try (1...3).first { try ask($0, "RAFT.STATUS").contains(#""role":"leader""#) }
      try await Task.sleep(for: .milliseconds(20))
    }
    while try ask(leader!, "SET", "k", "1") != "OK" {}
    #expect(try ask(leader!, "GET", "k") == "1")
    #expect(
      try !cluster.tool("redis-cli", leader!, "--tls", "--cacert", "\(folder)/ca.pem", "GET", "k")
        .hasSuffix("1"))
    let plain = try #require(RawSocket(port: cluster.clientPort(leader!)))
    plain.send(Array("GET k\r\n".utf8))
    #expect(!plain.receiveAll().contains("$1"))
  }

  /// How a node of another cluster would begin.
  private static func greeting(to node: Int) -> [UInt8] {
    let greeting = PeerGreeting(
      node: NodeID(77), identity: UUID(uuidString: "5BA0B0F6-3B0C-4B5E-8F9C-3D2B6A5E0C77")!)
    var buffer = ByteBuffer()
    PeerFrame(number: 0, recipient: NodeID(UInt64(node)), message: .greeting(greeting))
      .write(to: &buffer)
    return Array(buffer.readableBytesView)
  }

  /// Bytes of all kinds: noise, beginnings of requests and frames, lengths that promise too much.
  private static func bytes(using random: inout some RandomNumberGenerator) -> [UInt8] {
    let noise = (0..<Int.random(in: 0...300, using: &random)).map { _ in
      UInt8.random(in: 0...255, using: &random)
    }
    let starts = [
      "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$9999999\r\n", "*65536\r\n$1\r\n", "*1\r\n*1\r\n*1\r\n*1\r\n",
      "$-5\r\n", ":\r\n", "GET ", "EXEC a b\r\n", "RAFT.CHANGE REMOVE\r\n", "GET / HTTP/1.1\r\n",
      "POST /metrics HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", "",
    ]
    let start = Array(starts.randomElement(using: &random)!.utf8)
    let frames: [[UInt8]] = [[], [0, 0, 0, 30], [255, 255, 255, 255], [3, 255, 255, 255]]
    return frames.randomElement(using: &random)! + start + noise
  }

  /// The bytes that a node holds in memory.
  private func memory(of cluster: LoopbackCluster, _ id: Int) throws -> Int {
    let process = try #require(cluster.processes[id])
    let text = try String(
      contentsOfFile: "/proc/\(process.processIdentifier)/statm", encoding: .utf8)
    return (Int(text.split(separator: " ")[1]) ?? 0) * 4096
  }
}
