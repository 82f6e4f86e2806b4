// A counter that is added to and read.
// Here: the model. Not here: its monitor (Monitors/CounterMonitor.swift).

import History

/// What an operation does to a counter.
public enum CounterAction: Hashable, Sendable {
  /// Added this, of any sign.
  case add(Int64)
  /// Saw this sum.
  case read(Int64)
}

/// `add` d and `read` → n on one whole number.
///
/// Sums are kept in 128 bits, which no history of 64-bit numbers can overflow.
public struct CounterModel: Model {
  /// The sum before the first operation.
  public let initial: Int128
  static let functions = ["add", "read"]

  /// A counter that starts at `initial`; at 0 when it is absent.
  ///
  /// - Throws: `CheckError` when `initial` is no whole number.
  public init(initial: Value = .absent) throws(CheckError) {
    switch initial {
    case .absent: self.initial = 0
    case .integer(let sum): self.initial = Int128(sum)
    case .boolean, .text, .list:
      throw CheckError(
        reason: .shape(
          expected: "null or a whole number as a counter's initial", found: initial))
    }
  }

  /// What was added or seen; nil for a `fail` and for a read of unknown result.
  public func action(of operation: Operation) throws(CheckError) -> CounterAction? {
    switch operation.function {
    case "add":
      guard case .integer(let number) = operation.argument else {
        throw CheckError(
          operation: operation,
          reason: .shape(expected: "a whole number to add", found: operation.argument))
      }
      return operation.outcome == .fail ? nil : .add(number)
    case "read":
      guard operation.argument == .absent else {
        throw CheckError(
          operation: operation,
          reason: .shape(expected: "null as a read's argument", found: operation.argument))
      }
      guard operation.outcome == .ok else { return nil }
      guard case .integer(let sum) = operation.result else {
        throw CheckError(
          operation: operation,
          reason: .shape(expected: "a whole number as a read's result", found: operation.result))
      }
      return .read(sum)
    default:
      throw CheckError(
        operation: operation,
        reason: .unknownFunction(model: "counter", known: Self.functions))
    }
  }

  /// The sum after `action`, or nil when it saw another.
  public func step(_ state: Int128, _ action: CounterAction) -> Int128? {
    switch action {
    case .add(let number): state + Int128(number)
    case .read(let sum): state == Int128(sum) ? state : nil
    }
  }

  /// Whether `action` is a read, or adds nothing.
  public func isPure(_ action: CounterAction) -> Bool {
    switch action {
    case .add(let number): number == 0
    case .read: true
    }
  }
}
