// A register with compare-and-set.

import History

/// `read`, `write` and `cas` [old, new] on one value; `null` is "absent".
///
/// A failed `cas` says nothing of the state, since systems fail one for many reasons, unless it
/// carries `observed` (it was also a read of that) or `differs` (the state was not old).
public struct CASRegisterModel: Model {
  /// The value before the first operation.
  public let initial: Value
  static let functions = ["read", "write", "cas"]
  private let register: RegisterModel

  /// A register that holds `initial`.
  public init(initial: Value = .absent) {
    self.initial = initial
    self.register = RegisterModel(initial: initial)
  }

  /// What the operation saw and set; nil when it did neither.
  public func action(of operation: Operation) throws(CheckError) -> RegisterAction? {
    switch operation.function {
    case "read", "write": return try register.action(of: operation)
    case "cas":
      guard let (old, new) = operation.argument.pair else {
        throw CheckError(
          operation: operation,
          reason: .shape(expected: "[old, new] as a cas's argument", found: operation.argument))
      }
      switch operation.outcome {
      case .ok, .info: return .compareAndSet(old: old, new: new)
      case .fail:
        if operation.differs { return .differs(old: old, observed: operation.observed) }
        return operation.observed.map { .read($0) }
      }
    default:
      throw CheckError(
        operation: operation,
        reason: .unknownFunction(model: "cas-register", known: Self.functions))
    }
  }

  /// The value after `action`, or nil when it saw what was not there.
  public func step(_ state: Value, _ action: RegisterAction) -> Value? { action.applied(to: state) }

  /// Whether `action` can change no value.
  public func isPure(_ action: RegisterAction) -> Bool { action.isPure }

  /// What `action` saw and set.
  public func footprint(of action: RegisterAction) -> Footprint<Value>? { action.footprint }
}
