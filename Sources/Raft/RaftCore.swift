// RaftCore: the one task that owns the engine. It takes requests and notifications, one step at a
// time, and carries out what the engine commands, in order.

import DequeModule

/// Makes the node's tasks, and is their parent.
final class RaftCore: Sendable {
  private let configuration: Configuration
  private let storage: any LogStorage
  private let network: any Network
  private let time: NodeTime
  private let random: any RandomNumberGenerator & Sendable
  private let inbox: CoreInbox

  init(
    configuration: Configuration, storage: any LogStorage, network: any Network, time: NodeTime,
    random: any RandomNumberGenerator & Sendable, inbox: CoreInbox
  ) {
    self.configuration = configuration
    self.storage = storage
    self.network = network
    self.time = time
    self.random = random
    self.inbox = inbox
  }

  /// Runs the disk queue, the tick, the state machine worker and the core until cancelled.
  func run(_ machine: some StateMachine) async throws {
    let worker = StateMachineWorker(storage: storage, inbox: inbox)
    defer { inbox.close() }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { [self] in
        try await storage.run { [inbox] in inbox.notify(.durable($0)) }
      }
      group.addTask { [self] in
        while !Task.isCancelled {
          try await time.sleep(configuration.tickInterval)
          inbox.notify(.tick)
        }
      }
      group.addTask { await worker.run(machine) }
      group.addTask { [self] in await lead(worker) }
      // Whatever ends first ends the node: the disk's failure, or cancellation.
      defer { group.cancelAll() }
      try await group.next()
    }
  }

  /// The core's own loop. Replication tasks and single requests for votes are its children.
  private func lead(_ worker: StateMachineWorker) async {
    let engine = Engine(
      configuration: configuration, vote: storage.recovered.vote, log: storage.recovered.log,
      at: time.now(), random: random)
    await withDiscardingTaskGroup { group in
      var step = CoreStep(
        engine: engine, storage: storage, network: network, time: time, inbox: inbox,
        worker: worker)
      while !Task.isCancelled {
        let (notifications, requests) = inbox.drain()
        if notifications.isEmpty, requests.isEmpty {
          await inbox.wait()
          continue
        }
        step.take(notifications, requests)
        for errand in step.finish() { group.addTask { await errand() } }
      }
      step.stop()
    }
  }
}
