// What a controller and the agent on a host say to one another: JSON, one object a line.

import FoundationEssentials

/// What is asked of an agent.
public struct AgentRequest: Codable, Sendable, Equatable {
  /// Names its answer; from 1.
  public var id: Int
  /// What is asked.
  public var body: Body

  /// A request that is answered under the same number.
  public init(id: Int, _ body: Body) {
    self.id = id
    self.body = body
  }

  /// Who carries it out.
  public enum Body: Codable, Sendable, Equatable {
    /// The watchdog, which outlives the agent.
    case watchdog(WatchdogRequest)
    /// The agent.
    case agent(AgentTask)
  }
}

/// What a watchdog does: no more than what must go on, or be undone, when nobody is left to ask for it.
public enum WatchdogRequest: Codable, Sendable, Equatable {
  /// Starts a process in a session of its own, which ends with the watchdog. What it writes is appended
  /// to the file `log`, up to so many bytes.
  case start(Command, log: String, mostBytes: Int)
  /// Sends a signal to a process that it started.
  case signal(process: Int32, Signal)
  /// Keeps how something is undone, durably, before it is done. Of a key that is kept already nothing
  /// new is: how things were before the first time is what counts.
  case note(key: String, Undo)
  /// Undoes what the key stands for, now.
  case undo(key: String)
  /// The controller is alive: the lease begins anew.
  case renew
  /// How it stands.
  case status
  /// Kills what it started, undoes what it noted, and ends.
  case end
}

/// What an agent does by itself.
public enum AgentTask: Codable, Sendable, Equatable {
  /// Runs a short command to its end.
  case run(Command, input: Data, seconds: Double)
  /// Makes a folder, with those above it.
  case makeFolder(String)
  /// The scheduler's letter for a process.
  case schedulerState(process: Int32)
  /// Opens a socket for datagrams at an address of the host's, and answers with its port.
  case openProbe(address: String)
  /// Sends a datagram of this round from the probe's socket to each of these.
  case sendProbes(round: UInt64, from: Int, to: [ProbeTarget])
  /// From whom datagrams of this round have come.
  case heardProbes(round: UInt64)
  /// Turns a bit of a file round.
  case turnBit(folder: String, nameEnding: String, sparing: Int64, seed: UInt64)
  /// Turns it back.
  case turnBack(BitFlip)
  /// Cuts the end off a file.
  case cutEnd(folder: String, nameEnding: String, seed: UInt64)
  /// The control group that would be made for a process.
  case controlGroup(process: Int32, ResourceLimit)
  /// Makes it, and puts the process into it.
  case confine(process: Int32, in: ControlGroup, to: ResourceLimit)
  /// Lets go what is in it, and removes it.
  case release(ControlGroup)
  /// What the clock that can be set shows.
  case time
  /// Asks the shim whose page lies in `folder`, and makes it if there is none.
  case shim(folder: String, data: String, library: String, ShimRequest)
  /// Takes the queue of packets.
  case openQueue(LinkConditions, seed: UInt64)
  /// What became of packets so far.
  case countPackets
  /// Decides on no more packets.
  case closeQueue
}

/// Where a probe's datagram goes.
public struct ProbeTarget: Codable, Sendable, Equatable {
  /// An IPv4 or IPv6 address.
  public var address: String
  /// A port.
  public var port: UInt16

  /// A socket for probes.
  public init(address: String, port: UInt16) {
    self.address = address
    self.port = port
  }
}

/// What comes from an agent.
public struct AgentAnswer: Codable, Sendable, Equatable {
  /// That of the request; 0 for what nobody asked for.
  public var id: Int
  /// The answer.
  public var body: Body

  /// An answer to the request with this number.
  public init(id: Int, _ body: Body) {
    self.id = id
    self.body = body
  }

  /// What is answered.
  public enum Body: Codable, Sendable, Equatable {
    /// It is done.
    case done
    /// It could not be done, and why.
    case failed(String)
    /// The process was started.
    case started(process: Int32)
    /// Whether the process still ran.
    case signalled(Bool)
    /// How a command ended, and what it wrote.
    case ran(ExitStatus, output: Data, errors: Data)
    /// A letter; nil when there is no such process.
    case state(String?)
    /// The port of a socket.
    case port(UInt16)
    /// The senders of a round.
    case heard([Int])
    /// The bit that was turned round; nil where there was none.
    case turned(BitFlip?)
    /// Whether a bit was turned back.
    case turnedBack(Bool)
    /// A control group.
    case controlGroup(ControlGroup)
    /// Nanoseconds since 1970.
    case time(Int64)
    /// What was cut off a file; nil where there was none.
    case cut(FileCut?)
    /// What a shim answers.
    case shim(ShimAnswer)
    /// What became of packets.
    case packets(PacketCounts)
    /// How the watchdog stands.
    case status(WatchdogStatus)
    /// Without a request, at the start: the agent is there.
    case ready(version: Int)
    /// Without a request: a process that was started has ended.
    case ended(process: Int32, ExitStatus)
  }
}

/// How a watchdog stands.
public struct WatchdogStatus: Codable, Sendable, Equatable {
  /// Its process.
  public var process: Int32
  /// The processes that it started and that run.
  public var running: [Int32]
  /// The keys of what is to be undone.
  public var noted: [String]
  /// Seconds since it last heard from the controller.
  public var silentSeconds: Double
  /// After so many it undoes everything.
  public var leaseSeconds: Double
}

/// How something is undone. Undone twice, or without having been done, it does no harm.
public enum Undo: Codable, Sendable, Equatable {
  /// Takes our chain out of these tables' filters (`iptables`, `ip6tables`), and those tables away that
  /// were not there before and are empty then.
  case rules(in: [String], absentBefore: [String])
  /// Removes a file, or a folder with all that is in it.
  case remove(String)
  /// Lets go what is in a control group of ours, and removes it.
  case controlGroup(ControlGroup)
  /// Unmounts what is mounted there, though somebody may use it, and removes the folder.
  case unmount(String)
}

/// Lines of JSON.
public enum AgentLine {
  /// A line is longer than this only by mistake, or malice.
  public static let longest = 64 << 20

  /// `message` as a line.
  public static func encode(_ message: some Encodable) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
      return Array(try encoder.encode(message)) + [UInt8(ascii: "\n")]
    } catch {
      preconditionFailure("a message is always JSON: \(error)")
    }
  }

  /// What a line says; nil where it is none of ours.
  public static func decode<Message: Decodable>(_ type: Message.Type, _ line: some Sequence<UInt8>)
    -> Message?
  {
    try? JSONDecoder().decode(type, from: Data(line))  // whatever is wrong with it
  }
}

/// Splits what comes in parts into lines.
public struct LineSplitter: Sendable {
  private var rest: [UInt8] = []

  /// Nothing has come yet.
  public init() {}

  /// The lines that are whole with `bytes`; nil when one grows beyond all bounds.
  public mutating func take(_ bytes: some Collection<UInt8>) -> [ArraySlice<UInt8>]? {
    rest += bytes
    guard let last = rest.lastIndex(of: UInt8(ascii: "\n")) else {
      return rest.count <= AgentLine.longest ? [] : nil
    }
    let whole = rest[..<last]
    rest = Array(rest[(last + 1)...])
    return whole.split(separator: UInt8(ascii: "\n"))
  }
}
