// A semaphore: permits that are taken and given back.

import History

/// `acquire` and `release` of one of `capacity` permits, which anyone may give back.
public struct SemaphoreModel: Model {
  /// Permits taken before the first operation.
  public let initial: Int
  /// Permits in all.
  public let capacity: Int

  /// A semaphore of `capacity` permits, of which `initial` (none when absent) are taken.
  ///
  /// - Throws: `CheckError` for a capacity below one, or an `initial` that is no number of
  ///   permits.
  public init(initial: Value = .absent, capacity: Int) throws(CheckError) {
    guard capacity >= 1 else {
      throw CheckError(
        reason: .shape(
          expected: "at least 1 as a semaphore's capacity", found: .integer(Int64(capacity))))
    }
    self.capacity = capacity
    switch initial {
    case .absent: self.initial = 0
    case .integer(let taken) where taken >= 0 && taken <= capacity: self.initial = Int(taken)
    case .integer, .boolean, .text, .list:
      throw CheckError(
        reason: .shape(
          expected: "null or 0 to \(capacity) permits taken as a semaphore's initial",
          found: initial))
    }
  }

  /// Taking or giving back; nil for a `fail`.
  public func action(of operation: Operation) throws(CheckError) -> MutexAction? {
    try LockFunction(of: operation, model: "semaphore").map {
      switch $0 {
      case .acquire: .acquire
      case .release: .release
      }
    }
  }

  /// Permits taken after `action`; nil when there was none left, or none taken.
  public func step(_ state: Int, _ action: MutexAction) -> Int? {
    switch action {
    case .acquire: state < capacity ? state + 1 : nil
    case .release: state > 0 ? state - 1 : nil
    }
  }

  /// Never: taking and giving back change the number.
  public func isPure(_ action: MutexAction) -> Bool { false }
}
