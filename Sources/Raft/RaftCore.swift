// RaftCore: the one task that owns the engine. It takes requests and notifications, one step at a
// time, and carries out what the engine commands, in order.

import DequeModule

/// Makes the node's tasks, and is their parent.
final class RaftCore: Sendable {
  private let tools: ReplicationTools
  private let random: any RandomNumberGenerator & Sendable
  private var inbox: CoreInbox { tools.inbox }

  init(tools: ReplicationTools, random: any RandomNumberGenerator & Sendable) {
    self.tools = tools
    self.random = random
  }

  /// Runs the disk queue, the tick, the state machine worker and the core until cancelled, or until
  /// the node is asked to stop.
  func run(_ machine: some StateMachine) async throws {
    let worker = StateMachineWorker(
      log: tools.log, snapshots: tools.snapshots, inbox: inbox,
      configuration: tools.configuration)
    defer {
      inbox.close()
      worker.refuseRest()
    }
    do {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { [self] in
          try await part("log") {
            try await tools.log.run { [inbox] in inbox.notify(.durable($0)) }
          }
        }
        group.addTask { [self] in
          try await part("tick") {
            while !Task.isCancelled {
              try await tools.time.sleep(tools.configuration.tickInterval)
              inbox.notify(.tick)
            }
          }
        }
        group.addTask { [self] in
          try await part("state machine") { try await worker.run(machine) }
        }
        group.addTask { [self] in
          try await part("core") { try await lead(worker) }
        }
        // Whatever ends first ends the node: the disk's failure, the core, or cancellation.
        defer { group.cancelAll() }
        try await group.next()
      }
      inbox.board.close { $0.role = "stopped" }
    } catch {
      inbox.board.close { $0.role = "stopped" }
      throw error
    }
  }

  /// Runs `body` as the task `name`. What it throws is why the node stops, which whoever still waits
  /// is told.
  private func part(_ name: String, _ body: () async throws -> Void) async throws {
    do {
      try await inbox.tasks.run(name, body)
    } catch {
      if !(error is CancellationError) { inbox.board.fail("\(error)") }
      throw error
    }
  }

  /// The core's own loop. Replication tasks are its children.
  private func lead(_ worker: StateMachineWorker) async throws {
    let engine = recoveredEngine()
    try await withThrowingDiscardingTaskGroup { group in
      var step = CoreStep(engine: engine, tools: tools, worker: worker)
      defer { step.stop() }
      while !Task.isCancelled, !step.isStopping {
        let (notifications, requests) = inbox.drain()
        if notifications.isEmpty, requests.isEmpty {
          await inbox.wait()
          continue
        }
        step.take(notifications, requests)
        for (name, errand) in step.finish() {
          group.addTask { [inbox] in
            do {
              try await inbox.tasks.run(name) { try await errand() }
            } catch {
              if !(error is CancellationError) { inbox.board.fail("\(error)") }
              inbox.fail(error)
              throw error
            }
          }
        }
      }
    }
  }

  /// The engine as the disk left it. A snapshot may be there of which the log has not heard yet: it
  /// was durable first, and stands for all up to its end.
  private func recoveredEngine() -> Engine {
    var recovered = tools.log.recovered
    let snapshot = tools.snapshots.current
    if let last = snapshot?.lastLogID, last.index > recovered.log.purgedIndex,
      !recovered.log.contains(last)
    {
      if last.index <= recovered.log.lastIndex {
        _ = tools.log.truncate(from: recovered.log.purgedIndex + 1)
      }
      _ = tools.log.purge(upTo: last)
      recovered.log = LogIDList(purged: last)
      recovered.memberships = []
    }
    // A snapshot of own making may be of a later term, too: what it stands for was committed and
    // applied before this disk had the leader's vote. None was given in that term then.
    if let term = snapshot?.lastLogID.term, recovered.vote.term < term {
      recovered.vote = Vote(term: term, node: nil)
    }
    return Engine(
      configuration: tools.configuration, recovered: recovered, snapshot: snapshot,
      at: tools.time.now(), random: random)
  }
}
