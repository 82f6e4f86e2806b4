// What the engine makes of elections, step by step.

import Support
import Testing

@testable import Raft

@Suite struct ElectionEngineTests {
  private func voter() -> Engine {
    var engine = Engine(
      configuration: Configuration(id: NodeID(1)), recovered: Recovered(), snapshot: nil,
      at: .zero, random: SplitMix64(Seed(1)))
    _ = engine.handle(
      .initialized(Membership(voters: [NodeID(1), NodeID(2), NodeID(3)])), at: .zero)
    return engine
  }

  private let request = RequestID(number: 1)

  @Test("who hears of a longer log than its own lets the others go first")
  func longestLog() {
    var engine = voter()
    let start = Duration.seconds(1)
    let commands = engine.handle(.tick, at: start)
    guard case .requestPreVotes(let asked, _) = commands.last else {
      Issue.record("\(commands)")
      return
    }
    let longer = VoteResponse(
      vote: .none, granted: false, lastLogID: LogID(term: 0, index: 9))
    _ = engine.handle(.voteAnswered(longer, from: NodeID(2), to: asked), at: start)
    let most = engine.configuration.electionTimeout.upperBound
    #expect(engine.electionDeadline == start + most)
    #expect(engine.handle(.tick, at: start + most - .milliseconds(1)) == [])
    #expect(engine.handle(.tick, at: start + most).count == 1)
    var other = voter()
    _ = other.handle(.tick, at: start)
    let shorter = VoteResponse(vote: .none, granted: false, lastLogID: nil)
    _ = other.handle(.voteAnswered(shorter, from: NodeID(2), to: asked), at: start)
    #expect(other.electionDeadline < start + most)
  }

  @Test("who is told to ask for votes counts its own only when its promise to another has ended")
  func ownPromise() {
    var engine = voter()
    let leader = Vote(term: 1, node: NodeID(2), committed: true)
    let append = AppendRequest(
      vote: leader, previous: LogID(term: 0, index: 1), entries: [], committed: 0)
    _ = engine.handle(.appendRequested(append, request), at: .milliseconds(100))
    let commands = engine.handle(.electionRequested, at: .milliseconds(110))
    guard case .requestVotes(let asked, _) = commands.last else {
      Issue.record("\(commands)")
      return
    }
    let last = engine.state.log.last
    _ = engine.handle(.becameDurable(vote: asked.vote, lastLogID: last), at: .milliseconds(111))
    let grant = VoteResponse(vote: asked.vote, granted: true)
    _ = engine.handle(.voteAnswered(grant, from: NodeID(3), to: asked), at: .milliseconds(112))
    #expect(!engine.isLeader)
    _ = engine.handle(.tick, at: .milliseconds(249))
    #expect(!engine.isLeader)
    _ = engine.handle(.tick, at: .milliseconds(250))
    #expect(engine.isLeader)
  }
}
