// A register whose reads may come back without a value.

import History

/// `read`, `write` and `cas` as of `CASRegisterModel`, but an `ok` read of `null` says nothing:
/// whoever recorded it did not write down what it saw (knossos reads histories so).
public struct UnknownReadModel: Model {
  /// The value before the first operation.
  public let initial: Value
  private let register: CASRegisterModel

  /// A register that holds `initial`. Every value will do.
  public init(initial: Value = .absent) throws(CheckError) {
    self.initial = initial
    register = CASRegisterModel(initial: initial)
  }

  /// What the operation saw and set; nil when it did neither, or nobody knows what it saw.
  public func action(of operation: Operation) throws(CheckError) -> RegisterAction? {
    let action: RegisterAction?
    do {
      action = try register.action(of: operation)
    } catch {
      guard case .unknownFunction = error.reason else { throw error }
      throw CheckError(
        operation: operation,
        reason: .unknownFunction(
          model: "unknown-read-register", known: CASRegisterModel.functions))
    }
    if operation.function == "read", action == .read(.absent) { return nil }
    return action
  }

  /// The value after `action`, or nil when it saw what was not there.
  public func step(_ state: Value, _ action: RegisterAction) -> Value? { action.applied(to: state) }

  /// Whether `action` can change no value.
  public func isPure(_ action: RegisterAction) -> Bool { action.isPure }

  /// What `action` saw and set.
  public func footprint(of action: RegisterAction) -> Footprint<Value>? { action.footprint }
}
