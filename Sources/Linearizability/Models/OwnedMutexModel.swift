// A lock that is released by the process that holds it.
// Here: the model. Not here: its monitor (Monitors/LockMonitor.swift).

import History

/// Who holds a lock.
public enum LockHolder: Hashable, Sendable {
  /// Nobody.
  case nobody
  /// This process.
  case process(Int)
}

/// What a process does to a lock that knows it.
public enum OwnedMutexAction: Hashable, Sendable {
  /// This process took it.
  case acquire(process: Int)
  /// This process gave it back.
  case release(process: Int)
}

/// `acquire` and `release` of one lock; only its holder may release it, and taking it twice is
/// an error of the system.
public struct OwnedMutexModel: Model {
  /// Who holds it before the first operation.
  public let initial: LockHolder

  /// A lock that is free at first (`initial` absent or false) or held by a process (its number).
  ///
  /// - Throws: `CheckError` for any other `initial`.
  public init(initial: Value = .absent) throws(CheckError) {
    switch initial {
    case .absent, .boolean(false): self.initial = .nobody
    case .integer(let process): self.initial = .process(Int(process))
    case .boolean(true), .text, .list:
      throw CheckError(
        reason: .shape(
          expected: "null, false or the holder's process as an owned mutex's initial",
          found: initial))
    }
  }

  /// Who took it or gave it back; nil for a `fail`.
  public func action(of operation: Operation) throws(CheckError) -> OwnedMutexAction? {
    try LockFunction(of: operation, model: "owned-mutex").map {
      switch $0 {
      case .acquire: .acquire(process: operation.process)
      case .release: .release(process: operation.process)
      }
    }
  }

  /// Who holds it after `action`; nil when it was not free to take, or not theirs to release.
  public func step(_ state: LockHolder, _ action: OwnedMutexAction) -> LockHolder? {
    switch action {
    case .acquire(let process): state == .nobody ? .process(process) : nil
    case .release(let process): state == .process(process) ? .nobody : nil
    }
  }

  /// Never: taking and giving back change the lock.
  public func isPure(_ action: OwnedMutexAction) -> Bool { false }

  /// A compare-and-set between nobody and the process.
  public func footprint(of action: OwnedMutexAction) -> Footprint<LockHolder>? {
    switch action {
    case .acquire(let process): Footprint(demand: .exactly(.nobody), makes: .process(process))
    case .release(let process): Footprint(demand: .exactly(.process(process)), makes: .nobody)
    }
  }
}
