// A register: one value that is read and written.

import History

/// What an operation does to a register; compare-and-set included, for `CASRegisterModel`.
public enum RegisterAction: Hashable, Sendable {
  /// Saw this value. A failed compare-and-set that says what it observed is one, too.
  case read(Value)
  /// Set this value, whatever was there.
  case write(Value)
  /// Found `old` and set `new`.
  case compareAndSet(old: Value, new: Value)
  /// Found something other than `old`; and, where `observed` is given, exactly that.
  case differs(old: Value, observed: Value?)
}

/// `read` → v and `write` v on one value; `null` is "absent".
public struct RegisterModel: Model {
  /// The value before the first operation.
  public let initial: Value
  static let functions = ["read", "write"]

  /// A register that holds `initial`.
  public init(initial: Value = .absent) { self.initial = initial }

  /// A read with what it saw or a write; nil for a `fail` and for a read of unknown result.
  public func action(of operation: Operation) throws(CheckError) -> RegisterAction? {
    switch operation.function {
    case "read": try RegisterAction.read(from: operation)
    case "write": operation.outcome == .fail ? nil : .write(operation.argument)
    default:
      throw CheckError(
        operation: operation,
        reason: .unknownFunction(model: "register", known: Self.functions))
    }
  }

  /// The value after `action`, or nil when it saw what was not there.
  public func step(_ state: Value, _ action: RegisterAction) -> Value? { action.applied(to: state) }

  /// Whether `action` can change no value.
  public func isPure(_ action: RegisterAction) -> Bool { action.isPure }

  /// What `action` saw and set.
  public func footprint(of action: RegisterAction) -> Footprint<Value>? { action.footprint }
}

extension RegisterAction {
  static func read(from operation: Operation) throws(CheckError) -> RegisterAction? {
    guard operation.argument == .absent else {
      throw CheckError(
        operation: operation,
        reason: .shape(expected: "null as a read's argument", found: operation.argument))
    }
    return operation.outcome == .ok ? .read(operation.result) : nil
  }

  /// `Optional.none` in full: `Value` has a `nil` of its own, and in `legal ? state : nil` that
  /// is the one meant, which would make a rejection a state.
  func applied(to state: Value) -> Value? {
    switch self {
    case .read(let value): return state == value ? state : Optional.none
    case .write(let value): return value
    case .compareAndSet(let old, let new): return state == old ? new : Optional.none
    case .differs(let old, let observed):
      let agrees = state != old && (observed.map { $0 == state } ?? true)
      return agrees ? state : Optional.none
    }
  }

  var isPure: Bool {
    switch self {
    case .read, .differs: true
    case .write: false
    case .compareAndSet(let old, let new): old == new
    }
  }

  var footprint: Footprint<Value> {
    switch self {
    case .read(let value): Footprint(demand: .exactly(value), makes: nil)
    case .write(let value): Footprint(demand: .anything, makes: value)
    case .compareAndSet(let old, let new):
      Footprint(demand: .exactly(old), makes: old == new ? Optional.none : new)
    case .differs: Footprint(demand: .other, makes: nil)
    }
  }
}
