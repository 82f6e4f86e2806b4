// What lab-probe does to see a bad network from outside: datagrams between two nodes, timed and counted.

import CLinux
import Foundation
import Hosts

extension Main {
  /// What arrived of datagrams that were sent at even intervals.
  struct TrafficReport: Codable {
    var conditions: String
    var sent = 0
    /// Different ones.
    var arrived = 0
    var twice = 0
    /// Those that came after one which was sent later.
    var overtaken = 0
    /// Milliseconds under way. The median, which a moment without processor time does not move.
    var medianMilliseconds = 0.0
    var leastMilliseconds = 0.0
    var mostMilliseconds = 0.0
    /// Bits a second that arrived, with their headers, between the first and the last.
    var bitsPerSecond = 0.0
    /// What the queue says.
    var counts = PacketCounts()
    /// Datagrams that arrived once all was healed, of a hundred.
    var afterwards = 0
  }

  static func conditions(_ wanted: [String]) async throws {
    let hosts = try await LabNetwork.create(nodes: 2)
    let link = try Wire(from: hosts[0], to: hosts[1])
    for text in wanted {
      let parts = text.split(separator: " ").map(String.init)
      let conditions = LinkConditions(rawValue: parts[0])!
      let queue = try hosts[1].queuePackets(conditions, seed: 7)
      try await NetworkRules.apply(Grudge(["n2": ["n1"]]), .queued, to: hosts)
      var report = link.send(Int(parts[1])!, every: Double(parts[2])!, bytes: Int(parts[3])!)
      report.conditions = parts[0]
      report.counts = try await queue.counts()
      try await NetworkRules.heal(hosts)
      try await queue.close()
      report.afterwards = link.send(100, every: 0.0001, bytes: 100).arrived
      try say(report)
    }
  }

  /// Datagrams a second through the queue, and without it, as fast as they go.
  static func throughput() async throws {
    let hosts = try await LabNetwork.create(nodes: 2)
    let link = try Wire(from: hosts[0], to: hosts[1])
    let without = link.flood(seconds: 2)
    let queue = try hosts[1].queuePackets(LinkConditions(rawValue: "delay=1ms")!, seed: 7)
    try await NetworkRules.apply(Grudge(["n2": ["n1"]]), .queued, to: hosts)
    let through = link.flood(seconds: 2)
    let counts = try await queue.counts()
    try await NetworkRules.heal(hosts)
    try await queue.close()
    try say([
      "without": Int(without), "through": Int(through), "seen": counts.seen,
      "delayed": counts.delayed,
    ])
  }

  struct CutReport: Codable {
    /// How connecting to a node went: by nobody's rule, with packets dropped, with a reset.
    var open: String
    var dropped: String
    var reset: String
    /// From another node, while clients are cut.
    var peers: String
    var rules: [String]
    var healed: String
  }

  /// Connections to a port that is cut for clients, by both means.
  static func cuts() async throws {
    let hosts = try await LabNetwork.create(nodes: 2)
    let server = Task {
      try await hosts[0].withProcess(
        Command("perl", ["-MIO::Socket", "-e", Self.listening]), log: "/dev/null"
      ) { process in _ = await process.exit }
    }
    var open = ""
    for _ in 0..<200 where open != "connected" {
      open = connect(hosts[0].address, 6379)
      try await Task.sleep(for: .milliseconds(20))
    }
    try await NetworkRules.apply(["n1": [PacketRule(from: nil, port: 6379, .dropped)]], to: hosts)
    let dropped = connect(hosts[0].address, 6379)
    let peers = connect(hosts[0].address, 7379)
    try await NetworkRules.apply(["n1": [PacketRule(from: nil, port: 6379, .reset)]], to: hosts)
    let reset = connect(hosts[0].address, 6379)
    let rules = try await NetworkRules.remaining(on: hosts[0])
    try await NetworkRules.heal(hosts)
    let healed = connect(hosts[0].address, 6379)
    server.cancel()
    _ = await server.result
    try say(
      CutReport(
        open: open, dropped: dropped, reset: reset, peers: peers, rules: rules, healed: healed))
  }

  /// Listens on both ports until it is killed.
  private static let listening =
    "my @l = map { IO::Socket::INET->new(Listen => 9, LocalPort => $_, ReuseAddr => 1) or die } "
    + "(6379, 7379); sleep 60"

