// Which node hears which, seen by datagrams and not by what the rules claim.
// Here: sockets in the nodes' namespaces, and rounds of sending. Not here: the matrix itself
// (Grudge.swift).

import Blocking
import CLinux
import Glibc

/// Sends a datagram over every direction between nodes, and sees which arrive.
///
/// All sockets belong to this process, so no process runs on the nodes and a probe costs a few
/// milliseconds. They are the nodes' all the same: packets pass the nodes' rules and queues. It
/// polls, which blocks, and so has a queue of its own.
public actor ReachabilityProbe: NetworkProbe {
  /// A direction that is silent for this long, each time it is tried, counts as cut.
  public static let defaultPatience = Duration.milliseconds(100)
  /// How often a direction is tried before it counts as cut: a packet may be lost by chance.
  private static let attempts = 3

  private let queue = QueueExecutor(label: "gauntlet.reachability")
  private let endpoints: [Endpoint]
  private let patience: Duration
  /// Tells the datagrams of one matrix from late ones of the matrix before.
  private var round: UInt64

  /// The queue on which it blocks.
  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    queue.asUnownedSerialExecutor()
  }

  /// Opens a socket in the namespace of each host; they are closed with the probe.
  ///
  /// - Throws: `HostError.probe` when a namespace can't be entered.
  public init(_ hosts: [LocalHost], patience: Duration = defaultPatience) throws(HostError) {
    var endpoints: [Endpoint] = []
    for host in hosts { endpoints.append(try Endpoint(host)) }
    self.endpoints = endpoints
    self.patience = patience
    var generator = SystemRandomNumberGenerator()
    round = generator.next()
  }

  /// Tries every ordered pair: a few milliseconds when nothing is cut, three times the patience
  /// when something is.
  ///
  /// - Throws: `CancellationError` between two attempts.
  public func matrix() async throws -> ReachabilityMatrix {
    round &+= 1
    let count = endpoints.count
    var reachable = (0..<count).map { from in (0..<count).map { $0 == from } }
    for _ in 0..<ReachabilityProbe.attempts {
      try Task.checkCancellation()
      var missing = count * count - reachable.joined().count(where: \.self)
      if missing == 0 { break }
      send(unless: reachable)
      let end = ContinuousClock.now + patience
      while missing > 0, waitForDatagram(until: end) {
        for to in endpoints.indices {
          while let from = receive(at: to) {
            if reachable[from][to] { continue }
            reachable[from][to] = true
            missing -= 1
          }
        }
      }
    }
    return ReachabilityMatrix(nodes: endpoints.map(\.name), reachable: reachable)
  }

  private func send(unless reachable: [[Bool]]) {
    for from in endpoints.indices {
      for to in endpoints.indices where !reachable[from][to] {
        endpoints[from].send(Datagram(round: round, from: from, to: to), to: endpoints[to])
      }
    }
  }

  /// Blocks until a datagram is there; false when `end` came first.
  private func waitForDatagram(until end: ContinuousClock.Instant) -> Bool {
    var watched = endpoints.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
    while true {
      let left = ContinuousClock.now.duration(to: end)
      if left <= .zero { return false }
      // Rounded up: a poll of 0 ms would spin through the last millisecond.
      let milliseconds = CInt(left / .milliseconds(1)) + 1
      let ready = poll(&watched, nfds_t(watched.count), milliseconds)
      if ready > 0 { return true }
      precondition(ready == 0 || errno == EINTR, "poll on our own sockets: errno \(errno)")
    }
  }

  /// The sender of the next datagram of this round that lies at `to`; nil when there is none.
  private func receive(at to: Int) -> Int? {
    while let datagram = endpoints[to].receive() {
      guard datagram.round == round, datagram.to == to, endpoints.indices.contains(datagram.from)
      else { continue }
      return datagram.from
    }
    return nil
  }
}

/// The ports of probes, whose datagrams no bad network delays or loses: what is asked is what is cut.
enum ProbePorts {
  static let range: ClosedRange<UInt16> = 26_465...26_496

  /// What `open` makes at the first port that nobody has; -1 with errno where it makes none.
  static func first(_ open: (UInt16) -> CInt) -> CInt {
    for port in range {
      let descriptor = open(port)
      if descriptor >= 0 || errno != EADDRINUSE { return descriptor }
    }
    return -1
  }
}

/// What is sent: 24 bytes that never leave this machine, so in its own byte order.
private struct Datagram: BitwiseCopyable {
  var round: UInt64
  var from: Int
  var to: Int
}

/// A socket of this process in a node's namespace.
private final class Endpoint: Sendable {
  let name: String
  let descriptor: CInt
  private let socket: SocketName

  init(_ host: LocalHost) throws(HostError) {
    var port: UInt16 = 0
    var step: CInt = 0
    descriptor = ProbePorts.first { wanted in
      port = wanted
      return cl_udp_socket_in(host.namespace, host.address, &port, &step)
    }
    if descriptor < 0 {
      let verb =
        switch cl_enter_step(UInt32(step)) {
        case CL_ENTER_OPEN: "opening \(host.namespace)"
        case CL_ENTER_SETNS: "entering \(host.namespace)"
        default: "binding a socket to \(host.address)"
        }
      throw .probe(host: host.name, reason: "\(verb): \(String(cString: strerror(errno)))")
    }
    guard let socket = SocketName(host.address, port) else {
      preconditionFailure("a socket was bound to \(host.address)")
    }
    name = host.name
    self.socket = socket
  }

  deinit { close(descriptor) }

  /// Sends if it can. A refusal (a link that is down, a rule on OUTPUT, a full queue) is a
  /// datagram that doesn't arrive, which is what is asked.
  func send(_ datagram: Datagram, to other: Endpoint) {
    withUnsafeBytes(of: datagram) { other.socket.send($0, from: descriptor) }
  }

  /// The next datagram that lies here; nil when there is none. What is not ours is skipped.
  func receive() -> Datagram? {
    var datagram = Datagram(round: 0, from: 0, to: 0)
    while true {
      let length = withUnsafeMutableBytes(of: &datagram) { bytes in
        recv(descriptor, bytes.baseAddress, bytes.count, CInt(MSG_TRUNC))
      }
      if length == MemoryLayout<Datagram>.size { return datagram }
      // An error that a peer's ICMP left on the socket is taken by this call, and gone.
      if length < 0, errno == EAGAIN { return nil }
    }
  }
}
