// A machine that a node runs on, in the lab or over SSH: the one protocol for both kinds.

import FoundationEssentials
import Glibc

/// A machine that a node runs on.
public protocol Host: Sendable {
  /// `n1`, `n2`, … or as the hosts file says.
  var name: String { get }
  /// Its address, IPv4 or IPv6, in the cluster's network.
  var address: String { get }
  /// The connections of ours that no fault may cut; nil where none can be.
  var control: ControlPath? { get }
  /// Where on it lies what lies at `path` here: a program that was sent there, a node's folder.
  func place(of path: String) -> String
  /// Where `gauntlet-agent` lies there.
  var agent: String { get }
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
  /// Cuts the end off the newest file there, by name, whose name ends so; nil when there is none.
  func cutEnd(of folder: String, nameEnding end: String, seed: UInt64) async throws(HostError)
    -> FileCut?
  /// The control group that would be made for a process; makes nothing.
  ///
  /// - Throws: `HostError.refused` where none may be made.
  func controlGroup(
    for process: Int32, _ limit: ResourceLimit
  ) async throws(HostError) -> ControlGroup
  /// Makes it, and puts the process into it. How it is undone is to be noted before.
  func confine(
    _ process: Int32, in group: ControlGroup, to limit: ResourceLimit
  ) async throws(HostError)
  /// Lets go what is in it, and removes it.
  func release(_ group: ControlGroup) async throws(HostError)
  /// What its clock that can be set shows, in nanoseconds since 1970.
  func time() async throws(HostError) -> Int64
  /// Makes a shim for processes whose files lie in `data` there; what it keeps lies in `folder`.
  func shim(folder: String, data: String) async throws(HostError) -> any ShimSteering
  /// Takes the host's queue of packets, and decides on them until it is closed.
  func queuePackets(
    _ conditions: LinkConditions, seed: UInt64
  ) async throws(HostError) -> any PacketQueueing
  /// Whether `note` and `undo` do anything: a lab ends with us, and with it all that is in it.
  var keepsLedger: Bool { get }
  /// Keeps on the host how something is undone, durably, before it is done: it is undone there when we
  /// are silent for too long. Nothing in a lab, which ends with us and all that is in it.
  func note(_ key: String, _ undo: Undo) async throws(HostError)
  /// Undoes what was noted under `key`.
  func undo(_ key: String) async throws(HostError)
}

extension Host {
  /// The same command whose clocks that cannot be set are so many seconds ahead, as far as its kernel can do
  /// that (time namespaces, Linux 5.6): what it starts says so and exits with 126 where it cannot.
  public func ahead(_ command: Command, bySeconds seconds: Int) -> Command {
    EnterCommand.ahead(command, bySeconds: seconds, agent: agent)
  }

  /// What it can do of these, tried in a network that is thrown away.
  ///
  /// - Throws: `HostError` when it cannot be asked.
  public func abilities(_ names: Set<Ability.Name>) async throws(HostError) -> [Ability] {
    guard !names.isEmpty else { return [] }
    let list = names.map(\.rawValue).sorted().joined(separator: ",")
    let command = Command(agent, ["probe", "--only", list])
    let result = try await run(command, deadline: .seconds(20))
      .succeeded(command.description, on: name)
    guard let found = try? JSONDecoder().decode(Capabilities.self, from: Data(result.output)) else {
      throw .badAnswer(host: name, command: command.description)
    }
    return found.abilities
  }

  /// Runs a short command that needs no input.
  ///
  /// - Throws: as the other.
  public func run(_ command: Command, deadline: Duration) async throws(HostError) -> CommandResult {
    try await run(command, input: [], deadline: deadline)
  }
}

extension Host {
  /// How many seconds its clock is ahead of ours, and how far that may be wrong: the best of five questions.
  ///
  /// - Throws: as `time`.
  public func clockOffset() async throws(HostError) -> (seconds: Double, error: Double) {
    var best = (seconds: 0.0, error: Double.infinity)
    for _ in 0..<5 {
      let before = SystemTime.now
      let there = try await time()
      let after = SystemTime.now
      let error = Double(after - before) / 2e9
      if error < best.error { best = (Double(there - before) / 1e9 - error, error) }
    }
    return best
  }
}

/// This machine's clock that can be set.
enum SystemTime {
  static var now: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
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
