// A machine over SSH as a host of a run: everything there goes through its agent.

import FoundationEssentials
import Hosts
import SSH

/// A machine over SSH that a node runs on.
public struct RemoteHost: Host {
  /// As the hosts file says.
  public let name: String
  /// Its address, IPv4 or IPv6, in the cluster's network.
  public let address: String
  /// Ours to it.
  public let control: ControlPath?
  let connection: AgentConnection
  let session: SSHSession
  /// Where the agent lies there.
  public let agent: String
  /// Where the run's files lie there.
  let folder: String
  /// Where programs lie there that lie elsewhere here.
  let programs: [String: String]

  /// So long an answer may take that needs no work.
  private static let patience = Duration.seconds(15)
  /// The most that a node's log may hold.
  private static let longestLog = 1 << 30

  /// Where what lies here at `path` lies there: a program that was sent, or a file of the run.
  public func place(of path: String) -> String {
    programs[path] ?? "\(folder)/\(path.drop(while: { $0 == "/" }))"
  }

  /// Downloads a file.
  public func fetch(_ place: String, to path: String) async throws(HostError) {
    if let failure = connection.failure { throw failure }
    do {
      try FileManager.default.createDirectory(
        at: URL(filePath: path).deletingLastPathComponent(), withIntermediateDirectories: true)
      try await session.download(place, to: path, within: .seconds(300))
    } catch {
      throw .lost(host: name, reason: "\(error)")
    }
  }

  /// Makes a folder, with those above it.
  public func makeFolder(_ path: String) async throws(HostError) {
    _ = try await ask(.agent(.makeFolder(path)), "mkdir \(path)")
  }

  /// Runs a short command to its end.
  public func run(
    _ command: Command, input: [UInt8], deadline: Duration
  ) async throws(HostError) -> CommandResult {
    let task = AgentTask.run(command, input: Data(input), seconds: deadline / .seconds(1))
    let answer = try await connection.ask(
      .agent(task), command.description, within: deadline + Self.patience)
    guard case .ran(let status, let output, let errors) = answer else {
      throw .badAnswer(host: name, command: command.description)
    }
    return CommandResult(status: status, output: Array(output), errors: Array(errors))
  }

  /// Has the watchdog start a process; it ends with `body`, or with the lease.
  public func withProcess<Result: Sendable>(
    _ command: Command, log: String, body: @Sendable (any NodeProcess) async throws -> Result
  ) async throws -> (Result, ExitStatus) {
    let start = WatchdogRequest.start(command, log: log, mostBytes: Self.longestLog)
    guard case .started(let pid) = try await ask(.watchdog(start), command.description) else {
      throw HostError.badAnswer(host: name, command: command.description)
    }
    let process = RemoteNodeProcess(pid: pid, host: self)
    let outcome: Swift.Result<Result, any Error>
    do {
      outcome = .success(try await body(process))
    } catch {
      outcome = .failure(error)
    }
    // In a task of its own: also when this one is cancelled.
    let status = await Task {
      // What cannot be killed from here the watchdog kills when the lease is over.
      _ = try? await process.signal(.kill)
      return await process.exit
    }.value
    return (try outcome.get(), status)
  }

  /// The scheduler's letter for a process; nil when it is gone.
  public func schedulerState(of process: Int32) async throws(HostError) -> Character? {
    guard
      case .state(let state) = try await ask(
        .agent(.schedulerState(process: process)), "the state of \(process)")
    else { throw .badAnswer(host: name, command: "the state of \(process)") }
    return state?.first
  }

  /// Has the agent turn a bit round.
  public func turnBit(
    in folder: String, nameEnding end: String, sparing tail: Int64, seed: UInt64
  ) async throws(HostError) -> BitFlip? {
    let task = AgentTask.turnBit(folder: folder, nameEnding: end, sparing: tail, seed: seed)
    guard case .turned(let flip) = try await ask(.agent(task), "turning a bit") else {
      throw .badAnswer(host: name, command: "turning a bit")
    }
    return flip
  }

  /// Has the agent turn it back.
  public func turnBack(_ flip: BitFlip) async throws(HostError) -> Bool {
    guard case .turnedBack(let isBack) = try await ask(.agent(.turnBack(flip)), "turning a bit")
    else { throw .badAnswer(host: name, command: "turning a bit") }
    return isBack
  }

  /// Has the agent cut it off.
  public func cutEnd(
    of folder: String, nameEnding end: String, seed: UInt64
  ) async throws(HostError) -> FileCut? {
    let task = AgentTask.cutEnd(folder: folder, nameEnding: end, seed: seed)
    guard case .cut(let cut) = try await ask(.agent(task), "cutting a file") else {
      throw .badAnswer(host: name, command: "cutting a file")
    }
    return cut
  }

  /// As the host has them.
  public func controlGroup(
    for process: Int32, _ limit: ResourceLimit
  ) async throws(HostError) -> ControlGroup {
    let task = AgentTask.controlGroup(process: process, limit)
    guard case .controlGroup(let group) = try await ask(.agent(task), "a control group") else {
      throw .badAnswer(host: name, command: "a control group")
    }
    return group
  }

  /// Has the agent make it.
  public func confine(
    _ process: Int32, in group: ControlGroup, to limit: ResourceLimit
  ) async throws(HostError) {
    _ = try await ask(
      .agent(.confine(process: process, in: group, to: limit)), "confining \(process)")
  }

  /// Has the agent remove it.
  public func release(_ group: ControlGroup) async throws(HostError) {
    _ = try await ask(.agent(.release(group)), "letting go \(group.path)")
  }

  /// The host's.
  public func time() async throws(HostError) -> Int64 {
    guard case .time(let time) = try await ask(.agent(.time), "its time") else {
      throw .badAnswer(host: name, command: "its time")
    }
    return time
  }

