// A machine that a node runs on, in the lab or over SSH: the one protocol for both kinds.

/// A machine that a node runs on.
public protocol Host: Sendable {
  /// `n1`, `n2`, … or as the hosts file says.
  var name: String { get }
  /// Its IPv4 address in the cluster's network.
  var address: String { get }
  /// The connections of ours that no fault may cut; nil where none can be.
  var control: ControlPath? { get }
  /// Where on it lies what lies at `path` here: a program that was sent there, a node's folder.
  func place(of path: String) -> String
  /// Gets a file from there to `path` here, unless it is here already.
  func fetch(_ place: String, to path: String) async throws(HostError)
  /// Makes a folder, with those above it.
  func makeFolder(_ path: String) async throws(HostError)
  /// Runs a short command to its end.
  ///
  /// - Throws: `HostError` when it could not start, or was killed because `deadline` passed or the task
  ///   was cancelled. An exit code other than 0 is a result.
  func run(
    _ command: Command, input: [UInt8], deadline: Duration
  ) async throws(HostError) -> CommandResult
  /// Starts a long-lived process, for as long as `body` runs; what it writes is appended to `log`. It
  /// is killed when `body` ends and it still runs.
  ///
  /// - Returns: what `body` returned, and how the process ended.
  /// - Throws: what `body` throws, or `HostError` when nothing could be started.
  func withProcess<Result: Sendable>(
    _ command: Command, log: String, body: @Sendable (any NodeProcess) async throws -> Result
  ) async throws -> (Result, ExitStatus)
  /// The scheduler's letter for a process, as `/proc` has it: `T` is stopped; nil when it is gone.
  func schedulerState(of process: Int32) async throws(HostError) -> Character?
  /// Turns a bit round in the newest file there, by name, whose name ends so, but for the last
  /// `tail` bytes; nil when there is none.
  func turnBit(
    in folder: String, nameEnding end: String, sparing tail: Int64, seed: UInt64
  ) async throws(HostError) -> BitFlip?
  /// Turns it back; false when the file is another now, or was written there since.
  func turnBack(_ flip: BitFlip) async throws(HostError) -> Bool
  /// Makes a shim for processes whose files lie in `data` there; what it keeps lies in `folder`.
  func shim(folder: String, data: String) async throws(HostError) -> any ShimSteering
  /// Takes the host's queue of packets, and decides on them until it is closed.
  func queuePackets(
    _ conditions: LinkConditions, seed: UInt64
  ) async throws(HostError) -> any PacketQueueing
  /// Keeps on the host how something is undone, durably, before it is done: it is undone there when we
  /// are silent for too long. Nothing in a lab, which ends with us and all that is in it.
  func note(_ key: String, _ undo: Undo) async throws(HostError)
  /// Undoes what was noted under `key`.
  func undo(_ key: String) async throws(HostError)
}

extension Host {
  /// Runs a short command that needs no input.
  ///
  /// - Throws: as the other.
  public func run(_ command: Command, deadline: Duration) async throws(HostError) -> CommandResult {
    try await run(command, input: [], deadline: deadline)
  }
}

/// A long-lived process of a node.
public protocol NodeProcess: Sendable {
  /// Its number on its host.
  var pid: Int32 { get }
  /// How it ended, once it has.
  var exit: ExitStatus { get async }
  /// Processor time that it and its children took, in seconds, once it has ended; nil where nobody
  /// measured it.
  var processorSeconds: Double? { get async }
  /// Sends a signal to it and to no other; false when it has ended.
  ///
  /// - Throws: `HostError` when that is refused, or the host is out of reach.
  @discardableResult
  func signal(_ signal: Signal) async throws(HostError) -> Bool
}

extension NodeProcess {
  /// Nobody measured it.
  public var processorSeconds: Double? { nil }
}

/// Connections that a controller has to a host.
public struct ControlPath: Sendable, Equatable {
  /// Where they come from, as the host sees it.
  public var source: String
  /// The port they go to.
  public var port: Int

  /// Connections from `source` to `port`.
  public init(source: String, port: Int) {
    self.source = source
    self.port = port
  }
}

/// Sees who hears whom.
public protocol NetworkProbe: Sendable {
  /// Tries every ordered pair.
  ///
  /// - Throws: `HostError`, and `CancellationError`.
  func matrix() async throws -> ReachabilityMatrix
}
