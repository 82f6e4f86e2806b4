// All machines of a run at once: connected, with an agent, under a lease, and left as they were.

import Checksum
import FoundationEssentials
import Hosts
import SSH

/// The machines of a hosts file, for as long as a run needs them.
public struct Fleet: Sendable {
  /// What the hosts file names.
  public var entries: [HostEntry]
  /// The agent that is sent there.
  public var agent: String
  /// What the nodes run, one build or two, and what is preloaded, which are sent there too.
  public var programs: [String]
  /// Tells this run's things on a host from another's: letters, digits and dashes.
  public var run: String
  /// Seconds of our silence after which a host undoes everything by itself.
  public var leaseSeconds = 15.0
  /// Told what is sent to whom, and its bytes.
  public var sending: @Sendable (_ host: String, _ what: String, _ bytes: Int) -> Void = {
    _, _, _ in
  }

  /// The machines of `entries`; nothing is reached yet.
  public init(_ entries: [HostEntry], agent: String, programs: [String], run: String) {
    self.entries = entries
    self.agent = agent
    self.programs = programs
    self.run = run
  }

  /// Has all of them for as long as `body` runs. Each undoes then what was done to it. One that goes out
  /// of reach meanwhile does not end the others.
  ///
  /// - Throws: what `body` throws; before it begins, `SSHError` and `HostError` of the first machine
  ///   that cannot be had.
  public func with<Value: Sendable>(
    _ body: @Sendable ([RemoteHost]) async throws -> Value
  ) async throws -> Value {
    let agent = try Cargo(agent, "agent")
    let builds = try programs.map { try Cargo($0, "build") }
    let arrived = AsyncThrowingStream.makeStream(of: (Int, RemoteHost).self)
    let ends = entries.map { _ in AsyncStream.makeStream(of: Never.self) }
    return try await withThrowingTaskGroup(of: Void.self) { tasks in
      defer { tasks.cancelAll() }
      for (place, entry) in entries.enumerated() {
        tasks.addTask { [self] in
          do {
            try await hold(entry, agent, builds, until: ends[place].stream) {
              arrived.continuation.yield((place, $0))
            }
          } catch {
            // Of no effect when all had arrived: then a machine was lost, and who asks it hears so.
            arrived.continuation.finish(throwing: error)
          }
        }
      }
      var hosts: [Int: RemoteHost] = [:]
      for try await (place, host) in arrived.stream {
        hosts[place] = host
        if hosts.count == entries.count { break }
      }
      let result: Result<Value, any Error>
      do {
        result = .success(try await body(hosts.sorted { $0.key < $1.key }.map(\.value)))
      } catch {
        result = .failure(error)
      }
      for end in ends { end.continuation.finish() }
      try await tasks.waitForAll()
      return try result.get()
    }
  }

  /// Has one machine until `end` ends.
  private func hold(
    _ entry: HostEntry, _ agent: Cargo, _ programs: [Cargo], until end: AsyncStream<Never>,
    _ ready: @Sendable (RemoteHost) -> Void
  ) async throws {
    let destination = try await entry.destination()
    try await SSHSession.with(destination) { session in
      let (home, addresses) = try await look(session, entry)
      async let sent = Self.send(agent, to: session, sending)
      var builds: [String: String] = [:]
      for program in programs {
        builds[program.path] = "\(home)/\(try await Self.send(program, to: session, sending))"
      }
      let there = try await sent
      let words =
        (entry.usesSudo ? ["sudo", "-n", "--"] : [])
        + ["\(home)/\(there)", "serve", "--run", run, "--lease", "\(leaseSeconds)"]
      let connection = AgentConnection(host: entry.name)
      let lease = AgentConnection(host: entry.name)
      try await withThrowingTaskGroup(of: Void.self) { [builds] tasks in
        defer { tasks.cancelAll() }
        tasks.addTask { await Self.serve(connection, words, over: session) }
        try await connection.waitUntilReady(within: .seconds(20))
        tasks.addTask { [leaseSeconds] in
          // A connection of its own: one that is full of a snapshot's bytes must not end the lease.
          try await SSHSession.with(destination) { session in
            await withTaskGroup(of: Void.self) { tasks in
              tasks.addTask { await Self.serve(lease, words, over: session) }
              tasks.addTask {
                await Self.renew(.seconds(leaseSeconds), over: lease)
                // The host has undone everything by now, or is about to.
                connection.close("it has not answered for as long as its lease")
              }
              await tasks.waitForAll()
            }
          }
        }
        try await lease.waitUntilReady(within: .seconds(20))
        let host = RemoteHost(
          name: entry.name, address: entry.address ?? addresses.own,
          control: ControlPath(source: addresses.client, port: addresses.port),
          connection: connection, session: session, agent: "\(home)/\(there)",
          folder: "\(home)/\(Self.cache)/runs/\(run)",
          programs: builds)
        try await host.note("files", .remove(host.folder))
        ready(host)
        for await _ in end {}
        // Lost, it does so by itself.
        _ = try? await connection.ask(.watchdog(.end), "ending", within: .seconds(30))
      }
    }
  }