  /// A shim that the host's agent steers, with the library that was sent.
  public func shim(folder: String, data: String) async throws(HostError) -> any ShimSteering {
    RemoteShim(host: self, folder: folder, data: data, library: place(of: try Shim.library()))
  }

  /// Has the agent take the queue.
  public func queuePackets(
    _ conditions: LinkConditions, seed: UInt64
  ) async throws(HostError) -> any PacketQueueing {
    _ = try await ask(.agent(.openQueue(conditions, seed: seed)), "queueing packets")
    return RemotePacketQueue(host: self)
  }

  /// Yes: the watchdog does.
  public var keepsLedger: Bool { true }

  /// Has the watchdog keep how something is undone.
  public func note(_ key: String, _ undo: Undo) async throws(HostError) {
    _ = try await ask(.watchdog(.note(key: key, undo)), "noting \(key)")
  }

  /// Has the watchdog undo it now.
  public func undo(_ key: String) async throws(HostError) {
    _ = try await ask(.watchdog(.undo(key: key)), "undoing \(key)")
  }

  func ask(_ body: AgentRequest.Body, _ name: String) async throws(HostError) -> AgentAnswer.Body {
    try await connection.ask(body, name, within: Self.patience)
  }
}

/// A process that a host's watchdog started.
private struct RemoteNodeProcess: NodeProcess {
  let pid: Int32
  let host: RemoteHost

  var exit: ExitStatus { get async { await host.connection.end(of: pid) } }

  func signal(_ signal: Signal) async throws(HostError) -> Bool {
    let answer = try await host.ask(.watchdog(.signal(process: pid, signal)), "\(signal) to \(pid)")
    guard case .signalled(let isHit) = answer else {
      throw .badAnswer(host: host.name, command: "\(signal) to \(pid)")
    }
    return isHit
  }
}

/// A shim that a host's agent steers.
private struct RemoteShim: ShimSteering {
  let host: RemoteHost
  let folder: String
  let data: String
  let library: String

  func ask(_ request: ShimRequest) async throws(HostError) -> ShimAnswer {
    let task = AgentTask.shim(folder: folder, data: data, library: library, request)
    guard case .shim(let answer) = try await host.ask(.agent(task), "steering a shim") else {
      throw .badAnswer(host: host.name, command: "steering a shim")
    }
    return answer
  }
}

/// A queue that a host's agent decides on.
private struct RemotePacketQueue: PacketQueueing {
  let host: RemoteHost

  func counts() async throws(HostError) -> PacketCounts {
    guard case .packets(let counts) = try await host.ask(.agent(.countPackets), "counting packets")
    else { throw .badAnswer(host: host.name, command: "counting packets") }
    return counts
  }

  func close() async throws(HostError) {
    _ = try await host.ask(.agent(.closeQueue), "letting packets go")
  }
}

/// Sees who hears whom among machines over SSH, by datagrams that their agents send.
public actor FleetProbe: NetworkProbe {
  private static let attempts = 3

  private let hosts: [RemoteHost]
  private let patience: Duration
  private var targets: [ProbeTarget] = []
  private var round: UInt64

  /// A probe among `hosts`; a direction that is silent for `patience`, each time, counts as cut.
  public init(_ hosts: [RemoteHost], patience: Duration = .milliseconds(100)) {
    self.hosts = hosts
    self.patience = patience
    var generator = SystemRandomNumberGenerator()
    round = generator.next()
  }

  /// Tries every ordered pair, three times where nothing comes.
  public func matrix() async throws -> ReachabilityMatrix {
    if targets.isEmpty { targets = try await open() }
    round &+= 1
    var reachable = hosts.indices.map { from in hosts.indices.map { $0 == from } }
    for _ in 0..<Self.attempts where reachable.joined().contains(false) {
      let missing = reachable
      _ = try await onEach { [targets, round] place, host in
        let others = targets.indices.filter { !missing[place][$0] }.map { targets[$0] }
        return try await host.ask(
          .agent(.sendProbes(round: round, from: place, to: others)), "sending probes")
      }
      try await Task.sleep(for: patience)
      let heard = try await onEach { [round] _, host in
        try await host.ask(.agent(.heardProbes(round: round)), "hearing probes")
      }
      for (to, answer) in heard.enumerated() {
        guard case .heard(let senders) = answer else {
          throw HostError.badAnswer(host: hosts[to].name, command: "hearing probes")
        }
        for from in senders where hosts.indices.contains(from) { reachable[from][to] = true }
      }
    }
    return ReachabilityMatrix(nodes: hosts.map(\.name), reachable: reachable)
  }

  private func open() async throws -> [ProbeTarget] {
    let answers = try await onEach { _, host in
      try await host.ask(.agent(.openProbe(address: host.address)), "opening a probe")
    }
    return try zip(hosts, answers).map { host, answer in
      guard case .port(let port) = answer else {
        throw HostError.badAnswer(host: host.name, command: "opening a probe")
      }
      return ProbeTarget(address: host.address, port: port)
    }
  }

  /// What each host answers, in their order.
  private func onEach(
    _ body: @escaping @Sendable (Int, RemoteHost) async throws -> AgentAnswer.Body
  ) async throws -> [AgentAnswer.Body] {
    try await withThrowingTaskGroup(of: (Int, AgentAnswer.Body).self) { tasks in
      for (place, host) in hosts.enumerated() {
        tasks.addTask { (place, try await body(place, host)) }
      }
      var answers: [Int: AgentAnswer.Body] = [:]
      for try await (place, answer) in tasks { answers[place] = answer }
      return answers.sorted { $0.key < $1.key }.map(\.value)
    }
  }
}
