// Clients and strangers that send too much, too many, or nonsense: nodes and other clients are unharmed.

import Foundation
import Testing

/// So long ports are fuzzed.
private let fuzzSeconds =
  ProcessInfo.processInfo.environment["FUZZ_SECONDS"].flatMap { Int($0) } ?? 5

@Suite(.tags(.integration), .serialized, .timeLimit(.minutes(2 + fuzzSeconds / 60)))
struct FloodIntegrationTests {
  @Test("any bytes on any port: no node ends or grows, and other clients are served on")
  func fuzzedPorts() async throws {
    let cluster = LoopbackCluster()
    defer { cluster.end() }
    for id in 1...3 { _ = try cluster.start(id, "--http", "127.0.0.1:\(cluster.base + 200 + id)") }
    let leader = try await cluster.leader()
    while try cluster.tool("redis-cli", leader, "SET", "k", "0") != "OK" {}
    let before = try cluster.memory(of: leader)
    let ports = [cluster.clientPort(leader), cluster.peerPort(leader), cluster.base + 200 + leader]
    let end = ContinuousClock.now + .seconds(fuzzSeconds)
    var random = SystemRandomNumberGenerator()
    var count = 0
    while ContinuousClock.now < end {
      for port in ports {
        let socket = try #require(RawSocket(port: port, seconds: 1))
        if port == cluster.peerPort(leader), Bool.random(using: &random) {
          // Past the door, to what waits behind it.
          socket.send(LoopbackCluster.greeting(to: leader))
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
    #expect(try cluster.memory(of: leader) < before + 64 << 20)
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

    let before = try cluster.memory(of: leader)
    let deaf = try #require(RawSocket(port: port))
    let gets = Array(repeating: request("GET", "k"), count: 1000).flatMap(\.self)
    // 4 GB are asked for; what the node does not read stays with the client.
    for _ in 0..<64 { deaf.send(gets) }
    try await Task.sleep(for: .seconds(1))
    #expect(try cluster.memory(of: leader) < before + 64 << 20)
    #expect(try cluster.tool("redis-cli", leader, "SET", "other", "1") == "OK")
  }

  @Test("a request of the most bytes is taken, one of more is refused in words")
  func largeRequests() async throws {
    let cluster = LoopbackCluster()
    defer { cluster.end() }
    let leader = try await cluster.begin()
    let client = try #require(RawSocket(port: cluster.clientPort(leader), seconds: 20))
    func header(_ length: Int) -> [UInt8] { Array("$\(length)\r\n".utf8) }
    func set(_ values: [Int]) -> [UInt8] {
      Array("*\(1 + 2 * values.count)\r\n$4\r\nMSET\r\n".utf8)
        + values.enumerated().flatMap { number, length in
          Array("$1\r\n\(number)\r\n".utf8) + header(length)
            + [UInt8](repeating: 65, count: length) + [13, 10]
        }
    }
    let most = 4 << 20
    client.send(set([most - 1000]))
    #expect(client.receive() == "+OK\r\n")
    client.send(set([most]))
    #expect(client.receive() == "-ERR a command of more than 4194304 bytes\r\n")
    client.send(Array("STRLEN 0\r\n".utf8))
    #expect(client.receive() == ":\(most - 1000)\r\n")
    client.send(set([most, most]))
    #expect(client.receiveAll() == "-ERR Protocol error: more than 8388608 bytes in one\r\n")
    #expect(try cluster.tool("redis-cli", leader, "SET", "k", "2") == "OK")
    for id in 1...3 { #expect(cluster.processes[id]?.isRunning == true) }
  }

  @Test("more requests than may wait are told so, and the rest is carried out")
  func queue() async throws {
    let cluster = LoopbackCluster()
    defer { cluster.end() }
    for id in 1...3 { _ = try cluster.start(id, "--max-waiting", "8") }
    let leader = try await cluster.leader()
    while try cluster.tool("redis-cli", leader, "SET", "n", "0") != "OK" {}
    let client = try #require(RawSocket(port: cluster.clientPort(leader)))
    client.send((1...100).flatMap { _ in Array("INCR n\r\n".utf8) })
    var answers: [Substring] = []
    while answers.count < 100 {
      let part = client.receive()
      try #require(!part.isEmpty)
      answers += part.split(separator: "\r\n")
    }
    let refused = answers.count { $0 == "-TRYAGAIN too many requests wait" }
    #expect(refused > 0 && refused < 100, "\(refused)")
    #expect(try cluster.tool("redis-cli", leader, "GET", "n") == "\(100 - refused)")
  }

  @Test("strangers at the ports for nodes and for metrics find an end, and the cluster goes on")
  func strangers() async throws {
    let cluster = LoopbackCluster()
    defer { cluster.end() }
    for id in 1...3 { _ = try cluster.start(id, "--http", "127.0.0.1:\(cluster.base + 200 + id)") }
    let leader = try await cluster.leader()
    while try cluster.tool("redis-cli", leader, "SET", "k", "1") != "OK" {}
    let watchers = (0..<256).compactMap { _ in RawSocket(port: cluster.base + 200 + leader) }
    let late = try #require(RawSocket(port: cluster.base + 200 + leader))
    #expect(late.receiveAll().hasPrefix("HTTP/1.1 503 "))
    let strangers = (0..<1100).compactMap { _ in RawSocket(port: cluster.peerPort(leader)) }
    let time = ContinuousClock().measure { #expect(strangers.last?.receiveAll() == "") }
    // Not by the deadline of those that are in and say nothing, which is five seconds.
    #expect(time < .seconds(4))
    #expect(try cluster.tool("redis-cli", leader, "SET", "k", "2") == "OK")
    withExtendedLifetime((watchers, strangers)) {}
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
}
