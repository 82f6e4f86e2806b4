// The Raft algorithm as a pure state machine: an event in, state changed, commands out.
// Here: state, time-outs, dispatch. Elections, appending and leading stand in files beside it.
// Not here: clocks, disks, sockets, tasks (RaftCore.swift carries out the commands).

/// One node's part in Raft (Ongaro 2014, chapter 3), with pre-vote (§9.6), check-quorum (§6.2)
/// and read-index (§6.4).
struct Engine: Sendable {
  let configuration: Configuration
  var state: RaftState
  var role = Role.follower
  /// The leader of the current term, as far as this node knows.
  var leader: NodeID?
  /// When a leader was last heard from.
  var leaderHeardAt: Duration?
  /// When this follower or candidate gives up waiting.
  var electionDeadline: Duration = .zero
  private var random: any RandomNumberGenerator & Sendable

  /// A follower with what its disk held. It leads again only after a new election, even if it led
  /// before: what it knew of commitment is gone.
  init(
    configuration: Configuration, vote: Vote, log: LogIDList, at now: Duration,
    random: any RandomNumberGenerator & Sendable
  ) {
    self.configuration = configuration
    self.state = RaftState(vote: vote, log: log)
    self.random = random
    resetElectionDeadline(at: now)
  }

  var id: NodeID { configuration.id }
  var membership: Membership { configuration.membership }
  var peers: [NodeID] { membership.voters.filter { $0 != id } }
  var isLeader: Bool { leadership != nil }

  var leadership: Leadership? {
    guard case .leader(let leadership) = role else { return nil }
    return leadership
  }

  /// Changes the state by `event` and says what has to be done for it.
  mutating func handle(_ event: Event, at now: Duration) -> [Command] {
    let before = state
    defer { checkInvariants(since: before) }
    switch event {
    case .tick:
      return tick(at: now)
    case .voteRequested(let request, let id):
      return handleVoteRequest(request, id, at: now)
    case .voteAnswered(let response, let from, let request):
      return handleVoteResponse(response, from: from, to: request, at: now)
    case .appendRequested(let request, let id):
      return handleAppend(request, id, at: now)
    case .acknowledged(let follower, let session, let matched, let round, let sentAt):
      return handleAcknowledgment(
        by: follower, session: session, matched: matched, round: round, sentAt: sentAt)
    case .higherVoteSeen(let vote):
      return adopt(vote, at: now)
    case .becameDurable(let vote, let lastLogID):
      return handleDurable(vote: vote, lastLogID: lastLogID, at: now)
    case .proposed(let payloads):
      return propose(payloads)
    case .readsRequested(let reads):
      return handleReads(reads)
    }
  }

  private mutating func tick(at now: Duration) -> [Command] {
    switch role {
    case .leader(let leadership): return tickLeader(leadership, at: now)
    case .follower, .preCandidate, .candidate:
      return now >= electionDeadline ? startPreVote(at: now) : []
    }
  }

  /// A new deadline, drawn anew each time so that rivals do not stay in step (thesis §3.4).
  mutating func resetElectionDeadline(at now: Duration) {
    let range = configuration.electionTimeout
    let spread = (range.upperBound - range.lowerBound) / .microseconds(1)
    let extra = spread >= 1 ? UInt64.random(in: 0...UInt64(spread), using: &random) : 0
    electionDeadline = now + range.lowerBound + .microseconds(Int64(extra))
  }

  /// Stops being whatever it was.
  mutating func becomeFollower(of leader: NodeID?) -> [Command] {
    var commands: [Command] = []
    if let leadership {
      if !leadership.unserved.isEmpty { commands.append(.refuseReads(leadership.unserved)) }
      commands.append(.stopLeading)
    }
    role = .follower
    self.leader = leader
    return commands
  }

  /// Takes on the term of a higher vote that somebody reported, without a promise heard by anyone.
  mutating func adopt(_ vote: Vote, at now: Duration) -> [Command] {
    guard vote.term > state.vote.term else { return [] }
    state.vote = Vote(term: vote.term, node: vote.node)
    resetElectionDeadline(at: now)
    return becomeFollower(of: nil) + [.saveVote(state.vote)]
  }
}
