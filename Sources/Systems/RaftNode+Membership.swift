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
    var secondsSinceVote: Double?
  }

  /// Asks every node.
  public func standings(
    within time: Duration, group: any EventLoopGroup
  ) async -> [NodeStanding] {
    await endpoints.indices.mapConcurrently { node -> NodeStanding? in
      guard
        let members = await members(by: node, within: time, group: group)
      else { return nil }
      return NodeStanding(
        node: node, lastIndex: members.lastLogIndex,
        isLearner: members.learners.contains(node + 1),
        sinceVote: members.secondsSinceVote.map { .seconds(min(max($0, 0), 1e9)) })
    }.compactMap { $0 }
  }

  /// Removes them at once, by joint consensus; a leader that goes on with what another began keeps them
  /// as learners, who are dropped then. Done when all who stay know it: one who does not would count their
  /// votes.
  public func remove(
    _ nodes: [Int], within time: Duration, group: any EventLoopGroup
  ) async throws {
    let ids = nodes.map { $0 + 1 }
    let end = ContinuousClock.now + time
    try await change("remove \(ids)", by: end, group: group) { members in
      let left = ids.filter { members.voters.contains($0) }
      if !left.isEmpty { return [Self.command("RAFT.CHANGE", ["REMOVE"], left)] }
      let learners = ids.filter { members.learners.contains($0) }
      return learners.isEmpty ? [] : [Self.command("RAFT.CHANGE", ["DROP"], learners)]
    }
    for node in endpoints.indices where !nodes.contains(node) {
      while true {
        if let members = await members(by: node, group: group), members.votersBefore == nil,
          Set(ids).isDisjoint(with: members.voters + members.learners)
        {
          break
        }
        guard ContinuousClock.now < end else {
          throw SystemError("\(endpoints[node].node) does not know yet that \(ids) are removed")
        }
        try await Task.sleep(for: .milliseconds(50))
      }
    }
  }

  /// Adds them as learners, and makes them voters when they have caught up. A new one's identity is
  /// accepted by all others first.
  public func admit(
    _ nodes: [Int], new: Bool, within time: Duration, group: any EventLoopGroup
  ) async throws {
    let ids = nodes.map { $0 + 1 }
    let end = ContinuousClock.now + time
    if new {
      for (node, id) in zip(nodes, ids) { try await accept(node, id, by: end, group: group) }
    }
    try await change("add \(ids)", by: end, group: group) { members in
      let missing = ids.filter { !members.voters.contains($0) && !members.learners.contains($0) }
      if let first = missing.first {
        let host = endpoints[first - 1].host
        return [.command("RAFT.ADDLEARNER", "\(first)", "\(host):6379", "\(host):7379")]
      }
      let learners = ids.filter { !members.voters.contains($0) }
      return learners.isEmpty ? [] : [Self.command("RAFT.CHANGE", ["ADD"], learners)]
    }
  }

  /// Has all others take whoever comes as `node`: one that does not would refuse it for ever.
  private func accept(
    _ node: Int, _ id: Int, by end: ContinuousClock.Instant, group: any EventLoopGroup
  ) async throws {
    for other in endpoints.indices where other != node {
      // A member again already: a first try has come so far.
      if let members = await members(by: other, group: group),
        members.voters.contains(id) || members.learners.contains(id)
      {
        continue
      }
      while true {
        let answer = await ask(.command("RAFT.ACCEPT", "\(id)"), of: other, group: group)
        if answer.isDone { break }
        guard ContinuousClock.now < end else {
          throw SystemError("\(answer.node) does not accept \(id) anew: \(answer.text)")
        }
        try await Task.sleep(for: .milliseconds(50))
      }
    }
  }

  private static func command(_ name: String, _ words: [String], _ ids: [Int]) -> RESPValue {
    .array(([name] + words + ids.map { "\($0)" }).map { .bulk(Array($0.utf8)) })
  }

  /// Asks whoever leads for what is next, until there is nothing and no change is under way.
  private func change(
    _ what: String, by end: ContinuousClock.Instant, group: any EventLoopGroup,
    _ next: (Members) -> [RESPValue]
  ) async throws {
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
    throw SystemError("\(what): not done in time: \(said)")
  }

  private func members(
    by node: Int, within time: Duration = .seconds(5), group: any EventLoopGroup
  ) async -> Members? {
    let answer = await ask(.command("RAFT.STATUS"), of: node, within: time, group: group)
    guard answer.isDone else { return nil }
    return try? JSONDecoder().decode(Members.self, from: Data(answer.text.utf8))
  }
}
