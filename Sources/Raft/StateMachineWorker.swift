// The state machine worker: applies committed entries in order, answers reads between them, keeps
// the parts of a snapshot that a leader sends, installs it, and has snapshots built.

import DequeModule

/// The task that owns the state machine.
struct StateMachineWorker: Sendable {
  /// What the core asks of it, in order.
  enum Command: Sendable {
    /// Apply all entries after the last up to this index; replies by index, where one waits.
    case apply(upTo: UInt64, replies: [(index: UInt64, reply: Reply<[UInt8]>)])
    /// Answer from the state as of now.
    case read([(query: [UInt8], reply: Reply<[UInt8]>)])
    /// Keep a part of a leader's snapshot.
    case takePart(SnapshotRequest, RequestID)
    /// Put the state machine into the current snapshot's state, then answer.
    case install(RequestID)
    /// Have a snapshot built.
    case build
    /// Building one failed.
    case buildFailed(any Error)
  }

  let commands: Channel<Command>
  let signal: Signal
  let log: any LogStorage
  let snapshots: any SnapshotStorage
  let inbox: CoreInbox
  let configuration: Configuration
  /// So many bytes are applied before replies go out and the core hears of it.
  private static let slice = 1 << 20

  init(
    log: any LogStorage, snapshots: any SnapshotStorage, inbox: CoreInbox,
    configuration: Configuration
  ) {
    signal = Signal()
    // The core sends one command a step and never waits; what it sends is bounded by what waits for
    // the core, and by what may be uncommitted.
    commands = Channel(capacity: .max, signal: signal)
    self.log = log
    self.snapshots = snapshots
    self.inbox = inbox
    self.configuration = configuration
  }

  /// What the worker holds: the machine, and the entry it has applied last.
  private struct Holding<Machine: StateMachine> {
    var machine: Machine
    var applied: LogID?
    var membership = StoredMembership.none
    var incoming: Incoming?

    /// A leader's snapshot of which parts have come.
    struct Incoming {
      var meta: SnapshotMeta
      var writer: any SnapshotWriter
      /// Tries whether the bytes are a state at all, before they take the place of what is there.
      var restoration: Machine.Restoration
      var size: UInt64 = 0
    }
  }

  /// Runs until the core closes the channel; cancellation alone does not end it.
  ///
  /// - Throws: when the log or a snapshot cannot be read or written: the node must not go on then.
  func run(_ initial: some StateMachine) async throws {
    var holding = Holding(machine: initial)
    try await restore(&holding)
    try await withThrowingDiscardingTaskGroup { group in
      defer { group.cancelAll() }
      while true {
        // Asked before draining: after that nothing more can come, and nobody is left waiting.
        let isLast = commands.isClosed
        var batch = commands.drain()
        defer { refuse(batch) }
        while let command = batch.popFirst() {
          switch command {
          case .apply(let last, let replies): apply(upTo: last, replies: replies, to: &holding)
          case .read(let reads):
            for read in reads { read.reply(.success(holding.machine.read(read.query))) }
          case .takePart(let request, let id): try await take(request, id, &holding)
          case .install(let id):
            try await restore(&holding)
            inbox.notify(.snapshotAnswered(id, .installed))
          case .build:
            guard let last = holding.applied else { continue }
            let meta = SnapshotMeta(
              lastLogID: last, membership: holding.membership, id: "\(configuration.id)-\(last)")
            let view = holding.machine.view()
            group.addTask { await build(meta, view) }
          case .buildFailed(let error): throw error
          }
        }
        if isLast { return }
        await signal.wait()
      }
    }
  }

  /// Answers all that nobody will carry out any more, since the node ends.
  func refuseRest() { refuse(commands.drain()) }

  private func refuse(_ rest: Deque<Command>) {
    for command in rest {
      switch command {
      case .apply(_, let replies):
        for waiting in replies { waiting.reply(.failure(.indoubt)) }
      case .read(let reads): for read in reads { read.reply(.failure(inbox.end)) }
      case .takePart, .install, .build, .buildFailed: break
      }
    }
  }

