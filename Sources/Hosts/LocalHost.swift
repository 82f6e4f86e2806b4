// A node in a network namespace of this machine: commands, and long-lived processes.
// Not here: making the namespace (LabNetwork.swift), joining it (EnterCommand.swift).

import FoundationEssentials
import Glibc
import Subprocess
import SystemPackage

/// A node in a network namespace of the lab. All nodes share the machine's file system.
public struct LocalHost: Host, Hashable {
  /// `n1`, `n2`, …
  public let name: String
  /// Its address, IPv4 or IPv6, on the lab's bridge.
  public let address: String
  /// Where its network namespace is mounted.
  public let namespace: String
  /// The path of `gauntlet-agent`, which joins the namespace.
  public let agent: String

  /// Names a node; makes nothing.
  public init(name: String, address: String, namespace: String, agent: String) {
    self.name = name
    self.address = address
    self.namespace = namespace
    self.agent = agent
  }

  /// None that a fault could cut: we are on the bridge, and the nodes' processes are ours.
  public var control: ControlPath? { nil }

  /// The machine's own files.
  public func place(of path: String) -> String { path }

  /// Nothing: it is here.
  public func fetch(_ place: String, to path: String) {}

  /// Makes a folder, with those above it.
  public func makeFolder(_ path: String) throws(HostError) {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw .log(host: name, path: path, reason: "\(error)")
    }
  }

  /// The scheduler's letter for a process; nil when it is gone.
  public func schedulerState(of process: Int32) -> Character? { ProcessTable.look(process)?.state }

  /// Turns a bit round here.
  public func turnBit(
    in folder: String, nameEnding end: String, sparing tail: Int64, seed: UInt64
  ) throws(HostError) -> BitFlip? {
    try BitFlip.turn(in: folder, nameEnding: end, sparing: tail, seed: seed, host: name)
  }

  /// Turns it back here.
  public func turnBack(_ flip: BitFlip) throws(HostError) -> Bool { try flip.turnBack(host: name) }

  /// Cuts it off here.
  public func cutEnd(
    of folder: String, nameEnding end: String, seed: UInt64
  ) throws(HostError) -> FileCut? {
    try FileCut.cut(in: folder, nameEnding: end, seed: seed, host: name)
  }

  /// As this machine has them.
  public func controlGroup(
    for process: Int32, _ limit: ResourceLimit
  ) throws(HostError) -> ControlGroup {
    try refusing { () throws(LedgerError) in try ControlGroup.find(for: process, limit) }
  }

  /// Makes it here.
  public func confine(
    _ process: Int32, in group: ControlGroup, to limit: ResourceLimit
  ) throws(HostError) {
    try refusing { () throws(LedgerError) in try group.confine(process, to: limit) }
  }

  /// Removes it here.
  public func release(_ group: ControlGroup) throws(HostError) {
    try refusing { () throws(LedgerError) in try group.release() }
  }

  private func refusing<Value>(_ body: () throws(LedgerError) -> Value) throws(HostError) -> Value {
    do throws(LedgerError) { return try body() } catch {
      throw .refused(host: name, reason: error.description)
    }
  }

  /// This machine's.
  public func time() -> Int64 { SystemTime.now }

  /// A shim with the library beside this executable.
  public func shim(folder: String, data: String) throws(HostError) -> any ShimSteering {
    try Shim(folder: folder, data: data, host: name, library: try Shim.library())
  }

  /// Takes the queue of the node's namespace.
  public func queuePackets(
    _ conditions: LinkConditions, seed: UInt64
  ) throws(HostError) -> any PacketQueueing {
    try PacketQueue(conditions, seed: seed, namespace: namespace, host: name)
  }

  /// No.
  public var keepsLedger: Bool { false }

  /// Nothing: whatever is done here ends with the lab.
  public func note(_ key: String, _ undo: Undo) {}

  /// Nothing.
  public func undo(_ key: String) {}

  /// Runs a short command in the node's network to its end.
  ///
  /// - Throws: `HostError` when it could not start, or was killed because `deadline` passed or
  ///   the task was cancelled. An exit code other than 0 is a result.
  public func run(
    _ command: Command, input: [UInt8], deadline: Duration
  ) async throws(HostError) -> CommandResult {
    let result = try await inside(command).collect(
      as: command.description, on: name, input: input, deadline: deadline)
    if let reason = EnterCommand.complaint(in: result) {
      throw .cannotStart(host: name, command: command.description, reason: reason)
    }
    return result
  }

  /// Starts a long-lived process in the node's network, for as long as `body` runs.
  ///
  /// What the process writes is appended to `log`. When `body` returns or throws, or the task is
  /// cancelled, the process is killed with SIGKILL if it still runs, with all of its process
  /// group, and reaped. Whoever wants it to end by itself awaits `exit` in `body`.
  ///
  /// - Returns: what `body` returned, and how the process ended.
  /// - Throws: what `body` throws, or `HostError` when nothing could be started. A command that
  ///   the agent can't execute starts, writes the reason to `log`, and exits with 126 or 127.
  public func withProcess<Result: Sendable>(
    _ command: Command, log: String, body: @Sendable (any NodeProcess) async throws -> Result
  ) async throws -> (Result, ExitStatus) {
    let file: FileDescriptor
    do {
      file = try FileDescriptor.open(
        FilePath(log), .writeOnly, options: [.append, .create, .closeOnExec],
        permissions: [.ownerReadWrite, .groupRead, .otherRead])
    } catch {
      throw HostError.log(host: name, path: log, reason: "\(error)")
    }
    do {
      let result = try await Subprocess.run(
        inside(command).configuration, input: .none,
        output: .fileDescriptor(file, closeAfterSpawningProcess: true),
        error: .combinedWithOutput
      ) { execution in
        try await supervise(execution.processIdentifier, body: body)
      }
      let (outcome, status) = result.closureResult
      return (try outcome.get(), status)
    } catch let error as SubprocessError {
      throw HostError.cannotStart(host: name, command: "\(command)", reason: "\(error)")
    }
  }

  /// Runs `body` and sees to it that the process has ended after it, though not been reaped.
  /// What `body` throws is returned, not thrown: swift-subprocess would go through its own
  /// teardown of a process that is gone.
  private func supervise<Result: Sendable>(
    _ identifier: ProcessIdentifier, body: @Sendable (any NodeProcess) async throws -> Result
  ) async throws -> (Swift.Result<Result, any Error>, ExitStatus) {
    let handle = try ProcessHandle(
      host: name, pid: identifier.value, pidfd: identifier.processDescriptor)
    let outcome: Swift.Result<Result, any Error> = await withTaskCancellationHandler {
      do {
        return .success(try await body(handle))
      } catch {
        return .failure(error)
      }
    } onCancel: {
      handle.killGroup()
    }
    handle.killGroup()
    return (outcome, await handle.exit)
  }

  private func inside(_ command: Command) -> Command {
    var wrapped = command
    wrapped.executable = agent
    wrapped.arguments =
      ["enter", "--netns", namespace, "--", command.executable] + command.arguments
    return wrapped
  }
}
