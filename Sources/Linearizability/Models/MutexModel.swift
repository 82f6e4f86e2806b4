// A lock without owners.
// Here: the model, and what all locks' operations have in common. Not here: locks that know their
// holder (OwnedMutexModel.swift, FencedLockModel.swift), several permits (SemaphoreModel.swift).

import History

/// What an operation does to a lock that knows no owner, or to a semaphore.
public enum MutexAction: Hashable, Sendable {
  /// Took it.
  case acquire
  /// Gave it back.
  case release
}

/// `acquire` and `release` of one lock that anyone may release; it is held or free.
///
/// An `acquire` of unknown outcome may hold the lock for ever; a `release` of unknown outcome
/// may have freed it or not.
public struct MutexModel: Model {
  /// Whether it is held before the first operation.
  public let initial: Bool

  /// A lock that is free at first (`initial` absent or false) or held (true).
  ///
  /// - Throws: `CheckError` for any other `initial`.
  public init(initial: Value = .absent) throws(CheckError) {
    switch initial {
    case .absent: self.initial = false
    case .boolean(let isHeld): self.initial = isHeld
    case .integer, .text, .list:
      throw CheckError(
        reason: .shape(expected: "null, false or true as a mutex's initial", found: initial))
    }
  }

  /// Taking or giving back; nil for a `fail`.
  public func action(of operation: Operation) throws(CheckError) -> MutexAction? {
    try LockFunction(of: operation, model: "mutex").map {
      switch $0 {
      case .acquire: .acquire
      case .release: .release
      }
    }
  }

  /// Whether it is held after `action`; nil when it was held already, or free already.
  public func step(_ state: Bool, _ action: MutexAction) -> Bool? {
    switch action {
    case .acquire: state ? nil : true
    case .release: state ? false : nil
    }
  }

  /// Never: taking and giving back change the lock.
  public func isPure(_ action: MutexAction) -> Bool { false }

  /// A compare-and-set between free and held.
  public func footprint(of action: MutexAction) -> Footprint<Bool>? {
    switch action {
    case .acquire: Footprint(demand: .exactly(false), makes: true)
    case .release: Footprint(demand: .exactly(true), makes: false)
    }
  }
}

/// The two functions that every lock has.
enum LockFunction {
  case acquire, release

  /// Nil for a `fail`: it did not happen.
  init?(of operation: Operation, model: String) throws(CheckError) {
    switch operation.function {
    case "acquire": self = .acquire
    case "release": self = .release
    default:
      throw CheckError(
        operation: operation, reason: .unknownFunction(model: model, known: ["acquire", "release"]))
    }
    guard operation.argument == .absent else {
      throw CheckError(
        operation: operation,
        reason: .shape(
          expected: "null as the argument of \(operation.function)", found: operation.argument))
    }
    if operation.outcome == .fail { return nil }
  }
}
