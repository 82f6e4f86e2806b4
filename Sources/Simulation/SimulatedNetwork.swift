// The network between the nodes of a world: it delays, loses, repeats and reorders, and can be cut
// in one direction.

import Raft

/// What a network does wrong, and how often.
public struct NetworkFaults: Sendable {
  /// How long a message takes, in microseconds.
  public var delay = 200...2000
  /// So many messages take a hundred times as long.
  public var stragglers = 0.0
  /// So many are lost.
  public var loss = 0.0
  /// So many arrive twice.
  public var duplication = 0.0

  /// A network that only takes its time.
  public init() {}
}

/// Carries requests and answers between nodes.
final class SimulatedNetwork {
  /// A message goes this way.
  struct Way: Hashable {
    var from: NodeID
    var to: NodeID
  }

  private let world: World
  var faults: NetworkFaults
  /// Nothing gets through these ways.
  var cut: Set<Way> = []
  /// Who answers at the moment; a node that is down does not.
  var nodes: [NodeID: Raft] = [:]
  /// Told of every vote that leaves a node.
  var granted: (NodeID, VoteRequest) -> Void = { _, _ in }
  /// Told of every request for votes that leaves a candidate.
  var stood: (NodeID, VoteRequest) -> Void = { _, _ in }
  /// Told of every leader's request that a node took: whose, and when it came.
  var followed: (NodeID, Vote, Duration) -> Void = { _, _, _ in }
  /// Told of every leader that tells another node to take over.
  var handedOver: (Vote) -> Void = { _ in }
  /// An answer later than this counts as none.
  private static let deadline = Duration.milliseconds(400)

  init(_ world: World, faults: NetworkFaults) {
    self.world = world
    self.faults = faults
  }

  var now: Duration { world.now }

  /// Has `action` happen at the other end: once, never, or twice.
  private func carry(_ way: Way, _ action: @escaping () -> Void) {
    world.note(way.from.number << 8 | way.to.number)
    var copies = 1
    if world.happens(faults.loss) { copies = 0 }
    if world.happens(faults.duplication) { copies += 1 }
    for _ in 0..<copies {
      var delay = world.draw(microseconds: faults.delay)
      if world.happens(faults.stragglers) { delay = delay * 100 }
      world.after(delay) { [self] in
        if !cut.contains(way) { action() }
      }
    }
  }

  /// Asks the node at the other end, and brings back its answer; nil after the deadline.
  func ask<Answer: Sendable>(
    _ way: Way, reply: @escaping @Sendable (Answer?) -> Void,
    _ question: @escaping (Raft, @escaping @Sendable (Result<Answer, RaftError>) -> Void) -> Void
  ) {
    let open = OpenQuestion(reply)
    world.after(Self.deadline) { open.answer(nil) }
    carry(way) { [self] in
      guard let node = nodes[way.to] else { return }
      let back = UncheckedBox((self, way, node))
      question(node) { result in
        // Called from one of the node's tasks, which run in the world.
        guard case .success(let answer) = result else { return }
        let (network, way, node) = back.value
        // What is left of a node that crashed says nothing any more.
        guard network.nodes[way.to] === node else { return }
        network.carry(Way(from: way.to, to: way.from)) { open.answer(answer) }
      }
    }
  }

  func tell(_ way: Way, _ message: @escaping (Raft) -> Void) {
    carry(way) { [self] in
      if let node = nodes[way.to] { message(node) }
    }
  }
}

/// Calls its reply once.
private final class OpenQuestion<Answer: Sendable>: @unchecked Sendable {
  // Only the world's thread gets here.
  private var reply: ((Answer?) -> Void)?
  init(_ reply: @escaping (Answer?) -> Void) { self.reply = reply }

  func answer(_ answer: Answer?) {
    reply?(answer)
    reply = nil
  }
}

/// Takes what only the world's thread touches through a closure that could go elsewhere.
struct UncheckedBox<Value>: @unchecked Sendable {
  // Only the world's thread gets here.
  let value: Value
  init(_ value: Value) { self.value = value }
}

/// One node's end of the network. A node that crashed goes on talking to nobody.
final class NetworkEnd: Network, @unchecked Sendable {
  // Only the world's thread gets here.
  private let own: NodeID
  private let network: SimulatedNetwork
  /// Whether the node is the one that runs now, and not what is left of one that crashed.
  var isPlugged = true

  init(own: NodeID, _ network: SimulatedNetwork) {
    self.own = own
    self.network = network
  }

  private func way(to node: NodeID) -> SimulatedNetwork.Way? {
    isPlugged ? SimulatedNetwork.Way(from: own, to: node) : nil
  }

  func requestVote(
    _ request: VoteRequest, of node: NodeID, reply: @escaping @Sendable (VoteResponse?) -> Void
  ) {
    guard let way = way(to: node) else { return reply(nil) }
    if !request.isPreVote { network.stood(own, request) }
    let network = UncheckedBox(network)
    self.network.ask(way, reply: reply) { voter, answer in
      voter.handle(request) { (result: Result<VoteResponse, RaftError>) in
        // What is left of a node that crashed promises nothing: nobody hears it.
        if case .success(let response) = result, response.granted, !request.isPreVote,
          network.value.nodes[node] === voter
        {
          network.value.granted(node, request)
        }
        answer(result)
      }
    }
  }

  func append(
    _ request: AppendRequest, to node: NodeID, reply: @escaping @Sendable (AppendResponse?) -> Void
  ) {
    guard let way = way(to: node) else { return reply(nil) }
    let network = UncheckedBox(network)
    self.network.ask(way, reply: reply) { follower, answer in
      let time = network.value.now
      follower.handle(request) { (result: Result<AppendResponse, RaftError>) in
        switch result {
        case .success(.success), .success(.conflict):
          if network.value.nodes[node] === follower {
            network.value.followed(node, request.vote, time)
          }
        case .success(.higherVote), .failure: break
        }
        answer(result)
      }
    }
  }

  func sendSnapshot(
    _ request: SnapshotRequest, to node: NodeID,
    reply: @escaping @Sendable (SnapshotResponse?) -> Void
  ) {
    guard let way = way(to: node) else { return reply(nil) }
    network.ask(way, reply: reply) { $0.handle(request, reply: $1) }
  }

  func requestTransfer(_ request: TransferRequest, to node: NodeID) {
    guard let way = way(to: node) else { return }
    network.handedOver(request.vote)
    network.tell(way) { $0.handle(request) }
  }

  func membersChanged(to members: [Member]) {}
}
