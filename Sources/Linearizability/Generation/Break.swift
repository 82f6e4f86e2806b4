// The ways in which a generated history can be made wrong, and why each is.
// Here: names, models, proofs. Not here: finding a place (BreakPlanner.swift and its extensions).

/// A change of one operation or a few after which no order explains a history.
///
/// Each case argues why. "Makes v" is said of an operation that may have set the state to v: `ok`
/// or `info`, never `fail`; one that is `info` is open for ever. "Between a and b" means: open at
/// some instant from a's invocation to b's completion. The *window argument*: s is `ok`, sets the
/// state to something other than v, and completed before r was invoked; nothing that makes v is
/// open between s and r. Whatever makes v then stands before s in any order, or after r, so that
/// v cannot be there for r.
///
/// A place is taken only if the finished history shows that the argument holds there; the nearest
/// to the wanted one is.
public enum Break: String, CaseIterable, Sendable {
  /// A read sees a value that was overwritten: the window argument. A set's element is still
  /// there although removed (per element, additions make true and removals false). A list lacks
  /// so many of its last elements that fewer are left than appends had completed before.
  case staleRead = "stale-read"
  /// A write that is `ok` was never there: all that saw it see what was there before. For one of
  /// them at least the window argument holds, with that write as s.
  case lostWrite = "lost-write"
  /// Somebody saw a value which only an operation that is `fail` carried: nothing makes it.
  case dirtyRead = "dirty-read"
  /// Somebody saw a value that nobody wrote: nothing makes it.
  case readFromNowhere = "read-from-nowhere"
  /// Something happened twice. A collection gave out (or a list shows) one value more often than
  /// operations that put it in were invoked by then. Or the same compare-and-set [a, b] of
  /// a ≠ b is `ok` twice, with a not coming back between: the window argument.
  case duplicate
  /// Two removals came in the wrong order. a and b were each put in once, and a is taken by the
  /// later removal alone, so it was inside at the earlier one, which must have taken b although,
  /// in real time, a went in before b (queue), b before a and a before the removal (stack); or
  /// although a is less and was inside (priority queue).
  case swap
  /// Two compare-and-sets from one value are `ok`, and it does not come back between: the window
  /// argument with the first as s.
  case lostUpdate = "lost-update"
  /// A lock is acquired that is held: more acquires completed by some instant than releases had
  /// been invoked, by two or more. (Acquires of unknown outcome would only add to that.)
  case twoOwners = "two-owners"
  /// Of something put in for certain nothing is to be seen. A set is said not to contain an element
  /// although it was added: the window argument, with removals making false. A list shows a
  /// value less often than appends of it had completed before. A
  /// removal found the collection empty although more had been put in before it was invoked than
  /// all removals that were invoked before it completed can have taken.
  case lostElement = "lost-element"
  /// A collection holds or gives out what nobody put in.
  case phantomElement = "phantom-element"
  /// Somebody saw a value before the first operation that makes it was invoked.
  case futureRead = "future-read"
  /// A list shows two elements in the wrong order: each was appended once, and the append of the
  /// one shown later completed before the other's was invoked.
  case outOfOrder = "out-of-order"
  /// A fenced lock's acquire got the token of one that had completed before it was invoked.
  case doubleToken = "double-token"
  /// A semaphore was acquired more often than it has room: more acquires completed by then than
  /// releases were invoked, by more than its capacity.
  case overCapacity = "over-capacity"
  /// A transaction saw one write of another and not the other write: the value it saw is that
  /// one's alone, so it stands later, and nothing that makes what it saw beside it is open
  /// between the two.
  case tornTransaction = "torn-transaction"
  /// A counter's read is less than what was added for certain before, or more than what may
  /// have been added by then.
  case wrongCount = "wrong-count"

  /// The models that can break so.
  public var models: Set<ModelName> {
    let registers: Set<ModelName> = [
      .register, .casRegister, .unknownReadRegister, .multiRegister, .kv,
    ]
    let sequences: Set<ModelName> = [.queue, .stack, .priorityQueue]
    return switch self {
    case .staleRead: registers.union([.set, .appendList])
    case .lostWrite, .readFromNowhere: registers
    case .dirtyRead, .futureRead: registers.union(sequences).union([.set, .appendList])
    case .duplicate: sequences.union([.casRegister, .unknownReadRegister, .appendList])
    case .swap: sequences
    case .lostUpdate: [.casRegister, .unknownReadRegister]
    case .twoOwners: [.mutex, .ownedMutex, .fencedLock]
    case .lostElement, .phantomElement: sequences.union([.set, .appendList])
    case .outOfOrder: [.appendList]
    case .doubleToken: [.fencedLock]
    case .overCapacity: [.semaphore]
    case .tornTransaction: [.multiRegister]
    case .wrongCount: [.counter]
    }
  }
}
