// Clients cut from nodes, while the nodes hear one another.

import History
import Hosts
import NIOCore
import NIOPosix
import Systems
import Workloads

/// Cuts the port for clients of some nodes.
public struct Disconnect: Fault {
  /// `disconnect`.
  public let kind = "disconnect"
  private let target: NodeTarget
  private let means: CutMeans
  private let nodes: [Int]
  private let cluster: Cluster
  private let rules: NetworkRuleBook
  private let group: any EventLoopGroup

  /// So long a connection may take: it is a lab, or a network of one place.
  private static let patience = TimeAmount.milliseconds(500)

  /// Cuts clients from `nodes`, which `target` named.
  public init(
    target: NodeTarget, by means: CutMeans, nodes: [Int], cluster: Cluster,
    rules: NetworkRuleBook, group: any EventLoopGroup
  ) {
    self.target = target
    self.means = means
    self.nodes = nodes
    self.cluster = cluster
    self.rules = rules
    self.group = group
  }

  /// Installs the rules, and tries to connect: nobody may answer.
  public func inject() async throws -> [Event.Detail] {
    let running = await connectable()
    guard !running.isEmpty else { throw FaultError.skipped("no client could connect there") }
    let cuts = nodes.map { node in
      (
        cluster.hosts[node].name,
        [PacketRule(from: nil, port: cluster.system.endpoints[node].port, means.fate)]
      )
    }
    try await rules.set(kind, Dictionary(uniqueKeysWithValues: cuts))
    let left = await connectable()
    guard left.isEmpty else {
      throw FaultError.unverified("clients still connect to \(names(left).joined(separator: " "))")
    }
    return [
      Event.Detail("target", .text(target.rawValue)), Event.Detail("by", .text(means.rawValue)),
      Event.Detail("nodes", .names(names(nodes))),
      Event.Detail(
        "evidence",
        .text(
          "a connection to \(names(running).joined(separator: ", ")) came about before, none now")
      ),
    ]
  }

  /// Takes the rules out, and looks that none is left: whether somebody answers there is the node's
  /// affair.
  public func heal() async throws -> [Event.Detail] {
    try await rules.remove(kind)
    for node in nodes {
      let port = "--dport \(cluster.system.endpoints[node].port) "
      let left = try await NetworkRules.remaining(on: cluster.hosts[node])
        .filter { $0.contains(port) && !$0.hasSuffix("-j ACCEPT") }
      guard left.isEmpty else {
        throw FaultError.unverified("\(cluster.hosts[node].name) still has \(left)")
      }
    }
    return [Event.Detail("nodes", .names(names(nodes)))]
  }

  private func names(_ nodes: [Int]) -> [String] { nodes.map { cluster.hosts[$0].name } }

  /// The nodes to which a connection comes about.
  private func connectable() async -> [Int] {
    let results = await nodes.mapConcurrently { node in
      let endpoint = cluster.system.endpoints[node]
      do {
        let channel = try await ClientBootstrap(group: group).connectTimeout(Self.patience)
          .connect(host: endpoint.host, port: endpoint.port).get()
        channel.close(promise: nil)
        return true
      } catch {
        return false  // whatever the reason, no client gets through
      }
    }
    return zip(nodes, results).filter(\.1).map(\.0)
  }
}
