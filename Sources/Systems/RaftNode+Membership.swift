// Members of a raft-node cluster, removed and added.

import FoundationEssentials
import NIOCore
import RedisProtocol

extension RaftNode: MembershipControl {
  private struct Members: Decodable {
    var role: String
    var term: UInt64
    var voters: [Int]
    var votersBefore: [Int]?
    var learners: [Int]
    var lastLogIndex: UInt64
  }

  /// Asks every node.
  public func standings(group: any EventLoopGroup) async -> [NodeStanding] {
    await endpoints.indices.mapConcurrently { node -> NodeStanding? in
      guard let members = await members(by: node, group: group) else { return nil }
      return NodeStanding(
        node: node, lastIndex: members.lastLogIndex,
        isLearner: members.learners.contains(node + 1))
    }.compactMap { $0 }
  }

  /// Removes them at once, by joint consensus; a leader that goes on with what another began keeps them
  /// as learners, which is no vote.
  public func remove(
    _ nodes: [Int], within time: Duration, group: any EventLoopGroup
  ) async throws {
    let ids = nodes.map { $0 + 1 }
    try await change("remove \(ids)", within: time, group: group) { members in
      let left = ids.filter { members.voters.contains($0) }
      if !left.isEmpty { return [Self.command("RAFT.CHANGE", ["REMOVE"], left)] }
      let learners = ids.filter { members.learners.contains($0) }
      return learners.isEmpty ? [] : [Self.command("RAFT.CHANGE", ["DROP"], learners)]
    }
  }

  /// Adds them as learners, and makes them voters when they have caught up. A new one's identity is
  /// accepted by all others first.
  public func admit(
    _ nodes: [Int], new: Bool, within time: Duration, group: any EventLoopGroup
  ) async throws {
    let ids = nodes.map { $0 + 1 }
    if new {
      for (node, id) in zip(nodes, ids) {
        // Whoever is down is asked for nothing: it hears of the node when it comes back, and refuses it.
        for other in endpoints.indices where other != node {
          _ = await ask(.command("RAFT.ACCEPT", "\(id)"), of: other, group: group)
        }
      }
    }
    try await change("add \(ids)", within: time, group: group) { members in
      let missing = ids.filter { !members.voters.contains($0) && !members.learners.contains($0) }
      if let first = missing.first {
        let host = endpoints[first - 1].host
        return [
          .command("RAFT.ADDLEARNER", "\(first)", "\(host):6379", "\(host):7379")
        ]
      }
      let learners = ids.filter { !members.voters.contains($0) }
      return learners.isEmpty ? [] : [Self.command("RAFT.CHANGE", ["ADD"], learners)]
    }
  }

  private static func command(_ name: String, _ words: [String], _ ids: [Int]) -> RESPValue {
    .array(([name] + words + ids.map { "\($0)" }).map { .bulk(Array($0.utf8)) })
  }

  /// Asks whoever leads for what is next, until there is nothing and no change is under way.
  private func change(
    _ what: String, within time: Duration, group: any EventLoopGroup,
    _ next: (Members) -> [RESPValue]
  ) async throws {
    let end = ContinuousClock.now + time
    var said = "nobody led"
    while ContinuousClock.now < end {
      if let leader = await leader(group: group)?.index,
        let members = await members(by: leader, group: group), members.role == "leader"
      {
        let requests = next(members)
        if requests.isEmpty, members.votersBefore == nil { return }
        for request in requests where members.votersBefore == nil {
          said = await ask(request, of: leader, group: group).text
        }
      }
      try await Task.sleep(for: .milliseconds(50))
    }
    throw SystemError("\(what): not done within \(time): \(said)")
  }

  private func members(by node: Int, group: any EventLoopGroup) async -> Members? {
    let answer = await ask(.command("RAFT.STATUS"), of: node, group: group)
    guard answer.isDone else { return nil }
    return try? JSONDecoder().decode(Members.self, from: Data(answer.text.utf8))
  }
}
