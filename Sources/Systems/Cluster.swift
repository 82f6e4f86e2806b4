// The processes of a cluster: started, killed, paused, watched, and always reaped.

import FoundationEssentials
import Hosts

/// How a node stands.
public enum NodeState: String, Equatable, Sendable {
  /// No process.
  case stopped
  /// Its process runs.
  case running
  /// Its process is stopped by SIGSTOP.
  case paused
}

/// A process that ended though nobody ended it.
public struct Crash: Equatable, Sendable {
  /// The node's name.
  public var node: String
  /// How it ended, in words that go after the name.
  public var reason: String
  /// When, in nanoseconds since the run began.
  public var time: Int64
}

/// All nodes of one run.
public actor Cluster {
  private struct Node {
    var state = NodeState.stopped
    var process: (any NodeProcess)?
    var supervisor: Task<Void, any Error>?
    var shim: (any ShimSteering)?
    /// What stands for its folder, when no shim can be in its process.
    var disk: DiskServer?
    /// Why there is none, though no shim can be in its process.
    var diskProblem: String?
    /// So many seconds its clocks that cannot be set are ahead from its next start on.
    var secondsAhead = 0
    /// Whether it was seen if its process calls the shim.
    var isTried = false
    var start = NodeStart()
    /// How many faults are on it that it cannot live with.
    var excuses = 0
    /// One was on it until so lately that an end of the node may come of it.
    var excusedUntil: ContinuousClock.Instant?
    /// Whether nobody ended it.
    var hasEndedItself = false
    /// How it ended while it was excused, if it has not been started since.
    var excusedEnd: ExitStatus?
  }

  /// The nodes' hosts, in order.
  public nonisolated let hosts: [any Host]
  /// What runs on them.
  public nonisolated let system: any System
  private nonisolated let folder: String
  private let clock: @Sendable () -> Int64
  private let usesShims: Bool
  private let usesDisks: Bool
  private var nodes: [Node]
  /// Processes that ended though nobody ended them, in order.
  public private(set) var crashes: [Crash] = []
  /// Processor time of the nodes' processes that have ended, in seconds; nil where one of them was not
  /// measured.
  public private(set) var processorSeconds: Double? = 0
  /// Nodes whose hosts went out of reach: what became of them is not known.
  public private(set) var lost: Set<String> = []

  /// A cluster without processes. Each node's data and log lie under `folder`; `clock` tells
  /// nanoseconds since the run began. With `usesShims` disks and clocks can be made to fail, with
  /// `usesDisks` disks also of processes in which no shim can be.
  public init(
    system: any System, hosts: [any Host], folder: String,
    usesShims: Bool = false, usesDisks: Bool = false, clock: @escaping @Sendable () -> Int64
  ) {
    self.usesShims = usesShims
    self.usesDisks = usesDisks
    self.system = system
    self.hosts = hosts
    self.folder = folder
    self.clock = clock
    nodes = hosts.map { _ in Node() }
  }

  /// How node `index` stands.
  public func state(of index: Int) -> NodeState { nodes[index].state }

  /// What steers the disk and the clocks of node `index`; nil where there is no shim.
  public func shim(of index: Int) -> (any ShimSteering)? { nodes[index].shim }

  /// Whether a file system of ours stands for the folder of node `index`, whose process calls no shim.
  public func isOnOurDisk(_ index: Int) -> Bool { nodes[index].disk != nil }

  /// Why the disk of node `index`, whose process calls no shim, cannot be made to fail; nil where nobody has
  /// tried, or it can.
  public func diskProblem(of index: Int) -> String? { nodes[index].diskProblem }

  /// From now until five seconds after as many calls of `pardon`, an end of node `index` is no crash: a
  /// fault is on it that it cannot live with.
  public func excuse(_ index: Int) { nodes[index].excuses += 1 }

  /// Five seconds from now the ends of node `index` are its own again, as far as one excuse goes.
  public func pardon(_ index: Int) {
    precondition(nodes[index].excuses > 0, "\(hosts[index].name) was not excused")
    nodes[index].excuses -= 1
    nodes[index].excusedUntil = .now + .seconds(5)
  }

  /// Whether node `index` is down and nobody ended it.
  public func hasEndedItself(_ index: Int) -> Bool {
    nodes[index].state == .stopped && nodes[index].hasEndedItself
  }

  /// Notes as crashes the nodes that ended by themselves, excused or not, and are not there now that
  /// everything is healed.
  public func noteFallen() {
    for index in nodes.indices {
      guard nodes[index].state == .stopped, let status = nodes[index].excusedEnd else { continue }
      noteCrash(of: index, "does not stay up after a fault of its disk: \(status)")
    }
  }

  /// The process number of node `index`, for evidence.
  public func pid(of index: Int) -> Int32? { nodes[index].process?.pid }

  /// Starts node `index` on the data it has; returns its process number.
  ///
  /// The first time it is seen whether its process calls the shim. One that does not is started again on a
  /// file system of ours, where there can be one.
  ///
  /// - Throws: `HostError` when the process cannot be started.
  @discardableResult
  public func start(_ index: Int) async throws -> Int32 {
    let pid = try await launch(index)
    guard usesDisks, !nodes[index].isTried, let shim = nodes[index].shim else { return pid }
    nodes[index].isTried = true
    for _ in 0..<200 where nodes[index].state == .running {
      guard try await shim.look().calls.isEmpty else { return pid }
      try await Task.sleep(for: .milliseconds(5))
    }
    guard nodes[index].state == .running else { return pid }
    let (host, home) = (hosts[index], home(of: index))
    do {
      nodes[index].disk = try await DiskServer(
        at: "\(home)/disk", over: "\(home)/data", shim: shim, on: host, log: "\(home)/disk.log")
    } catch {
      nodes[index].diskProblem = "\(error)"
      return pid
    }
    try await stop(index)
    return try await launch(index)
  }

  private func launch(_ index: Int) async throws -> Int32 {
    precondition(nodes[index].state == .stopped, "\(hosts[index].name) runs already")
    let (host, home) = (hosts[index], home(of: index))
    try await host.makeFolder("\(home)/data")
    let data = nodes[index].disk?.path ?? "\(home)/data"
    var command = system.command(node: index, data: data, as: nodes[index].start)
    if usesShims, nodes[index].disk == nil {
      let shim: any ShimSteering
      if let made = nodes[index].shim {
        shim = made
      } else {
        shim = try await host.shim(folder: home, data: "\(home)/data")
      }
      nodes[index].shim = shim
      command = try await shim.preloaded(into: command)
    }
    if nodes[index].secondsAhead != 0 {
      command = host.ahead(command, bySeconds: nodes[index].secondsAhead)
    }
    nodes[index].state = .running
    nodes[index].excusedEnd = nil
    nodes[index].hasEndedItself = false
    let started = AsyncStream.makeStream(of: (any NodeProcess).self)
    // Ends with its process, and is awaited by `kill` and `stop`, whichever ends the process.
    nodes[index].supervisor = Task { [weak self] in
      defer { started.continuation.finish() }
      let (used, status) = try await host.withProcess(command, log: "\(home)/node.log") { process in
        started.continuation.yield(process)
        _ = await process.exit
        return await process.processorSeconds
      }
      await self?.ended(index, status, used)
    }
    // In a task of its own: one that is cancelled would be told of no process though there is one.
    let process = await Task { await started.stream.first { _ in true } }.value
    if let process {
      nodes[index].process = process
      return process.pid
    }
    nodes[index].state = .stopped
    if let supervisor = nodes[index].supervisor { try await supervisor.value }
    throw SystemError("\(host.name): its process ended before it was seen; read \(home)/node.log")
  }

  private nonisolated func home(of index: Int) -> String {
    hosts[index].place(of: "\(folder)/\(hosts[index].name)")
  }

  /// Where node `index` keeps its state, on its host.
  public nonisolated func data(of index: Int) -> String { "\(home(of: index))/data" }

  /// Takes all that node `index`, which is stopped, has stored. It waits to be added from now on, whenever
  /// it is started.
  ///
  /// - Throws: `HostError` when it cannot be removed.
  public func wipe(_ index: Int) async throws {
    precondition(nodes[index].state == .stopped, "\(hosts[index].name) runs")
    let host = hosts[index]
    // Before: whatever is left of it then is not what a member has.
    nodes[index].start.joins = true
    let command = Command("rm", ["-rf", "--", data(of: index)])
    _ = try await host.run(command, deadline: .seconds(30))
      .succeeded(command.description, on: host.name)
  }

  /// The build that node `index` runs from its next start on.
  public func use(upgrade: Bool, for index: Int) { nodes[index].start.isUpgraded = upgrade }

  /// How many seconds the clocks of node `index` that cannot be set are ahead from its next start on.
  public func setClocks(of index: Int, secondsAhead seconds: Int) {
    nodes[index].secondsAhead = seconds
  }

  private func ended(_ index: Int, _ status: ExitStatus, _ used: Double?) {
    processorSeconds = used.flatMap { used in processorSeconds.map { $0 + used } }
    // Whoever ends a node says so first: then it is stopped already.
    if nodes[index].state != .stopped {
      if status == .lost {
        lost.insert(hosts[index].name)
      } else {
        noteEnd(of: index, status)
      }
      nodes[index].hasEndedItself = true
    }
    nodes[index].state = .stopped
    nodes[index].process = nil
  }

  /// Notes as a crash that node `index` ended by itself, unless a fault of its disk is on it and it ended
  /// as one does that cannot live with that: killed by the fault, or by its own decision. A trap is a
  /// crash whatever its disk does.
  private func noteEnd(of index: Int, _ status: ExitStatus) {
    let isDecent =
      switch status {
      case .exited: true
      case .signalled(let number, _): number == Signal.kill.rawValue
      // Which only a host tells apart from any other kill.
      case .outOfMemory: true
      case .lost: false
      }
    if isDecent, nodes[index].excuses > 0 || nodes[index].excusedUntil ?? .now > .now {
      nodes[index].excusedEnd = status
    } else {
      noteCrash(of: index, "\(status)")
    }
  }

  private func noteCrash(of index: Int, _ reason: String) {
    crashes.append(Crash(node: hosts[index].name, reason: reason, time: clock()))
  }

  /// Kills node `index` with SIGKILL and reaps it; returns the process number it had, nil when it
  /// had none.
  @discardableResult
  public func kill(_ index: Int) async throws -> Int32? {
    try await end(index, with: .kill)
  }

  /// Ends node `index` with `signal`, or with SIGKILL when it takes too long, and reaps it; returns the
  /// process number it had, nil when it had none, or ended otherwise.
  @discardableResult
  public func end(_ index: Int, with signal: Signal) async throws -> Int32? {
    if nodes[index].state == .paused, signal != .kill { try await resume(index) }
    return try await end(index, with: signal, patience: .seconds(5))
  }

  /// Ends node `index` for good, and what stands for its folder.
  public func retire(_ index: Int) async throws {
    let result: Result<Void, any Error>
    do { result = .success(try await stop(index)) } catch { result = .failure(error) }
    let disk = nodes[index].disk
    nodes[index].disk = nil
    await disk?.end()
    if let disk, disk.hasEndedItself {
      throw SystemError(
        "\(hosts[index].name): gauntlet-disk ended by itself; read \(home(of: index))/disk.log")
    }
    try result.get()
  }

  /// Ends node `index` with SIGTERM, or with SIGKILL when it takes too long.
  public func stop(_ index: Int) async throws {
    if nodes[index].state == .paused { try await resume(index) }
    try await end(index, with: .terminate, patience: .seconds(3))
  }

  @discardableResult
  private func end(_ index: Int, with signal: Signal, patience: Duration) async throws -> Int32? {
    guard let process = nodes[index].process, nodes[index].state != .stopped else { return nil }
    nodes[index].state = .stopped
    let isHit = try await process.signal(signal)
    let supervisor = nodes[index].supervisor
    let overdue = Task {
      try await Task.sleep(for: patience)
      if signal == .abort {
        // Swift's runtime takes the first for a report of where everything stands, and goes on.
        try await process.signal(.abort)
        try await Task.sleep(for: patience)
      }
      try await process.signal(.kill)
    }
    let status = await process.exit
    overdue.cancel()
    try await supervisor?.value
    if status == .lost {
      lost.insert(hosts[index].name)
      return nil
    }
    // It may have ended on its own just before, or badly when it was asked to end.
    let isExpected =
      switch status {
      case .exited(0): signal == .terminate
      case .signalled(let number, _): number == signal.rawValue
      default: false
      }
    guard isHit, isExpected else {
      let isKilled = status == .signalled(Signal.kill.rawValue, coreDumped: false)
      if isHit, isKilled {
        noteCrash(of: index, "did not end within \(patience) of \(signal)")
      } else {
        noteEnd(of: index, status)
      }
      return nil
    }
    return process.pid
  }

  /// Stops node `index` with SIGSTOP; false when it does not run.
  public func pause(_ index: Int) async throws -> Bool {
    guard nodes[index].state == .running, let process = nodes[index].process else { return false }
    nodes[index].state = .paused
    guard try await process.signal(.stop) else {
      // It has ended; whoever sees that is to see that nobody asked for it.
      if nodes[index].state == .paused { nodes[index].state = .running }
      return false
    }
    return true
  }

  /// Lets node `index` go on; false when it was not paused.
  @discardableResult
  public func resume(_ index: Int) async throws -> Bool {
    guard nodes[index].state == .paused, let process = nodes[index].process else { return false }
    nodes[index].state = .running
    do {
      try await process.signal(.resume)
    } catch {
      if nodes[index].state == .running { nodes[index].state = .paused }
      throw error
    }
    return true
  }

  /// The scheduler's letter for node `index`'s process, as `/proc` has it: `T` is stopped.
  public func schedulerState(of index: Int) async throws -> Character? {
    guard let process = nodes[index].process else { return nil }
    return try await hosts[index].schedulerState(of: process.pid)
  }
}
