// One key of a stream: holds events back until outcomes are known, sweeps, and verifies.

import History

/// The check of one key while its events come in.
///
/// An operation's action is known when it completes, but a sweep must know it at its invocation.
/// So events wait here until every operation invoked before them has its outcome: at most as long
/// as the longest operation takes. One that never completes holds everything back to the end;
/// what waits is counted against the memory limit.
struct KeyStream<M: Model>: ~Copyable {
  /// Something that waits: an invocation or a completion.
  private struct Held {
    enum Kind: UInt8 { case open, call, offer, nothing, completion }
    var kind: Kind
    /// Of an invocation, once its outcome is known.
    var action: Int32 = -1
    var tag = 0
    /// Of a call, where it completes; of a completion, the event itself.
    var event = 0
    /// Stands for the operation from its invocation to its completion.
    var ticket: Int32
  }

  /// What is known of an operation between its events.
  private struct Ticket {
    /// Its invocation's place among all that was ever held.
    var place = 0
    var slot: Int32 = -1
    var invocation = 0
  }

  let key: String?
  let model: M
  private var sweep: Sweep<M>
  private var witness: WitnessStream<M>
  private let budget: Budget
  private var reserved = 0

  /// A ring: a power of two.
  private var held: [Held]
  private var firstHeld = 0
  private var nextHeld = 0
  private var tickets: [Ticket] = []
  private var freeTickets: [Int32] = []

  private(set) var operations = 0
  private(set) var eventsDone = 0
  private(set) var eventsInAll = 0
  /// How it ended; nil while it goes on.
  private(set) var end: StreamEnd?

  init(key: String?, model: M, budget: Budget) {
    self.key = key
    self.model = model
    self.budget = budget
    sweep = Sweep(model: model, budget: budget)
    witness = WitnessStream(model: model)
    held = Array(repeating: Held(kind: .nothing, ticket: -1), count: 64)
  }

  deinit { _ = budget.reserve(-reserved) }

  /// An operation was invoked. Returns its ticket.
  mutating func invoke(at event: Int) -> Int32 {
    operations += 1
    eventsInAll += 1
    let ticket: Int32
    if let free = freeTickets.popLast() {
      ticket = free
    } else {
      ticket = Int32(tickets.count)
      tickets.append(Ticket())
    }
    tickets[Int(ticket)] = Ticket(place: nextHeld, invocation: event)
    hold(Held(kind: .open, ticket: ticket))
    return ticket
  }

  /// The operation of `ticket` completed.
  ///
  /// - Returns: the result if that decided it.
  mutating func complete(
    _ operation: Operation, ticket: Int32, at event: Int
  ) throws(CheckError) -> StreamKeyResult? {
    eventsInAll += 1
    guard end == nil else { return nil }
    let action = try model.action(of: operation)
    resolve(ticket, action, completion: operation.outcome == .info ? nil : event)
    release()
    return result
  }

  /// What is known of the key, once it is decided.
  var result: StreamKeyResult? {
    guard let end else { return nil }
    return StreamKeyResult(
      key: key, end: end, operations: operations, eventsDone: eventsDone,
      eventsInAll: eventsInAll)
  }

  /// The stream is over while the operation of `ticket` is open.
  mutating func abandon(_ operation: Operation, ticket: Int32) throws(CheckError) {
    guard end == nil else { return }
    var unknown = operation
    unknown.outcome = .info
    resolve(ticket, try model.action(of: unknown), completion: nil)
  }

  private mutating func resolve(_ ticket: Int32, _ action: M.Action?, completion: Int?) {
    let place = tickets[Int(ticket)].place & (held.count - 1)
    guard let action, completion != nil || !model.isPure(action) else {
      held[place].kind = .nothing
      freeTickets.append(ticket)
      return
    }
    held[place].action = sweep.alphabet.retain(action)
    held[place].tag = witness.add(
      action, invocation: tickets[Int(ticket)].invocation, completion: completion)
    guard let completion else {
      held[place].kind = .offer
      freeTickets.append(ticket)
      return
    }
    held[place].kind = .call
    held[place].event = completion
    hold(Held(kind: .completion, event: completion, ticket: ticket))
  }

  private mutating func hold(_ one: Held) {
    if nextHeld - firstHeld == held.count {
      let bytes = held.count * MemoryLayout<Held>.stride
      if let reason = budget.reserve(bytes) {
        end = .unknown(reason)
        return
      }
      reserved += bytes
      var larger = held + held
      for place in firstHeld..<nextHeld {
        larger[place & (larger.count - 1)] = held[place & (held.count - 1)]
      }
      held = larger
    }
    held[nextHeld & (held.count - 1)] = one
    nextHeld += 1
  }

  /// Hands over what need not wait any more.
  private mutating func release() {
    while firstHeld < nextHeld, end == nil {
      let one = held[firstHeld & (held.count - 1)]
      switch one.kind {
      case .open: return
      case .nothing: break
      case .call:
        let slot = sweep.call(one.action, completion: one.event, tag: one.tag)
        tickets[Int(one.ticket)].slot = Int32(slot)
      case .offer: sweep.offer(one.action, tag: one.tag)
      case .completion:
        freeTickets.append(one.ticket)
        let ticket = tickets[Int(one.ticket)]
        switch sweep.complete(Int(ticket.slot)) {
        case .going: verify()
        case .invalid: end = .invalid(invocation: ticket.invocation, completion: one.event)
        case .unknown(let reason): end = .unknown(reason)
        }
      }
      firstHeld += 1
      eventsDone += 1
    }
  }

  private mutating func verify() {
    guard sweep.log.hasSettled else { return }
    for tag in sweep.takeSettled() { witness.place(tag) }
    if let flaw = witness.flaw { end = .unknown(.checkerFailed("its witness is wrong: \(flaw)")) }
  }

  /// The stream is over; every operation has its outcome.
  mutating func finish() {
    release()
    guard end == nil else { return }
    sweep.finish()
    verify()
    witness.finish()
    if let flaw = witness.flaw {
      end = .unknown(.checkerFailed("its witness is wrong: \(flaw)"))
    } else {
      end = .valid
    }
  }
}

/// Shares one key's stream between the operations that are open.
final class KeyStreamBox<M: Model> {
  var stream: KeyStream<M>
  init(_ stream: consuming KeyStream<M>) { self.stream = stream }
}
