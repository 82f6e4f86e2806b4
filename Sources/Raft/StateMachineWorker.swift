// The state machine worker: applies committed entries in order, and answers reads between them.

/// The task that owns the state machine.
struct StateMachineWorker: Sendable {
  /// What the core asks of it, in order.
  enum Command: Sendable {
    /// Apply all entries after the last up to this index; replies by index, where one waits.
    case apply(upTo: UInt64, replies: [(index: UInt64, reply: Reply<[UInt8]>)])
    /// Answer from the state as of now.
    case read([(query: [UInt8], reply: Reply<[UInt8]>)])
  }

  let commands: Channel<Command>
  let signal: Signal
  let storage: any LogStorage
  let inbox: CoreInbox
  /// So many bytes are applied before replies go out and the core hears of it.
  private static let slice = 1 << 20

  init(storage: any LogStorage, inbox: CoreInbox) {
    signal = Signal()
    // The core sends one command a step and never waits; the bound only stops a runaway.
    commands = Channel(capacity: .max, signal: signal)
    self.storage = storage
    self.inbox = inbox
  }

  /// Runs until the core closes the channel; cancellation alone does not end it.
  func run(_ initial: some StateMachine) async {
    var machine = initial
    var applied: UInt64 = 0
    while true {
      // Asked before draining: after that nothing more can come, and nobody is left waiting.
      let isLast = commands.isClosed
      for command in commands.drain() {
        switch command {
        case .apply(let last, let replies):
          apply(after: &applied, upTo: last, replies: replies, to: &machine)
        case .read(let reads):
          for read in reads { read.reply(.success(machine.read(read.query))) }
        }
      }
      if isLast { return }
      await signal.wait()
    }
  }

  private func apply(
    after applied: inout UInt64, upTo last: UInt64,
    replies: [(index: UInt64, reply: Reply<[UInt8]>)], to machine: inout some StateMachine
  ) {
    var waiting = replies[...]
    while applied < last {
      let entries = storage.entries(in: applied + 1...last, maxBytes: Self.slice)
      precondition(entries.first?.id.index == applied + 1, "committed \(applied + 1) is missing")
      let results = machine.apply(entries)
      precondition(results.count == entries.count, "one reply for each entry")
      for (entry, result) in zip(entries, results) {
        applied = entry.id.index
        guard let next = waiting.first, next.index == applied else { continue }
        next.reply(.success(result))
        waiting.removeFirst()
      }
      inbox.notify(.applied(upTo: applied))
    }
    precondition(waiting.isEmpty, "a reply waits for \(waiting.first!.index), applied \(applied)")
  }
}
