// The agent: the controller's hands on a host, for as long as a connection lasts. What must outlive it
// is the watchdog's, to which it passes on what is meant for that.

import CLinux
import Dispatch
import FoundationEssentials
import Glibc
import Synchronization

/// Serves requests from standard input, and answers on standard output.
public final class AgentServer: Sendable {
  /// What this agent and its controller mean by their words.
  public static let version = 3

  private let watchdog: CInt
  private let probe = Mutex<ProbeSocket?>(nil)
  private let packets = Mutex<PacketQueue?>(nil)
  private let shims = Mutex<[String: Shim]>([:])
  private let output = Mutex<Void>(())

  /// Starts the run's watchdog, unless it runs. To be called before there is a second thread.
  ///
  /// - Parameter agent: this executable.
  /// - Throws: `LedgerError` when it cannot be.
  public init(run: String, leaseSeconds: Double, agent: String) throws(LedgerError) {
    try HostWatchdog.ensure(for: run, leaseSeconds: leaseSeconds, agent: agent)
    guard let descriptor = HostWatchdog.connect(to: try LedgerFolder(run: run)) else {
      throw LedgerError("the watchdog ended as soon as it had begun")
    }
    watchdog = descriptor
  }

  /// Serves until standard input or the watchdog ends. Never returns.
  public func serve() -> Never {
    send(AgentLine.encode(AgentAnswer(id: 0, .ready(version: Self.version))))
    DispatchQueue(label: "answers").async { [self] in
      Self.read(watchdog) { bytes in send(bytes) }
      exit(0)
    }
    DispatchQueue(label: "requests").async { [self] in
      var splitter = LineSplitter()
      Self.read(STDIN_FILENO) { bytes in
        guard let lines = splitter.take(bytes) else { exit(1) }
        for line in lines { take(line) }
      }
      exit(0)
    }
    dispatchMain()
  }

  /// Blocks until nothing comes any more.
  private static func read(_ descriptor: CInt, _ body: ([UInt8]) -> Void) {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return }
      body(Array(buffer[..<count]))
    }
  }

  /// Who does not listen any more is about to be seen to be gone.
  private func send(_ bytes: [UInt8]) {
    output.withLock { _ in _ = writeAll(bytes, to: STDOUT_FILENO) }
  }

  private func take(_ line: ArraySlice<UInt8>) {
    guard let request = AgentLine.decode(AgentRequest.self, line) else {
      return send(AgentLine.encode(AgentAnswer(id: 0, .failed("a request that is none"))))
    }
    switch request.body {
    case .watchdog: writeAll(line + [UInt8(ascii: "\n")], to: watchdog)
    case .agent(let task):
      Task {
        let body: AgentAnswer.Body
        do { body = try await carryOut(task) } catch { body = .failed("\(error)") }
        send(AgentLine.encode(AgentAnswer(id: request.id, body)))
      }
    }
  }

  private func carryOut(_ task: AgentTask) async throws -> AgentAnswer.Body {
    switch task {
    case .run(let command, let input, let seconds):
      let result = try await command.collect(
        as: command.description, on: "here", input: Array(input), deadline: .seconds(seconds))
      return .ran(
        result.status, output: Data(result.output), errors: Data(result.errors))
    case .makeFolder(let path):
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      return .done
    case .schedulerState(let process):
      return .state(ProcessTable.look(process).map { "\($0.state)" })
    case .openProbe(let address):
      let socket = try ProbeSocket(address: address)
      let port = socket.port
      probe.withLock { $0 = socket }
      return .port(port)
    case .sendProbes(let round, let from, let targets):
      try probe.withLock { socket in
        guard let socket else { throw LedgerError("no probe is open") }
        for target in targets { socket.send(round: round, from: from, to: target) }
      }
      return .done
    case .heardProbes(let round):
      return .heard(probe.withLock { $0?.heard(in: round) ?? [] })
    case .turnBit(let folder, let end, let tail, let seed):
      return .turned(
        try BitFlip.turn(in: folder, nameEnding: end, sparing: tail, seed: seed, host: "here"))
    case .turnBack(let flip): return .turnedBack(try flip.turnBack(host: "here"))
    case .controlGroup(let process, let limit):
      return .controlGroup(try ControlGroup.find(for: process, limit))
    case .confine(let process, let group, let limit):
      try group.confine(process, to: limit)
      return .done
    case .release(let group):
      try group.release()
      return .done
    case .time: return .time(SystemTime.now)
    case .cutEnd(let folder, let end, let seed):
      return .cut(try FileCut.cut(in: folder, nameEnding: end, seed: seed, host: "here"))
    case .shim(let folder, let data, let library, let request):
      let shim = try shims.withLock { shims in
        if let shim = shims[folder] { return shim }
        let shim = try Shim(folder: folder, data: data, host: "here", library: library)
        shims[folder] = shim
        return shim
      }
      return .shim(try shim.ask(request))
    case .openQueue(let conditions, let seed):
      await packets.withLock { $0.take() }?.close()
      let queue = try PacketQueue(conditions, seed: seed, namespace: nil, host: "here")
      packets.withLock { $0 = queue }
      return .done
    case .countPackets:
      return .packets(packets.withLock { $0?.counts() } ?? PacketCounts())
    case .closeQueue:
      await packets.withLock { $0.take() }?.close()
      return .done
    }
  }
}

/// A socket for datagrams that show who hears whom.
private final class ProbeSocket: Sendable {
  private struct Datagram: BitwiseCopyable {
    /// In the order of the network, as hosts may differ.
    var round: UInt64
    var from: UInt64
  }

  private let descriptor: CInt
  let port: UInt16

  init(address: String) throws(LedgerError) {
    guard SocketName(address, 0) != nil else {
      throw LedgerError("\(address) is neither an IPv4 nor an IPv6 address")
    }
    var bound: UInt16 = 0
    var step: CInt = 0
    descriptor = ProbePorts.first { wanted in
      bound = wanted
      return cl_udp_socket_in(nil, address, &bound, &step)
    }
    guard descriptor >= 0 else { throw .system("listening at \(address)") }
    port = bound
  }

  deinit { close(descriptor) }

  /// What cannot be sent is not heard, which is what is asked.
  func send(round: UInt64, from: Int, to target: ProbeTarget) {
    guard let name = SocketName(target.address, target.port) else { return }
    let datagram = Datagram(round: round.bigEndian, from: UInt64(from).bigEndian)
    withUnsafeBytes(of: datagram) { name.send($0, from: descriptor) }
  }

  /// Who has sent in `round`, of what has come since the last call.
  func heard(in round: UInt64) -> [Int] {
    var senders: Set<Int> = []
    var datagram = Datagram(round: 0, from: 0)
    for _ in 0..<100_000 {
      let length = withUnsafeMutableBytes(of: &datagram) {
        recv(descriptor, $0.baseAddress, $0.count, CInt(MSG_TRUNC))
      }
      if length < 0, errno == EAGAIN { break }
      guard length == MemoryLayout<Datagram>.size, UInt64(bigEndian: datagram.round) == round,
        let sender = Int(exactly: UInt64(bigEndian: datagram.from))
      else { continue }
      senders.insert(sender)
    }
    return senders.sorted()
  }
}