  private func apply<Machine>(
    upTo last: UInt64, replies: [(index: UInt64, reply: Reply<[UInt8]>)],
    to holding: inout Holding<Machine>
  ) {
    var waiting = replies[...]
    while holding.applied?.index ?? 0 < last {
      let next = (holding.applied?.index ?? 0) + 1
      let entries = log.entries(in: next...last, maxBytes: Self.slice)
      guard entries.first?.id.index == next else {
        // A leader's snapshot has taken their place meanwhile, and is about to be installed.
        precondition(log.purged?.index ?? 0 >= next, "committed \(next) is missing")
        precondition(waiting.isEmpty, "a reply waits for \(next), which was purged")
        return
      }
      let results = holding.machine.apply(entries)
      precondition(results.count == entries.count, "one reply for each entry")
      for (entry, result) in zip(entries, results) {
        if case .membership(let membership) = entry.payload {
          holding.membership = StoredMembership(logID: entry.id, membership: membership)
        }
        guard let next = waiting.first, next.index == entry.id.index else { continue }
        next.reply(.success(result))
        waiting.removeFirst()
      }
      holding.applied = entries.last!.id
      inbox.notify(.applied(upTo: entries.last!.id.index))
    }
    precondition(waiting.isEmpty, "a reply waits for \(waiting.first!.index), applied \(last)")
  }

  /// Puts the machine into the state of the current snapshot, if there is one.
  private func restore<Machine>(_ holding: inout Holding<Machine>) async throws {
    guard let reader = try await snapshots.reader(),
      reader.meta.lastLogID.index > holding.applied?.index ?? 0
    else { return }
    var restoration = holding.machine.restoration()
    var offset: UInt64 = 0
    while offset < reader.size {
      let bytes = try await reader.bytes(at: offset, count: configuration.snapshotChunkBytes)
      try restoration.take(bytes)
      offset += UInt64(bytes.count)
    }
    holding.machine = try restoration.finish()
    holding.applied = reader.meta.lastLogID
    holding.membership = reader.meta.membership
    inbox.notify(.applied(upTo: reader.meta.lastLogID.index))
  }

  /// Keeps a part if it goes on where the last one ended; says from where else it wants more.
  ///
  /// - Throws: when the bytes are no state that this version knows; what is on disk stays then.
  private func take<Machine>(
    _ request: SnapshotRequest, _ id: RequestID, _ holding: inout Holding<Machine>
  ) async throws {
    if snapshots.current == request.meta {
      inbox.notify(.snapshotReceived(request.meta, id))
      return
    }
    if holding.incoming?.meta != request.meta {
      await holding.incoming?.writer.discard()
      holding.incoming = Holding.Incoming(
        meta: request.meta, writer: try await snapshots.writer(for: request.meta),
        restoration: holding.machine.restoration())
    }
    guard var incoming = holding.incoming, request.offset == incoming.size else {
      inbox.notify(.snapshotAnswered(id, .received(upTo: holding.incoming?.size ?? 0)))
      return
    }
    holding.incoming = nil  // so that `incoming` alone holds the bytes, and nothing is copied
    try incoming.restoration.take(request.bytes)
    try await incoming.writer.append(request.bytes)
    incoming.size += UInt64(request.bytes.count)
    guard request.isLast else {
      holding.incoming = incoming
      inbox.notify(.snapshotAnswered(id, .received(upTo: incoming.size)))
      return
    }
    _ = try incoming.restoration.finish()
    try await incoming.writer.finish()
    inbox.notify(.snapshotReceived(request.meta, id))
  }

  /// The snapshot-building task: short-lived, and beside everything else.
  private func build(_ meta: SnapshotMeta, _ view: some SnapshotView) async {
    await inbox.tasks.run("snapshot \(meta.lastLogID)") {
      var view = view
      do {
        let writer = try await snapshots.writer(for: meta)
        while let bytes = view.next(about: configuration.snapshotChunkBytes) {
          guard !Task.isCancelled else { return await writer.discard() }
          try await writer.append(bytes)
        }
        try await writer.finish()
        inbox.notify(.snapshotBuilt(meta))
      } catch {
        commands.send(.buildFailed(error))
      }
    }
  }
}