  private static func serve(
    _ connection: AgentConnection, _ words: [String], over session: SSHSession
  ) async {
    do {
      _ = try await session.withProcess(words, within: .seconds(1_000_000)) { process in
        await connection.serve(process)
      }
    } catch {
      // Whatever it was, who waits for an answer has been told.
      connection.close("\(error)")
    }
  }

  /// Renews a lease of `time`, until nothing has been heard for as long.
  private static func renew(_ time: Duration, over connection: AgentConnection) async {
    var lastHeard = ContinuousClock.now
    while !Task.isCancelled, ContinuousClock.now - lastHeard < time {
      do {
        _ = try await connection.ask(.watchdog(.renew), "renewing the lease", within: time / 3)
        lastHeard = .now
        try await Task.sleep(for: time / 5)
      } catch HostError.deadline {
        continue
      } catch {
        return
      }
    }
  }
}

// Coming to a machine.
extension Fleet {
  static let cache = ".cache/gauntlet"

  /// How the two ends of a session see one another.
  private struct Addresses {
    var client: String
    var own: String
    var port: Int
  }

  /// The user's home there, and the session's addresses.
  private func look(
    _ session: SSHSession, _ entry: HostEntry
  ) async throws -> (home: String, Addresses) {
    async let pwd = session.demand(["pwd", "-P"], within: .seconds(10))
    let line = try await session.demand(["printenv", "SSH_CONNECTION"], within: .seconds(10))
    let words = String(decoding: line, as: UTF8.self).split(whereSeparator: \.isWhitespace)
    let home = String(decoding: try await pwd, as: UTF8.self).filter { !$0.isNewline }
    guard words.count == 4, let port = Int(words[3]), home.hasPrefix("/") else {
      throw HostError.badAnswer(host: entry.name, command: "printenv SSH_CONNECTION")
    }
    return (home, Addresses(client: String(words[0]), own: String(words[2]), port: port))
  }

  /// A program that hosts are sent.
  struct Cargo: Sendable {
    let path: String
    /// What it is, as its name there begins.
    let what: String
    let size: Int
    let sum: String

    /// Reads it, for its checksum.
    init(_ path: String, _ what: String) throws(HostError) {
      let bytes: Data
      do {
        bytes = try Data(contentsOf: URL(filePath: path), options: .mappedIfSafe)
      } catch {
        throw what == "agent" ? .noAgent(path: path) : .noProgram(path: path)
      }
      self.path = path
      self.what = what
      size = bytes.count
      sum = sha256(of: bytes)
    }
  }

  /// Sends a program there once for each of its checksums; returns its place from the home of the user.
  static func send(
    _ cargo: Cargo, to session: SSHSession,
    _ sending: @Sendable (String, String, Int) -> Void
  ) async throws -> String {
    let sum = cargo.sum
    let place = "\(cache)/\(cargo.what)-\(sum.prefix(24))"
    let patience = Duration.seconds(100)
    // What is uploaded has its name only when its checksum is right; a disk may do worse since.
    if try await session.run(["test", "-x", place], within: patience).status.isSuccess,
      try await session.checksum(of: place, within: patience) == sum
    {
      return place
    }
    try await session.demand(["mkdir", "-p", cache], within: patience)
    sending(session.destination.name, cargo.what, cargo.size)
    // Under a name of its own: another controller may be sending the same.
    let own = "\(place).\(UUID().uuidString)"
    try await session.upload(cargo.path, to: own, mode: 0o755, within: patience)
    try await session.demand(["mv", "-f", "--", own, place], within: patience)
    return place
  }
}
