// Simulated locks: mutexes with and without owner, fenced locks, semaphores.

import History

/// A lock service: an `acquire` that finds no room fails at once instead of waiting.
struct LockObject: AtomicObject {
  let shape: GenerationShape
  private let room: Int
  private var held = 0
  private var token: Int64 = 0
  /// Held by nobody alive: of a crashed `acquire` that took effect, or a crashed `release` that
  /// will not. Where the lock knows no owner, whoever comes next releases it.
  private var orphans = 0

  init(_ shape: GenerationShape) {
    self.shape = shape
    room = shape.model == .semaphore ? shape.capacity : 1
  }

  private var knowsOwner: Bool { shape.model == .ownedMutex || shape.model == .fencedLock }

  mutating func propose(to caller: Caller, _ dice: inout Dice) -> Call {
    if caller.holds { return Call(function: "release", argument: .absent) }
    if orphans > 0 {
      orphans -= 1
      return Call(function: "release", argument: .absent)
    }
    return Call(function: "acquire", argument: .absent)
  }

  mutating func perform(_ call: Call, by caller: Caller, _ dice: inout Dice) -> Answer {
    if call.function == "release" {
      precondition(held > 0, "a lock is released that nobody holds")
      held -= 1
      return Answer(result: .absent, changes: true)
    }
    guard held < room else { return Answer(isOK: false, result: .absent, changes: false) }
    held += 1
    token += 1
    if caller.crashes { orphans += 1 }
    return Answer(
      result: shape.model == .fencedLock ? .integer(token) : .absent, changes: true)
  }

  func crashTakesEffect(_ call: Call) -> Bool? {
    knowsOwner ? call.function == "release" : Optional.none
  }

  mutating func lose(_ call: Call) {
    if call.function == "release" { orphans += 1 }
  }
}
