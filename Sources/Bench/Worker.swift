// One worker: a generator, a client and the recorder, under one process number at a time.

import History
import NIOCore
import Synchronization
import Systems
import Workloads

/// Makes one client's calls, one after the other.
struct Worker {
  private let index: Int
  private let workload: Workload
  private let recorder: Recorder
  private let activity: Activity
  private let calls: CallsUnderWay
  private let lastSeen: LastSeen
  private var generator: RegisterGenerator
  private var client: RegisterClient
  private var process: Int

  /// A client that was refused waits this long: a follower need not be told ten thousand times a
  /// second that it does not lead.
  private static let backOff = Duration.milliseconds(150)

  init(
    index: Int, workload: Workload, seed: UInt64, lastSeen: LastSeen, endpoints: [Endpoint],
    recorder: Recorder, activity: Activity, calls: CallsUnderWay, group: any EventLoopGroup
  ) {
    self.index = index
    self.workload = workload
    self.recorder = recorder
    self.activity = activity
    self.calls = calls
    self.lastSeen = lastSeen
    process = index
    generator = RegisterGenerator(
      load: workload.load, worker: index, workers: workload.clients, seed: seed,
      lastSeen: lastSeen)
    // Half of the clients stay with a node each, so that somebody asks a deposed leader.
    let node = index / 2 % endpoints.count
    client = RegisterClient(
      endpoints: endpoints, placement: index % 2 == 0 ? .followsLeader(node) : .pinned(node),
      timeout: workload.timeout, reads: workload.load.reads, group: group)
  }

  /// Calls until `end`, or until the task is cancelled; never in the middle of a call.
  mutating func run(until end: ContinuousClock.Instant) async {
    var due = ContinuousClock.now
    while !Task.isCancelled {
      if let rate = workload.rate {
        // Late is late: a worker that fell behind does not catch up in a burst.
        due = max(due + generator.pause(rate: rate), .now)
        do { try await Task.sleep(until: min(due, end)) } catch { break }
      }
      guard ContinuousClock.now < end else { break }
      await client.prepare()
      let completion = await call(generator.next())
      if completion.type == .fail, completion.observed == nil {
        do { try await Task.sleep(for: Self.backOff) } catch { break }
      }
    }
    activity.set("worker \(index)", nil)
  }

  /// Calls once and records both ends.
  @discardableResult
  mutating func call(_ invocation: Invocation) async -> Completion {
    let function = invocation.function.rawValue
    activity.set("worker \(index)", "\(function) of key \(invocation.key) at \(client.node)")
    recorder.invoke(
      process: process, function: function, key: invocation.key, argument: invocation.argument,
      node: client.node)
    calls.begin(index, on: client.node)
    let completion = await client.call(invocation)
    calls.end(index)
    recorder.complete(
      process: process, function: function, key: invocation.key, type: completion.type,
      value: completion.value, node: completion.node, error: completion.error,
      observed: completion.observed)
    switch completion.type {
    case .ok:
      let value = invocation.argument.pair?.1 ?? completion.value
      lastSeen.note(value, of: invocation.key)
    case .info:
      // Nobody knows what this process did; whoever goes on is somebody else.
      process += workload.clients
      client.disconnect()
    case .fail:
      if let observed = completion.observed { lastSeen.note(observed, of: invocation.key) }
    case .invoke: preconditionFailure("no call completes with an invocation")
    }
    return completion
  }

  /// Calls each function that the workload has until it succeeds.
  ///
  /// - Returns: the functions that did not succeed by `end`.
  mutating func callUntilAllSucceed(by end: ContinuousClock.Instant) async -> [String] {
    client = client.followingLeader()
    var left = workload.functions
    while let function = left.first, ContinuousClock.now < end {
      var invocation = generator.next()
      while invocation.function != function { invocation = generator.next() }
      if await call(invocation).type == .ok { left.removeFirst() }
    }
    return left.map(\.rawValue)
  }

  /// Reads each key, asking `node` first each time.
  ///
  /// - Returns: the keys that could not be read by `end`.
  mutating func readAll(through node: Int, by end: ContinuousClock.Instant) async -> [String] {
    var unread: [String] = []
    client = client.followingLeader()
    for key in 0..<workload.load.keys {
      var isRead = false
      while !isRead, ContinuousClock.now < end {
        client.turn(to: node)
        let read = Invocation(function: .read, key: "\(key)", argument: .absent)
        isRead = await call(read).type == .ok
      }
      if !isRead { unread.append("\(key)") }
    }
    activity.set("worker \(index)", nil)
    return unread
  }
}

/// On which nodes the calls of clients are under way: a fault may be aimed at one of them.
final class CallsUnderWay: Sendable {
  private let places = Mutex<[Int: (node: String, isUnderWay: Bool)]>([:])

  /// The client's call is on `node` now.
  func begin(_ client: Int, on node: String) { places.withLock { $0[client] = (node, true) } }

  /// It has ended.
  func end(_ client: Int) { places.withLock { $0[client]?.isUnderWay = false } }

  /// Those nodes; where no call is under way, those that clients called last.
  var nodes: [String] {
    let places = places.withLock { Array($0.values) }
    let busy = places.filter(\.isUnderWay)
    return Array(Set((busy.isEmpty ? places : busy).map(\.node)))
  }
}

extension Workload {
  /// The functions that its mix calls.
  public var functions: [Invocation.Function] {
    let mix = load.mix
    return [(Invocation.Function.read, mix.read), (.write, mix.write), (.cas, mix.cas)]
      .filter { $0.1 > 0 }.map(\.0)
  }
}
