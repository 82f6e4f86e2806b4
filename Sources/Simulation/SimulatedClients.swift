// Clients of a world: each asks, waits for the answer or gives up, writes down what it saw, and asks
// again.

import History
import Raft

/// What the clients of a world saw.
final class ClientLog {
  private let world: World
  private(set) var history = History()
  private var next = 0
  /// How many operations were answered.
  private(set) var answered = 0

  init(_ world: World) { self.world = world }

  func invoke(_ process: Int, _ function: String, _ key: UInt8, _ argument: Value) -> Int {
    let event = Event(
      index: next, time: nanoseconds, process: .client(process), type: .invoke,
      function: function, key: String(key), value: argument)
    next += 1
    history.operations.append(Operation(invocation: event, process: process))
    return history.operations.count - 1
  }

  func complete(_ place: Int, _ outcome: Outcome, _ result: Value) {
    history.operations[place].outcome = outcome
    history.operations[place].result = result
    history.operations[place].completion = next
    history.operations[place].completedAt = nanoseconds
    next += 1
    history.endIndex = next
    history.endTime = nanoseconds
    if outcome == .ok { answered += 1 }
  }

  private var nanoseconds: Int64 { Int64(world.now / .nanoseconds(1)) }
}

/// Asks a node one thing at a time.
final class SimulatedClient {
  private let world: World
  private let network: SimulatedNetwork
  private let log: ClientLog
  private let options: SimulationOptions
  private let ids: [NodeID]
  private var process: Int
  private let step: Int
  private var leader: NodeID
  private var count: UInt32 = 0
  private var seen: [UInt8: UInt32] = [:]
  /// When it meant to ask next; what it could not then, it catches up on.
  private var due = Duration.zero
  var isStopped = false

  init(
    _ number: Int, of all: Int, _ world: World, _ network: SimulatedNetwork, _ log: ClientLog,
    _ ids: [NodeID], _ options: SimulationOptions
  ) {
    self.world = world
    self.network = network
    self.log = log
    self.ids = ids
    self.options = options
    process = number
    step = all
    leader = ids[0]
  }

  /// Goes on until stopped.
  func start() {
    let pause = 1_000_000 * step / max(options.operationsASecond, 1)
    due += world.draw(microseconds: 0...(2 * pause))
    world.after(due - world.now) { [self] in
      if !isStopped { ask() }
    }
  }

  private func ask() {
    // Not all clients know the same leader: who asks a deposed one must not be told old news.
    if world.happens(0.3) { leader = another() }
    let key = UInt8(world.draw(0...(options.keys - 1)))
    count += 1
    let value = UInt32(process % step) << 24 | count & 0xff_ffff
    switch world.draw(0...3) {
    case 0, 1:
      let consistency: ReadConsistency = world.happens(0.5) ? .lease : .linearizable
      let place = log.invoke(process, "read", key, .absent)
      send({ $0.read([key], consistency: consistency, reply: $1) }, place) { [self] bytes in
        var reader = ByteReader(bytes)
        let value = reader.number(as: UInt32.self) ?? 0
        seen[key] = value
        return (.ok, value == 0 ? .absent : .integer(Int64(value)))
      }
    case 2:
      let place = log.invoke(process, "write", key, .integer(Int64(value)))
      let command = RegisterCommand(kind: .write, key: key, value: value)
      send({ $0.write(command.bytes, reply: $1) }, place) { _ in
        (.ok, .integer(Int64(value)))
      }
    default:
      let old = seen[key] ?? 0
      let pair = Value.list([old == 0 ? .absent : .integer(Int64(old)), .integer(Int64(value))])
      let place = log.invoke(process, "cas", key, pair)
      let command = RegisterCommand(kind: .compareAndSet, key: key, value: value, expected: old)
      send({ $0.write(command.bytes, reply: $1) }, place) { bytes in
        (bytes == [1] ? .ok : .fail, pair)
      }
    }
  }

  private func send(
    _ question: @escaping (Raft, @escaping @Sendable (Result<[UInt8], RaftError>) -> Void) -> Void,
    _ place: Int, _ read: @escaping ([UInt8]) -> (Outcome, Value)
  ) {
    let open = UncheckedBox(OpenRequest(self, place, read))
    // A client sits beside each node; what is between them is not what is tested here.
    guard let raft = network.nodes[leader] else {
      return open.value.fail()
    }
    world.after(options.timeout) { open.value.giveUp() }
    let asked = leader
    question(raft) { result in open.value.answered(result, by: asked, raft) }
  }

  /// One request under way; it ends once.
  private final class OpenRequest {
    private let client: SimulatedClient
    private let place: Int
    private let read: ([UInt8]) -> (Outcome, Value)
    private var isOver = false

    init(
      _ client: SimulatedClient, _ place: Int, _ read: @escaping ([UInt8]) -> (Outcome, Value)
    ) {
      self.client = client
      self.place = place
      self.read = read
    }

    func answered(_ result: Result<[UInt8], RaftError>, by node: NodeID, _ raft: Raft) {
      // A node that crashed meanwhile has not answered.
      guard client.network.nodes[node] === raft else { return }
      switch result {
      case .success(let bytes):
        let (outcome, value) = read(bytes)
        end(outcome, value)
      case .failure(.indoubt): giveUp()
      case .failure(.notLeader(let leader)):
        client.leader = leader ?? client.another()
        end(.fail, .absent)
      case .failure:
        client.leader = client.another()
        end(.fail, .absent)
      }
    }

    func fail() {
      client.leader = client.another()
      end(.fail, .absent)
    }

    func giveUp() {
      guard !isOver else { return }
      client.leader = client.another()
      end(.info, .absent)
      // A process whose operation may still happen does nothing more under its number.
      client.process += client.step
    }

    private func end(_ outcome: Outcome, _ value: Value) {
      guard !isOver else { return }
      isOver = true
      client.log.complete(place, outcome, value)
      client.start()
    }
  }

  private func another() -> NodeID { ids[world.draw(0...(ids.count - 1))] }
}
