// One fault: injected, verified, healed. Healing is idempotent and may be called at any time.

import History
import Hosts
import Systems
import Workloads

/// Why a fault did not do what it was for.
public enum FaultError: Error, Equatable, CustomStringConvertible {
  /// Nothing was there to hit; nothing was done.
  case skipped(String)
  /// It was done, and a probe shows that it did not take hold, or would not go.
  case unverified(String)
  /// It would not be taken back.
  case notHealed(String)

  /// One line.
  public var description: String {
    switch self {
    case .skipped(let reason): "skipped: \(reason)"
    case .unverified(let reason): "not verified: \(reason)"
    case .notHealed(let reason): "not healed: \(reason)"
    }
  }
}

/// A fault that can be put on the system and taken back.
public protocol Fault: Sendable {
  /// Its kind, as the history names it.
  var kind: String { get }
  /// Puts it on the system, and proves that it took hold.
  ///
  /// - Returns: what it really did, with the evidence.
  /// - Throws: `FaultError`, or whatever kept it from being done; then `heal` must be called.
  func inject() async throws -> [Event.Detail]
  /// Takes it back, and proves that it is gone. A second call finds nothing to do.
  func heal() async throws -> [Event.Detail]
}

extension Value {
  /// Names as a value.
  static func names(_ names: some Sequence<String>) -> Value { .list(names.map { .text($0) }) }
}
