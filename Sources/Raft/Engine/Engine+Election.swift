// Elections: asking for votes, giving them, and winning.

extension Engine {
  /// Asks whether an election would succeed, before raising the term for one (thesis §9.6): a node
  /// that was cut off comes back without deposing a leader that works.
  mutating func startPreVote(at now: Duration) -> [Command] {
    resetElectionDeadline(at: now)
    leader = nil
    role = .preCandidate(granted: [id])
    if membership.isQuorum([id]) { return startElection(at: now, isTransfer: false) }
    let vote = Vote(term: state.vote.term + 1, node: id)
    let request = VoteRequest(vote: vote, lastLogID: state.log.last, isPreVote: true)
    return [.requestPreVotes(request, to: voterPeers)]
  }

  /// Raises the term and asks for votes. Not for a node that has no vote itself: the cluster would
  /// be disturbed for nothing.
  mutating func startElection(at now: Duration, isTransfer: Bool) -> [Command] {
    guard mayCampaign else { return [] }
    resetElectionDeadline(at: now)
    leader = nil
    state.vote = Vote(term: state.vote.term + 1, node: id)
    role = .candidate(granted: [])
    let request = VoteRequest(
      vote: state.vote, lastLogID: state.log.last, isPreVote: false, isTransfer: isTransfer)
    return [.saveVote(state.vote), .requestVotes(request, to: voterPeers)]
  }

  mutating func handleVoteRequest(
    _ request: VoteRequest, _ id: RequestID, at now: Duration
  ) -> [Command] {
    func answer(granted: Bool) -> Command {
      .answerVote(
        id, VoteResponse(vote: state.vote, granted: granted, lastLogID: state.log.last))
    }
    let isNewTerm = request.vote.term > state.vote.term
    // Whoever asks must be asked even where its own entry as a voter has not arrived yet: a voter
    // that does not know itself to be one still votes (thesis §4.2.2).
    guard !request.vote.committed, let candidate = request.vote.node,
      request.isPreVote ? isNewTerm : state.vote.yields(to: request.vote),
      request.isTransfer || !isPromised(to: candidate, at: now),
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

  /// Whether this node leads, or heard from a leader so lately that the leader may count on it:
  /// then votes for others are refused and terms not taken on (thesis §4.2.3). The promise is kept
  /// whatever terms were seen since, and by a node that has started again.
  private func isPromised(to candidate: NodeID, at now: Duration) -> Bool {
    isLeader || (now < lease.end && candidate != lease.holder)
  }

  mutating func handleVoteResponse(
    _ response: VoteResponse, from: NodeID, to request: VoteRequest, at now: Duration
  ) -> [Command] {
    // Terms spread by refusals too, else a long log in a low term could never be elected.
    if response.vote.term > state.vote.term, !response.granted {
      return adopt(response.vote, at: now)
    }
    guard response.granted else {
      if !isLeader, leader == nil, !isUpToDate(state.log.last, with: response.lastLogID) {
        // It cannot win; those with the longer log go first.
        electionDeadline = max(
          electionDeadline, now + configuration.electionTimeout.upperBound)
      }
      return []
    }
    if request.isPreVote {
      guard case .preCandidate(var granted) = role, request.vote.term == state.vote.term + 1
      else { return [] }
      granted.insert(from)
      role = .preCandidate(granted: granted)
      return membership.isQuorum(granted) ? startElection(at: now, isTransfer: false) : []
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

  /// The own vote counts once it is on disk, and not before the promise to another has ended: who
  /// was told to ask for votes at once is no freer to give its own than the others are.
  mutating func countOwnVote(at now: Duration) -> [Command] {
    guard durableVote == state.vote, !isPromised(to: id, at: now) else { return [] }
    return countVote(of: id, for: state.vote, at: now)
  }

  /// The own vote counts, and own entries count, once they are on disk.
  mutating func handleDurable(
    vote: Vote, lastLogID: LogID?, at now: Duration
  ) -> [Command] {
    durableVote = vote
    switch role {
    case .candidate:
      return countOwnVote(at: now)
    case .leader(var leadership):
      // A write of before a truncation may be reported late: it counts only for entries that
      // the log still holds under that name.
      guard let lastLogID, state.log.contains(lastLogID) else { return [] }
      leadership.durable = max(leadership.durable, lastLogID.index)
      role = .leader(leadership)
      return advanceCommit(at: now)
    case .follower, .preCandidate:
      return []
    }
  }

  /// A leader hands over: the election is due now, and no lease stands in its way.
  mutating func handleTransfer(_ request: TransferRequest, at now: Duration) -> [Command] {
    guard request.vote == state.vote, !isLeader,
      isUpToDate(state.log.last, with: request.lastLogID)
    else { return [] }
    lease = (id, now)
    return startElection(at: now, isTransfer: true)
  }
}
