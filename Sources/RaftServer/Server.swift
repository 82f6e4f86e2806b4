// A whole node: the log on disk, the consensus tasks, and the two listeners.

import Blocking
import FoundationEssentials
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Raft
import RaftStore
import RedisProtocol
import Synchronization

/// What a server must know before it starts.
public struct ServerConfiguration: Sendable {
  /// The consensus figures, with the node's number.
  public var raft: Configuration
  /// The directory that holds the node's state.
  public var data: String
  /// Where this node listens.
  public var address: NodeAddress
  /// Where metrics and health are asked for over HTTP; nil for nowhere.
  public var http: Address?
  /// How connections of clients and peers are encrypted; nil for not at all.
  public var tls: TLSFiles?
  /// So many clients may be connected.
  public var mostConnections = 10_000
  /// The cluster's first members; empty for a node that waits to be added to one.
  public var members: [Member]

  /// A node that listens at `address`.
  public init(raft: Configuration, data: String, address: NodeAddress, members: [Member]) {
    self.raft = raft
    self.data = data
    self.address = address
    self.members = members
  }
}

/// A node of a replicated key-value store that speaks the Redis protocol.
public struct Server: Sendable {
  /// Waits until a node that was taken back holds all that the cluster has committed: an entry of a term
  /// that somebody leads, and the knowledge that it is committed (leader completeness, Raft §5.4).
  private static func catchUp(_ raft: Raft, _ identities: PeerIdentities) async throws {
    let years = Duration.seconds(1_000_000_000)
    let seen = try await raft.wait(for: years) {
      $0.leader != nil && $0.lastLogID?.term == $0.term
    }
    try await raft.wait(for: years) { $0.committed >= seen.lastLogIndex }
    try await identities.caughtUp()
  }

  /// So many connections of other nodes there may be, and so many that have not said whose they are.
  private static let mostNodes = 1024
  private static let mostStrangers = 256
  /// So many may be connected that ask for metrics and health.
  private static let mostWatchers = 256

  private let configuration: ServerConfiguration
  private let logger: Logger

  /// A server that does nothing until `run` is called.
  public init(_ configuration: ServerConfiguration, logger: Logger) {
    self.configuration = configuration
    self.logger = logger
  }