  private static func connect(_ address: String, _ port: UInt16) -> String {
    let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var patience = timeval(tv_sec: 0, tv_usec: 400_000)
    setsockopt(
      descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    name.sin_port = port.bigEndian
    inet_pton(AF_INET, address, &name.sin_addr)
    let result = withUnsafePointer(to: &name) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    if result == 0 { return "connected" }
    return errno == ECONNREFUSED ? "refused" : "silent"
  }
}

/// Datagrams from one node to another, by sockets of this process in their namespaces.
struct Wire: Sendable {
  private let sender: CInt
  private let receiver: CInt
  private let address: in_addr
  private let port: UInt16

  init(from: LocalHost, to: LocalHost) throws {
    var port: UInt16 = 0
    var step: CInt = 0
    sender = cl_udp_socket_in(from.namespace, from.address, &port, &step)
    receiver = cl_udp_socket_in(to.namespace, to.address, &port, &step)
    precondition(sender >= 0 && receiver >= 0, "no sockets")
    var room: CInt = 64 << 20
    setsockopt(receiver, SOL_SOCKET, CInt(SO_RCVBUFFORCE), &room, 4)
    var name = in_addr()
    inet_pton(AF_INET, to.address, &name)
    address = name
    self.port = port
  }

  private static var now: Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  private func send(_ bytes: [UInt8]) {
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    name.sin_addr = address
    name.sin_port = port.bigEndian
    withUnsafePointer(to: &name) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        _ = sendto(
          sender, bytes, bytes.count, 0, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }

  /// Sends `count` datagrams of `bytes`, one each `interval` seconds, and takes what arrives until nothing
  /// has for half a second.
  func send(_ count: Int, every interval: Double, bytes: Int) -> Main.TrafficReport {
    var report = Main.TrafficReport(conditions: "")
    report.sent = count
    var sentAt = [Double](repeating: 0, count: count)
    var latencies: [Double] = []
    var seen: Set<Int> = []
    var highest = -1
    var times: (first: Double, last: Double) = (0, 0)
    let round = Int.random(in: 1 ... .max)
    var buffer = [UInt8](repeating: 0, count: 65_536)
    func take() -> Bool {
      let length = recv(receiver, &buffer, buffer.count, 0)
      guard length == bytes else { return length >= 0 }
      let (theirs, number) = buffer.withUnsafeBytes {
        ($0.load(as: Int.self), $0.load(fromByteOffset: 8, as: Int.self))
      }
      guard theirs == round, sentAt.indices.contains(number) else { return true }
      let now = Self.now
      if times.first == 0 { times.first = now }
      times.last = now
      guard seen.insert(number).inserted else {
        report.twice += 1
        return true
      }
      if number < highest { report.overtaken += 1 }
      highest = max(highest, number)
      latencies.append((now - sentAt[number]) * 1000)
      return true
    }
    let start = Self.now
    for number in 0..<count {
      while Self.now < start + Double(number) * interval { while take() {} }
      var datagram = [UInt8](repeating: 0, count: bytes)
      datagram.withUnsafeMutableBytes {
        $0.storeBytes(of: round, as: Int.self)
        $0.storeBytes(of: number, toByteOffset: 8, as: Int.self)
      }
      sentAt[number] = Self.now
      send(datagram)
    }
    var quiet = Self.now
    while Self.now < quiet + 0.5 { if take() { quiet = Self.now } }
    report.arrived = seen.count
    report.medianMilliseconds = latencies.isEmpty ? 0 : latencies.sorted()[latencies.count / 2]
    report.leastMilliseconds = latencies.min() ?? 0
    report.mostMilliseconds = latencies.max() ?? 0
    if times.last > times.first {
      report.bitsPerSecond =
        Double((seen.count - 1) * (bytes + 28) * 8) / (times.last - times.first)
    }
    return report
  }

  /// Datagrams that arrive in a second, while one thread sends as many as it can: sixty with each system
  /// call, since it is not sending that is measured.
  func flood(seconds: Double) -> Double {
    let end = Self.now + seconds
    let sending = Thread {
      let solUDP: CInt = 17
      let udpSegment: CInt = 103
      var size: CInt = 64
      setsockopt(sender, solUDP, udpSegment, &size, socklen_t(MemoryLayout<CInt>.size))
      let datagrams = [UInt8](repeating: 1, count: 60 * 64)
      while Self.now < end { send(datagrams) }
    }
    sending.start()
    var buffer = [UInt8](repeating: 0, count: 2048)
    var count = 0
    while Self.now < end {
      while recv(receiver, &buffer, buffer.count, 0) > 0 { count += 1 }
    }
    usleep(200_000)
    while recv(receiver, &buffer, buffer.count, 0) > 0 {}
    return Double(count) / seconds
  }
}
