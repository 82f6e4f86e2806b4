// raft-node as a system under test.

import FoundationEssentials
import Hosts
import NIOCore
import RedisProtocol

/// A cluster of `raft-node`.
public struct RaftNode: System {
  /// The executable.
  public let program: String
  /// Where clients connect, by node.
  public let endpoints: [Endpoint]
  /// What `--node` says of each.
  private let members: [String]
  /// The executable on each host, and the second build.
  private let places: [String]
  private let upgrades: [String]?

  /// A cluster of `program` on `hosts`; `upgrade` is another build of it.
  public init(program: String, upgrade: String? = nil, hosts: [any Host]) {
    self.program = program
    places = hosts.map { $0.place(of: program) }
    upgrades = upgrade.map { upgrade in hosts.map { $0.place(of: upgrade) } }
    endpoints = hosts.map { Endpoint(node: $0.name, host: $0.address, port: 6379) }
    members = hosts.enumerated().map { index, host in
      let name = host.address.contains(":") ? "[\(host.address)]" : host.address
      return "\(index + 1)=\(name):6379,\(name):7379"
    }
  }

  /// Whether another build was given.
  public var hasUpgrade: Bool { upgrades != nil }

  /// The log's segments are numbered; there is one snapshot.
  public func place(of file: StoredFile) -> (folder: String, nameEnd: String)? {
    switch file {
    case .log: ("log", ".log")
    case .snapshot: ("snapshots", "snapshot")
    }
  }

  /// By joint consensus.
  public var membership: (any MembershipControl)? { self }

  /// The command that runs node `index`. Its log is compacted so often that a run of seconds sees
  /// snapshots built, sent and recovered from.
  public func command(node index: Int, data: String, as start: NodeStart) -> Command {
    let place = start.isUpgraded ? upgrades?[index] : nil
    let known = start.joins ? [members[index]] : members
    return Command(
      place ?? places[index],
      [
        "--id", "\(index + 1)", "--data", data, "--snapshot-every", "500", "--logs-to-keep", "100",
      ] + known.flatMap { ["--node", $0] } + (start.joins ? ["--join"] : []))
  }

  /// Asks every node.
  public func leaders(group: any EventLoopGroup) async -> [Leader] {
    await endpoints.indices.mapConcurrently { await claim(of: $0, group: group) }.compactMap { $0 }
  }

  /// Asks the leader to hand over, or all nodes for a snapshot or a purge.
  public func administer(_ action: Administration, group: any EventLoopGroup) async -> [AdminAnswer]
  {
    let request: RESPValue
    var asked = Array(endpoints.indices)
    switch action {
    case .transfer:
      request = .command("RAFT.TRANSFER")
      guard let leader = await leader(group: group) else { return [] }
      asked = [leader.index]
    case .snapshot: request = .command("RAFT.SNAPSHOT")
    case .purge: request = .command("RAFT.PURGE", "\(UInt64.max)")
    }
    return await asked.mapConcurrently { [request] in await ask(request, of: $0, group: group) }
  }

  func ask(
    _ request: RESPValue, of index: Int, within time: Duration = .seconds(5),
    group: any EventLoopGroup
  ) async -> AdminAnswer {
    let endpoint = endpoints[index]
    func answer(_ isDone: Bool, _ text: String) -> AdminAnswer {
      AdminAnswer(node: endpoint.node, isDone: isDone, text: text)
    }
    do throws(RedisConnectionError) {
      let connection = try await RedisConnection.connect(
        host: endpoint.host, port: endpoint.port, deadline: min(time, .seconds(1)), group: group)
      defer { connection.close() }
      switch try await connection.send(request, deadline: time) {
      case .simple(let text): return answer(true, text)
      case .bulk(let bytes): return answer(true, String(decoding: bytes, as: UTF8.self))
      case .integer(let number): return answer(true, "n\(number) leads")
      case .error(let text): return answer(false, text)
      case let other: return answer(false, "\(other)")
      }
    } catch {
      return answer(false, "\(error)")
    }
  }

  private struct Status: Decodable {
    var role: String
    var term: UInt64
  }

  /// Nil also when the node is down: then it leads nobody that could say so.
  private func claim(of index: Int, group: any EventLoopGroup) async -> Leader? {
    let patience = Duration.milliseconds(150)
    let endpoint = endpoints[index]
    guard
      let connection = try? await RedisConnection.connect(
        host: endpoint.host, port: endpoint.port, deadline: patience, group: group)
    else { return nil }
    defer { connection.close() }
    guard
      case .bulk(let json) = try? await connection.send(
        .command("RAFT.STATUS"), deadline: patience),
      let status = try? JSONDecoder().decode(Status.self, from: Data(json)),
      status.role == "leader"
    else { return nil }
    return Leader(index: index, term: status.term)
  }
}
