// Elections: asking for votes, giving them, and winning.

extension Engine {
  /// Asks whether an election would succeed, before raising the term for one (thesis §9.6): a node
  /// that was cut off comes back without deposing a leader that works.
  mutating func startPreVote(at now: Duration) -> [Command] {
    resetElectionDeadline(at: now)
    leader = nil
    role = .preCandidate(granted: [id])
    if membership.isQuorum([id]) { return startElection(at: now) }
    let vote = Vote(term: state.vote.term + 1, node: id)
    let request = VoteRequest(vote: vote, lastLogID: state.log.last, isPreVote: true)
    return [.requestPreVotes(request, to: peers)]
  }

  private mutating func startElection(at now: Duration) -> [Command] {
    resetElectionDeadline(at: now)
    state.vote = Vote(term: state.vote.term + 1, node: id)
    role = .candidate(granted: [])
    let request = VoteRequest(vote: state.vote, lastLogID: state.log.last, isPreVote: false)
    return [.saveVote(state.vote), .requestVotes(request, to: peers)]
  }

  mutating func handleVoteRequest(
    _ request: VoteRequest, _ id: RequestID, at now: Duration
  ) -> [Command] {
    func answer(granted: Bool) -> Command {
      .answerVote(id, VoteResponse(vote: state.vote, granted: granted))
    }
    let isNewTerm = request.vote.term > state.vote.term
    guard !request.vote.committed, request.vote.node != nil,
      request.isPreVote ? isNewTerm : state.vote.yields(to: request.vote),
      !isLeaderAlive(at: now) || request.vote.node == leader,
      isUpToDate(request.lastLogID, with: state.log.last)
    else { return [answer(granted: false)] }
    if request.isPreVote { return [answer(granted: true)] }
    var commands: [Command] = []
    if state.vote != request.vote {
      state.vote = request.vote
      commands = becomeFollower(of: nil) + [.saveVote(state.vote)]
    }
    resetElectionDeadline(at: now)
    return commands + [answer(granted: true)]
  }

  /// Whether this node leads, or heard from a leader so lately that no election is due: then
  /// votes are refused and terms not taken on (thesis §4.2.3).
  private func isLeaderAlive(at now: Duration) -> Bool {
    if isLeader { return true }
    guard leader != nil, let leaderHeardAt else { return false }
    return now - leaderHeardAt < configuration.electionTimeout.lowerBound
  }

  mutating func handleVoteResponse(
    _ response: VoteResponse, from: NodeID, to request: VoteRequest, at now: Duration
  ) -> [Command] {
    // Terms spread by refusals too, else a long log in a low term could never be elected.
    if response.vote.term > state.vote.term, !response.granted {
      return adopt(response.vote, at: now)
    }
    guard response.granted else { return [] }
    if request.isPreVote {
      guard case .preCandidate(var granted) = role, request.vote.term == state.vote.term + 1
      else { return [] }
      granted.insert(from)
      role = .preCandidate(granted: granted)
      return membership.isQuorum(granted) ? startElection(at: now) : []
    }
    return countVote(of: from, for: request.vote, at: now)
  }

  private mutating func countVote(
    of voter: NodeID, for vote: Vote, at now: Duration
  ) -> [Command] {
    guard case .candidate(var granted) = role, vote == state.vote else { return [] }
    granted.insert(voter)
    role = .candidate(granted: granted)
    return membership.isQuorum(granted) ? startLeading(at: now) : []
  }

  /// The own vote counts, and own entries count, once they are on disk.
  mutating func handleDurable(
    vote: Vote, lastLogID: LogID?, at now: Duration
  ) -> [Command] {
    switch role {
    case .candidate:
      return countVote(of: id, for: vote, at: now)
    case .leader(var leadership):
      // A write of before a truncation may be reported late: it counts only for entries that
      // the log still holds under that name.
      guard let lastLogID, state.log.contains(lastLogID) else { return [] }
      leadership.durable = max(leadership.durable, lastLogID.index)
      role = .leader(leadership)
      return advanceCommit()
    case .follower, .preCandidate:
      return []
    }
  }
}
