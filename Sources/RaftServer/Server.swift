// A whole node: the log on disk, the consensus tasks, and the two listeners.

import Blocking
import FoundationEssentials
import Logging
import NIOCore
import NIOPosix
import Raft
import RaftStore
import RedisProtocol

/// What a server must know before it starts.
public struct ServerConfiguration: Sendable {
  /// The consensus figures, with the node's number and the cluster's members.
  public var raft: Configuration
  /// The directory that holds the node's state.
  public var data: String
  /// Where clients reach each node.
  public var clientAddresses: [NodeID: Address]
  /// Where nodes reach each node.
  public var peerAddresses: [NodeID: Address]

  /// A node in a cluster whose members are reached at these addresses.
  public init(
    raft: Configuration, data: String, clientAddresses: [NodeID: Address],
    peerAddresses: [NodeID: Address]
  ) {
    self.raft = raft
    self.data = data
    self.clientAddresses = clientAddresses
    self.peerAddresses = peerAddresses
  }
}

/// A node of a replicated key-value store that speaks the Redis protocol.
public struct Server: Sendable {
  private let configuration: ServerConfiguration
  private let logger: Logger

  /// A server that does nothing until `run` is called.
  public init(_ configuration: ServerConfiguration, logger: Logger) {
    self.configuration = configuration
    self.logger = logger
  }

  /// Recovers what the disk holds, and serves until cancelled.
  ///
  /// - Throws: `StoreError` when the disk fails or holds damage, and when an address is taken.
  public func run() async throws {
    let id = configuration.raft.id
    guard let client = configuration.clientAddresses[id],
      let peer = configuration.peerAddresses[id]
    else { throw StoreError(file: "\(id)", reason: "has no address; name it with --node") }
    let path = URL(filePath: configuration.data).appending(path: "raft.log").path
    let log = try LogStore(
      file: SystemFile(path: path), name: path, node: id,
      executor: QueueExecutor(label: "disk"))
    logger.info(
      "recovered",
      metadata: ["vote": "\(log.recovered.vote)", "last": "\(log.recovered.log.lastIndex)"])
    let group = MultiThreadedEventLoopGroup.singleton
    let raft = Raft(
      configuration.raft, storage: log,
      network: PeerTransport(
        peers: configuration.peerAddresses.filter { $0.key != id }, group: group),
      clock: .continuous, random: SystemRandomNumberGenerator())
    let peers = try await Listener(address: peer, group: group) { PeerFrameDecoder() }
    let clients = try await Listener(address: client, group: group) { RESPDecoder() }
    logger.info("listening", metadata: ["clients": "\(client)", "peers": "\(peer)"])
    let commands = RedisCommands(raft: raft, clientAddresses: configuration.clientAddresses)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await raft.run(KeyValueMachine()) }
      tasks.addTask { try await PeerListener.serve(peers, raft: raft) }
      tasks.addTask { try await ClientListener.serve(clients, commands: commands) }
      tasks.addTask { await logChanges(of: raft) }
      // Nothing goes on when one of them ended: a node without its disk must not answer.
      defer { tasks.cancelAll() }
      try await tasks.next()
    }
  }

  /// Logs each change of role, term or leader: what one looks for first when a run went wrong.
  private func logChanges(of raft: Raft) async {
    var before = raft.status
    while !Task.isCancelled {
      let now = raft.status
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
      try? await Task.sleep(for: .milliseconds(10))  // cut short by cancellation, which ends it
    }
  }
}
