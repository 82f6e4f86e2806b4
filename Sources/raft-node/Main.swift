// raft-node: flags to configuration, signals to a graceful end. The work is in `RaftServer`.

import ArgumentParser
import Glibc
import Logging
import Raft
import RaftServer
import UnixSignals

@main
struct RaftNode: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "raft-node",
    abstract: "A node of a replicated key-value store that speaks the Redis protocol.",
    discussion: """
      Every node of a cluster is started with the same --node list and its own --id. A node that is
      to join later is started with --join and only its own --node.

      EXAMPLE
        raft-node --id 1 --data data/n1 \\
          --node 1=127.0.0.1:6381,127.0.0.1:7381 \\
          --node 2=127.0.0.1:6382,127.0.0.1:7382 \\
          --node 3=127.0.0.1:6383,127.0.0.1:7383

      Clients: redis-cli -p 6381 SET greeting hello
      """,
    version: "0.1.0")

  @Option(help: "This node's number, from 1.")
  var id: UInt64

  @Option(help: "The directory that holds the node's vote and log.")
  var data: String

  @Option(
    name: .customLong("node"),
    help: ArgumentHelp(
      "A member: its number, where clients reach it, where peers do.",
      valueName: "id=host:port,host:port"))
  var nodes: [MemberArgument]

  @Flag(
    help:
      "Wait to be added to a cluster (RAFT.ADDLEARNER at its leader) instead of beginning one: of --node only this one's own counts then."
  )
  var join = false

  @Option(
    help: ArgumentHelp(
      "Where to serve /metrics (Prometheus), /health and /ready over HTTP.",
      valueName: "host:port"))
  var http: AddressArgument?

  @Option(
    help:
      "The node's certificate in PEM: clients and peers are spoken to by TLS, and must have one.")
  var tlsCert: String?

  @Option(help: "Its private key in PEM.")
  var tlsKey: String?

  @Option(help: "The authority in PEM that has signed for all clients and nodes.")
  var tlsCa: String?

  @Option(
    help:
      "The authority in PEM that has signed for nodes only; --tls-ca's is no good at a peer's port then."
  )
  var tlsNodeCa: String?

  @Option(help: "So many clients may be connected at once; more are turned away.")
  var maxClients = 10_000

  @Option(help: "So many requests may wait; more are answered TRYAGAIN.")
  var maxWaiting = 16_384

  @Option(help: "Build a snapshot after so many entries.")
  var snapshotEvery: UInt64 = 5000

  @Option(help: "Keep so many entries in the log that a snapshot stands for.")
  var logsToKeep: UInt64 = 1000

  @Option(help: "Milliseconds between a leader's heartbeats.")
  var heartbeat: Int = 50

  @Option(help: "The shortest election time-out in milliseconds; the longest is twice that.")
  var electionTimeout: Int = 250

  func validate() throws {
    guard Set(nodes.map(\.id)).count == nodes.count else {
      throw ValidationError("--node names a number twice; give each member one line.")
    }
    let addresses = nodes.flatMap { [$0.address.client, $0.address.peer] }
    guard Set(addresses.map(\.description)).count == addresses.count else {
      throw ValidationError("--node names an address twice; each node needs two of its own.")
    }
    guard id > 0 else { throw ValidationError("--id is a number from 1.") }
    guard !data.isEmpty else { throw ValidationError("--data is empty; name a directory.") }
    guard (1...3_600_000).contains(heartbeat), (1...3_600_000).contains(electionTimeout) else {
      throw ValidationError("--heartbeat and --election-timeout are 1 to 3600000 milliseconds.")
    }
    guard nodes.contains(where: { $0.id == id }) else {
      throw ValidationError("--id \(id) is not among the --node list; add --node \(id)=…")
    }
    let tls = [tlsCert, tlsKey, tlsCa].compactMap { $0 }
    guard tls.isEmpty || tls.count == 3 else {
      throw ValidationError("TLS takes all of --tls-cert, --tls-key and --tls-ca.")
    }
    guard tlsNodeCa == nil || !tls.isEmpty else {
      throw ValidationError("--tls-node-ca goes with --tls-cert, --tls-key and --tls-ca.")
    }
    guard maxClients > 0, maxWaiting > 0 else {
      throw ValidationError("--max-clients and --max-waiting are at least 1.")
    }
    if let fault = raftConfiguration.fault { throw ValidationError("\(fault).") }
  }

  private var raftConfiguration: Configuration {
    var configuration = Configuration(id: NodeID(id))
    configuration.heartbeatInterval = .milliseconds(heartbeat)
    configuration.electionTimeout =
      .milliseconds(electionTimeout)...Duration.milliseconds(2 * electionTimeout)
    configuration.snapshotPolicy = .sinceLast(snapshotEvery)
    configuration.logsToKeep = logsToKeep
    configuration.maxWaitingRequests = maxWaiting
    configuration.tickInterval = min(.milliseconds(10), configuration.heartbeatInterval)
    return configuration
  }

  func run() async throws {
    Self.takeAllDescriptors()
    LoggingSystem.bootstrap(StreamLogHandler.standardError)
    let logger = Logger(label: "n\(id)")
    var settings = ServerConfiguration(
      raft: raftConfiguration, data: data, address: nodes.first { $0.id == id }!.address,
      members: join ? [] : nodes.map { Member(id: NodeID($0.id), address: $0.address.description) })
    settings.http = http?.address
    settings.mostConnections = maxClients
    if let tlsCert, let tlsKey, let tlsCa {
      settings.tls = TLSFiles(
        certificate: tlsCert, key: tlsKey, authority: tlsCa, nodeAuthority: tlsNodeCa)
    }
    let server = Server(settings, logger: logger)
    let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
    do {
      try await server.run {
        for await signal in signals {
          logger.info("stopping", metadata: ["signal": "\(signal)"])
          return
        }
      }
    } catch is CancellationError {
      // A node asked to stop did.
    } catch {
      logger.critical("stopped: \(error)")
      throw ExitCode(1)
    }
  }
}

extension RaftNode {
  /// As many descriptors as may be had without asking anybody: each connection needs one, and the
  /// usual thousand are fewer than `maxClients`.
  private static func takeAllDescriptors() {
    let descriptors = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    var limit = rlimit()
    guard getrlimit(descriptors, &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    _ = setrlimit(descriptors, &limit)
  }
}

/// An address as a flag gives it.
struct AddressArgument: ExpressibleByArgument {
  var address: Address

  init?(argument: String) {
    guard let address = Address(argument) else { return nil }
    self.address = address
  }
}

/// One member of the cluster as a flag gives it.
struct MemberArgument: ExpressibleByArgument {
  var id: UInt64
  var address: NodeAddress

  init?(argument: String) {
    let halves = argument.split(separator: "=", maxSplits: 1)
    guard halves.count == 2, let id = UInt64(halves[0]), id > 0,
      let address = NodeAddress(halves[1])
    else { return nil }
    self.id = id
    self.address = address
  }
}
