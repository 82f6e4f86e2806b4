// The Raft algorithm as a pure state machine: an event in, state changed, commands out.
// Here: state, time-outs, dispatch. Elections, appending, leading, reads, memberships and snapshots
// stand in files beside it. Not here: clocks, disks, sockets, tasks (CoreStep.swift carries out
// the commands).

/// One node's part in Raft (Ongaro 2014, chapters 3 to 6), with pre-vote (§9.6), check-quorum
/// (§6.2), read-index and leases (§6.4), and leadership transfer (§3.10).
struct Engine: Sendable {
  let configuration: Configuration
  var state: RaftState
  var role = Role.follower
  /// The leader of the current term, as far as this node knows.
  var leader: NodeID?
  /// What this voter promised the leader it last heard from: no vote for another before.
  var lease: (holder: NodeID?, end: Duration)
  /// The vote that is known to be on disk.
  var durableVote: Vote
  /// When this follower or candidate gives up waiting.
  var electionDeadline: Duration = .zero
  var switches: Switches
  /// Since when a snapshot is being built; nil when none is.
  var buildingSince: Duration?
  /// Before this time none is built without being asked for.
  var nextBuild = Duration.zero
  /// From the shortest election timeout to the longest, in microseconds.
  private let electionSpread: UInt64
  private var random: any RandomNumberGenerator & Sendable

  /// A follower with what its disk held. It leads again only after a new election, even if it led
  /// before: what it knew of commitment is gone.
  init(
    configuration: Configuration, recovered: Recovered, snapshot: SnapshotMeta?, at now: Duration,
    random: any RandomNumberGenerator & Sendable
  ) {
    self.configuration = configuration
    let range = configuration.electionTimeout
    electionSpread = UInt64((range.upperBound - range.lowerBound) / .microseconds(1))
    let committed = snapshot?.lastLogID.index ?? 0
    state = RaftState(
      vote: recovered.vote, log: recovered.log,
      memberships: MembershipLog(snapshot?.membership ?? .none, recovered.memberships),
      snapshot: snapshot?.lastLogID, committed: committed, applied: committed)
    durableVote = recovered.vote
    switches = configuration.switches
    self.random = random
    // What it promised before it stopped is forgotten, but still counted on.
    lease = (
      recovered.vote.committed ? recovered.vote.node : nil,
      recovered.vote == .none ? now : now + configuration.electionTimeout.lowerBound
    )
    resetElectionDeadline(at: now)
  }

  var id: NodeID { configuration.id }
  var membership: Membership { state.memberships.effective.membership }
  var isLeader: Bool { leadership != nil }
  var voterPeers: [NodeID] { membership.voters.filter { $0 != id } }
  /// All to whom a leader replicates.
  var targets: [NodeID] { membership.members.map(\.id).filter { $0 != id } }

  /// Whether this node may ask for votes: it has a vote, or had one until a change that is not
  /// committed yet. Nobody else may hold the entry that took it away, and then only this node can
  /// win and replicate it (thesis §4.2.2).
  var mayCampaign: Bool { state.memberships.all.contains { $0.membership.isVoter(id) } }

  var leadership: Leadership? {
    guard case .leader(let leadership) = role else { return nil }
    return leadership
  }

  var session: ReplicationSession {
    ReplicationSession(vote: state.vote, membership: state.memberships.effective.logID)
  }

  /// The role as people know it: who has no vote is a learner.
  var roleName: String {
    if case .follower = role, !membership.isVoter(id) { return "learner" }
    return role.name
  }

  /// Changes the state by `event` and says what has to be done for it.
  mutating func handle(_ event: Event, at now: Duration) -> [Command] {
    let before = state
    defer { checkInvariants(since: before) }
    switch event {
    case .tick: return tick(at: now)
    case .voteRequested(let request, let id): return handleVoteRequest(request, id, at: now)
    case .voteAnswered(let response, let from, let request):
      return handleVoteResponse(response, from: from, to: request, at: now)
    case .appendRequested(let request, let id): return handleAppend(request, id, at: now)
    case .acknowledged(let report): return handleAcknowledgment(report, at: now)
    case .higherVoteSeen(let vote): return adopt(vote, at: now)
    case .becameDurable(let vote, let lastLogID):
      return handleDurable(vote: vote, lastLogID: lastLogID, at: now)
    case .initialized(let membership): return initialize(membership, at: now)
    case .proposed(let payloads): return propose(payloads)
    case .membershipProposed(let membership, let retain):
      return propose(membership, retain: retain)
    case .readsRequested(let reads, let byLease):
      return handleReads(reads, byLease: byLease, at: now)
    case .snapshotOffered(let vote, let id): return handleSnapshotPart(from: vote, id, at: now)
    case .snapshotReceived(let meta, let id): return install(meta, id)
    case .snapshotBuilt(let meta): return snapshotBuilt(meta, at: now)
    case .applied(let index): return applied(upTo: index, at: now)
    case .purgeRequested(let index): return purge(upTo: index, atLeast: 1)
    case .snapshotRequested: return buildSnapshot(at: now)
    case .transferRequested(let target): return transfer(to: target, at: now)
    case .transferReceived(let request): return handleTransfer(request, at: now)
    case .electionRequested: return isLeader ? [] : startElection(at: now, isTransfer: false)
    case .heartbeatRequested: return isLeader ? [.heartbeat] : []
    case .switched(let switches):
      self.switches = switches
      return []
    }
  }

  private mutating func tick(at now: Duration) -> [Command] {
    switch role {
    case .leader(let leadership): return tickLeader(leadership, at: now)
    case .follower, .preCandidate, .candidate:
      // Who may not ask for votes waits for a leader that it does not know.
      if now >= electionDeadline, !mayCampaign { leader = nil }
      guard switches.elect, mayCampaign, now >= electionDeadline else {
        return countOwnVote(at: now)
      }
      return startPreVote(at: now)
    }
  }

  /// A new deadline, drawn anew each time so that rivals do not stay in step (thesis §3.4).
  mutating func resetElectionDeadline(at now: Duration) {
    let range = configuration.electionTimeout
    let extra = UInt64.random(in: 0...electionSpread, using: &random)
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
