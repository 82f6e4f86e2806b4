// Three real raft-node processes on loopback, spoken to by Redis's own tools.

import Foundation
import Testing

@testable import RaftServer

@Suite(.tags(.integration), .serialized, .timeLimit(.minutes(2)))
struct RaftNodeIntegrationTests {
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
    // An election by itself takes three seconds at least.
    let patient = ["--election-timeout", "3000"]
    let flags = ["--snapshot-every", "100", "--logs-to-keep", "10"] + patient
    for id in 1...3 { _ = try cluster.start(id, flags: flags) }
    var leader = try await cluster.leader()
    _ = try cluster.tool("redis-benchmark", leader, "-t", "set", "-n", "1000", "-r", "50", "-q")
    #expect(try cluster.tool("redis-cli", leader, "SET", "k", "1") == "OK")
    let dead = leader % 3 + 1
    cluster.kill(dead)
    _ = try cluster.start(4, flags: ["--join"] + patient)
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
    let told = ContinuousClock.now
    old.terminate()
    old.waitUntilExit()
    #expect(old.terminationStatus == 0)
    leader = try await cluster.leader()
    #expect(ContinuousClock.now - told < .milliseconds(2500))
    #expect(try cluster.tool("redis-cli", leader, "GET", "k") == "1")
    #expect(try cluster.tool("redis-cli", leader, "RAFT.READS", "LEASE").hasPrefix("OK"))
    #expect(try cluster.tool("redis-cli", leader, "RAFT.CHANGE", "ADD", "9").contains("no member"))
  }

  @Test("nodes that are all told to stop wait for no successor any longer than for an election")
  func allStop() async throws {
    let cluster = LoopbackCluster()
    defer { cluster.end() }
    _ = try await cluster.begin()
    let told = ContinuousClock.now
    for process in cluster.processes.values { process.terminate() }
    for process in cluster.processes.values {
      process.waitUntilExit()
      #expect(process.terminationStatus == 0)
    }
    // Elections take one to two seconds; a hand-over that is asked for waits four.
    #expect(ContinuousClock.now - told < .seconds(3))
  }

  /// Who could be elected would be, well within two seconds.
  private static let eager = ["--election-timeout", "250"]

  @Test("a node whose disk was wiped is refused under its number until an administrator says so")
  func wiped() async throws {
    let cluster = LoopbackCluster()
    defer { cluster.end() }
    let leader = try await cluster.begin(flags: Self.eager)
    let (wiped, other) = (leader % 3 + 1, (leader + 1) % 3 + 1)
    cluster.kill(wiped)
    try FileManager.default.removeItem(atPath: "\(cluster.folder)/n\(wiped)")
    _ = try cluster.start(wiped, flags: Self.eager)
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
    _ = try cluster.start(other, flags: Self.eager)
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
    let leader = try await cluster.begin(flags: Self.eager)
    let wiped = (1...3).filter { $0 != leader }
    for id in wiped {
      cluster.kill(id)
      try FileManager.default.removeItem(atPath: "\(cluster.folder)/n\(id)")
    }
    for _ in 0..<2 {
      // Also when they are started once more: then their logs are not empty any longer.
      for id in wiped {
        cluster.kill(id)
        _ = try cluster.start(id, flags: Self.eager)
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

  @Test("reads are as new as the connection asks: here, at the leader, by its lease or by a quorum")
  func readModes() async throws {
    let cluster = LoopbackCluster()
    defer { cluster.end() }
    let leader = try await cluster.begin()
    let follower = leader % 3 + 1
    while try cluster.status(follower)?["applied"] as? Int != cluster.status(leader)?["applied"]
      as? Int
    { try await Task.sleep(for: .milliseconds(20)) }
    let there = try #require(RawSocket(port: cluster.clientPort(leader)))
    let here = try #require(RawSocket(port: cluster.clientPort(follower)))
    func ask(_ socket: RawSocket, _ line: String) -> String {
      socket.send(Array("\(line)\r\n".utf8))
      return socket.receive()
    }
    let moved = "-MOVED 0 127.0.0.1:\(cluster.clientPort(leader))\r\n"
    #expect(ask(here, "GET k") == moved)
    for line in ["READONLY", "RAFT.READS STALE"] {
      #expect(ask(here, line) == "+OK\r\n")
      #expect(ask(here, "GET k") == "$1\r\n1\r\n")
      #expect(ask(here, "SET k 2") == moved)
      #expect(ask(here, line == "READONLY" ? "READWRITE" : "RAFT.READS LINEARIZABLE") == "+OK\r\n")
      #expect(ask(here, "GET k") == moved)
    }
    #expect(ask(here, "RAFT.READS LEASE") == "+OK\r\n")
    #expect(ask(here, "GET k") == moved)
    #expect(
      ask(here, "RAFT.READS SOMETIMES") == "-ERR usage: RAFT.READS LINEARIZABLE|LEASE|STALE\r\n")
    for mode in ["LINEARIZABLE", "LEASE", "STALE"] {
      #expect(ask(there, "RAFT.READS \(mode)") == "+OK\r\n")
      #expect(ask(there, "SET k \(mode)") == "+OK\r\n")
      #expect(ask(there, "GET k") == "$\(mode.utf8.count)\r\n\(mode)\r\n")
    }
    // Without the others only what is stale can be had.
    for id in 1...3 where id != leader { cluster.kill(id) }
    #expect(ask(there, "GET k") == "$5\r\nSTALE\r\n")
    for mode in ["LINEARIZABLE", "LEASE"] {
      #expect(ask(there, "RAFT.READS \(mode)") == "+OK\r\n")
      #expect(ask(there, "GET k").hasPrefix("-CLUSTERDOWN"))
    }
  }

  @Test(
    "a snapshot that is asked for is there when the answer comes; a removed node says what it is")
  func snapshotsAndRemoval() async throws {
    let cluster = LoopbackCluster()
    defer { cluster.end() }
    let leader = try await cluster.begin()
    for id in 1...3 {
      let applied = try #require(try cluster.status(id)?["applied"] as? Int)
      #expect(try cluster.tool("redis-cli", id, "RAFT.SNAPSHOT") == "OK")
      #expect(try cluster.status(id)?["snapshot"] as? Int ?? 0 >= applied)
    }
    #expect(try cluster.tool("redis-cli", leader, "RAFT.CHANGE", "REMOVE", "\(leader)") == "OK")
    try await Task.sleep(for: .seconds(1))
    let answer = try cluster.tool("redis-cli", leader, "SET", "k", "2")
    #expect(answer.contains("no member of the cluster"), "\(answer)")
  }
}