  /// Recovers what the disk holds, and serves until `stop` returns; a leader hands over then.
  /// Cancelled, it ends at once.
  ///
  /// - Throws: `StoreError` when the disk fails or holds damage, and when an address is taken;
  ///   `TLSError` when its files cannot be used.
  public func run(until stop: @escaping @Sendable () async -> Void) async throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    do {
      // The node's tasks and its connections share one thread: with a hand-over between threads
      // for each request a node would spend its time in waking them.
      let executor = LoopExecutor(group.any())
      try await withTaskExecutorPreference(executor) {
        try await run(on: group.any(), until: stop)
      }
    } catch {
      try await group.shutdownGracefully()
      throw error
    }
    try await group.shutdownGracefully()
  }

  private func run(
    on loop: any EventLoop, until stop: @escaping @Sendable () async -> Void
  ) async throws {
    let id = configuration.raft.id
    let tls: TLS? = if let files = configuration.tls { try TLS(files) } else { nil }
    let disk = try SystemDisk(path: path("log"))
    let log = try LogStore(
      disk: disk, node: id, executor: QueueExecutor(label: "log"))
    let identities = try PeerIdentities(
      disk: disk, node: id, isNew: log.recovered.log.last == nil,
      executor: QueueExecutor(label: "identities"), logger: logger)
    let snapshots = try SnapshotStore(
      disk: SystemDisk(path: path("snapshots")), executor: QueueExecutor(label: "snapshots"))
    if let purged = log.purged, purged.index > snapshots.current?.lastLogID.index ?? 0 {
      throw StoreError(
        file: path("snapshots"),
        reason: "holds no snapshot up to \(purged), where the log begins; restore it, or wipe the "
          + "node and let it join anew")
    }
    logger.info(
      "recovered",
      metadata: [
        "vote": "\(log.recovered.vote)", "last": "\(log.recovered.log.lastIndex)",
        "snapshot": "\(snapshots.current?.lastLogID.description ?? "none")",
      ])
    let raft = Raft(
      configuration.raft, log: log, snapshots: snapshots,
      network: PeerTransport(identities: identities, loop: loop, tls: tls),
      clock: LoopClock(loop: loop),
      random: SystemRandomNumberGenerator())
    // A node in doubt must not lead: with others that were wiped too it would begin anew, and what
    // those that refuse it hold would be lost. Nor when it is taken back, before it holds that itself.
    await identities.watchDoubt { doubt in
      var switches = Switches()
      switches.elect = doubt == .none
      switches.heartbeat = doubt == .none
      raft.set(switches)
      // Ends with the node at the latest.
      if doubt == .admitted { Task { try await Self.catchUp(raft, identities) } }
    }
    let (strangers, nodes) = (Limit(most: Self.mostStrangers), Limit(most: Self.mostNodes))
    let peers = try await Listener(address: configuration.address.peer, loop: loop) { _ in
      (tls.map { [$0.acceptingNodes()] } ?? []) + [
        ByteToMessageHandler(PeerFrameDecoder()),
        PeerDoor(identities: identities, strangers: strangers, nodes: nodes),
        PeerListener(own: id, raft: raft),
      ]
    }
    let (admin, lastVote) = (AdminQueue(), LastVote())
    let connections = Limit(most: configuration.mostConnections)
    let commands = RedisCommands(
      raft: raft, identities: identities, admin: admin, connections: connections,
      lastVote: lastVote)
    let clients = try await Listener(address: configuration.address.client, loop: loop) { _ in
      (tls.map { [$0.acceptingClients()] } ?? []) + [
        ConnectionGate(
          limit: connections, farewell: RESPValue.error("ERR max number of clients reached").bytes),
        ByteToMessageHandler(RESPDecoder(longestValue: ClientListener.longestRequest, deepest: 1)),
        ClientListener(commands: commands),
      ]
    }
    let watchers = try await watchers(raft, connections, loop)
    logger.info("listening", metadata: ["addresses": "\(configuration.address)"])
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await raft.run(KeyValueMachine()) }
      tasks.addTask { try await peers.serve() }
      tasks.addTask { try await clients.serve() }
      if let watchers { tasks.addTask { try await watchers.serve() } }
      tasks.addTask { await admin.run() }
      tasks.addTask {
        await initialize(raft)
        await logChanges(of: raft, lastVote)
      }
      tasks.addTask {
        await stop()
        guard !Task.isCancelled else { return }
        await raft.stop(gracefully: true)
        // Over when the node says so.
        for await _ in raft.leadershipUpdates {}
      }
      // Nothing goes on when one of them ended: a node without its disk must not answer.
      defer { tasks.cancelAll() }
      try await tasks.next()
    }
  }

  /// Serves those who watch, if there is a place for it.
  private func watchers(
    _ raft: Raft, _ connections: Limit, _ loop: any EventLoop
  ) async throws -> Listener? {
    guard let address = configuration.http else { return nil }
    let watchers = Limit(most: Self.mostWatchers)
    return try await Listener(address: address, loop: loop) { channel in
      try channel.pipeline.syncOperations.addHandlers(
        ConnectionGate(limit: watchers, farewell: HTTPListener.tooMany),
        IdleStateHandler(allTimeout: HTTPListener.patience))
      try channel.pipeline.syncOperations.configureHTTPServerPipeline()
      return [HTTPListener(raft: raft, connections: connections)]
    }
  }

  private func path(_ name: String) -> String {
    URL(filePath: configuration.data).appending(path: name).path
  }

  /// Begins the cluster, unless this node belongs to one already or is to be added to one.
  private func initialize(_ raft: Raft) async {
    guard !configuration.members.isEmpty else { return }
    let membership = Membership(
      voters: configuration.members.map(\.id), members: configuration.members)
    do throws(RaftError) {
      try await raft.initialize(membership)
    } catch .membership(.alreadyInitialized) {
      compareMembers(with: raft.metrics.membership.membership)
    } catch {
      logger.warning("not initialised", metadata: ["reason": "\(error)"])
    }
  }

  /// The members that count are those of the log: flags that say otherwise change nothing.
  private func compareMembers(with membership: Membership) {
    for flag in configuration.members {
      guard let member = membership.members.first(where: { $0.id == flag.id }),
        member.address != flag.address
      else { continue }
      logger.warning(
        "--node says otherwise than the cluster",
        metadata: [
          "node": "\(flag.id)", "flag": "\(flag.address)", "cluster": "\(member.address)",
          "help": "to move a node, remove it from the cluster and add it at its new address",
        ])
    }
  }

  /// Logs each change of role, term or leader: what one looks for first when a run went wrong.
  private func logChanges(of raft: Raft, _ lastVote: LastVote) async {
    var before = raft.metrics
    for await now in raft.leadershipUpdates {
      lastVote.take(now)
      if (now.role, now.term, now.leader) != (before.role, before.term, before.leader) {
        logger.info(
          "role",
          metadata: [
            "role": "\(now.role)", "term": "\(now.term)",
            "leader": "\(now.leader?.description ?? "none")", "committed": "\(now.committed)",
            "last": "\(now.lastLogIndex)",
          ])
        before = now
      }
    }
  }
}

/// When a node last gave its vote to another, as far as its changes of leadership show.
final class LastVote: Sendable {
  private let given = Mutex<(to: Vote?, at: ContinuousClock.Instant?)>((nil, nil))

  /// How long ago; nil when it has not since it was started.
  var age: Duration? { given.withLock { $0.at }.map { ContinuousClock.now - $0 } }

  func take(_ metrics: Metrics) {
    given.withLock { given in
      let isNew =
        given.to.map { ($0.term, $0.node) != (metrics.vote.term, metrics.vote.node) } ?? false
      given.to = metrics.vote
      if isNew, metrics.vote.node != metrics.id { given.at = .now }
    }
  }
}
