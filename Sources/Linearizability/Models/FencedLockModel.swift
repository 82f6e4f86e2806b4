// A lock that hands out growing tokens.
// Here: the model. Not here: its monitor (Monitors/LockMonitor.swift).

import History

/// Who holds a fenced lock, and the last token that it handed out.
public struct FencedLockState: Hashable, Sendable {
  /// Who holds it.
  public var holder: LockHolder
  /// The last token; nil while any token may be the first.
  public var token: Int64?
}

/// What a process does to a fenced lock.
public enum FencedLockAction: Hashable, Sendable {
  /// This process took it and got this token; nil when nobody knows which.
  case acquire(process: Int, token: Int64?)
  /// This process gave it back.
  case release(process: Int)
}

/// `acquire` → token and `release` of one lock; only its holder may release it, and every token
/// is greater than all before it.
///
/// An `acquire` of unknown outcome gets the least token that is possible. That is exact: tokens
/// are whole numbers, so whichever it was is at least the last one plus one; and of two states
/// with one holder, the one with the lesser token allows all that the other does, and leads to
/// lesser tokens again (or the same).
public struct FencedLockModel: Model {
  /// The state before the first operation.
  public let initial: FencedLockState

  /// A free lock whose last token was `initial`, or that may begin with any when it is absent.
  ///
  /// - Throws: `CheckError` for any other `initial`.
  public init(initial: Value = .absent) throws(CheckError) {
    switch initial {
    case .absent, .boolean(false): self.initial = FencedLockState(holder: .nobody, token: nil)
    case .integer(let token): self.initial = FencedLockState(holder: .nobody, token: token)
    case .boolean(true), .text, .list:
      throw CheckError(
        reason: .shape(
          expected: "null or the last token as a fenced lock's initial", found: initial))
    }
  }

  /// Who took it with which token, or gave it back; nil for a `fail`.
  public func action(of operation: Operation) throws(CheckError) -> FencedLockAction? {
    guard let function = try LockFunction(of: operation, model: "fenced-lock") else { return nil }
    switch function {
    case .release: return .release(process: operation.process)
    case .acquire:
      guard operation.outcome == .ok else {
        return .acquire(process: operation.process, token: nil)
      }
      guard case .integer(let token) = operation.result else {
        throw CheckError(
          operation: operation,
          reason: .shape(expected: "a whole number as a token", found: operation.result))
      }
      return .acquire(process: operation.process, token: token)
    }
  }

  /// The state after `action`; nil when the lock was not free, not theirs, or the token is old.
  public func step(_ state: FencedLockState, _ action: FencedLockAction) -> FencedLockState? {
    switch action {
    case .acquire(let process, let token):
      guard state.holder == .nobody else { return nil }
      if let token, let last = state.token, token <= last { return nil }
      // Past the greatest number no known token can follow, so it stands for all beyond it.
      let next = token ?? state.token.map { $0 == Int64.max ? $0 : $0 + 1 }
      return FencedLockState(holder: .process(process), token: next)
    case .release(let process):
      guard state.holder == .process(process) else { return nil }
      return FencedLockState(holder: .nobody, token: state.token)
    }
  }

  /// Never: taking and giving back change the lock.
  public func isPure(_ action: FencedLockAction) -> Bool { false }
}
