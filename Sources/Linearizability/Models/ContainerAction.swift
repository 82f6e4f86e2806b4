// What operations do to a container that values are put into and taken out of.
// Here: reading operations, for queues, stacks and priority queues alike. Not here: which value
// comes out first (the models beside this file).

import History

/// One operation on a queue, stack or priority queue.
public enum ContainerAction: Hashable, Sendable {
  /// Put this value in.
  case insert(Value)
  /// Took this value out.
  case remove(Value)
  /// Found nothing to take out.
  case removeNothing
  /// Took whatever was due out, or nothing if nothing was there: a removal of unknown outcome.
  case removeUnknown
}

extension ContainerAction {
  /// Whether it can change no state.
  var isPure: Bool {
    switch self {
    case .removeNothing: true
    case .insert, .remove, .removeUnknown: false
    }
  }
}

/// How a container is called, and what may be put into it.
struct ContainerDialect: Sendable {
  let model: String
  let insert: String
  let remove: String
  /// Whether only whole numbers can be put in.
  let takesIntegersOnly: Bool

  var functions: [String] { [insert, remove] }

  /// What `operation` did; nil for a `fail`.
  func action(of operation: Operation) throws(CheckError) -> ContainerAction? {
    switch operation.function {
    case insert:
      guard operation.outcome != .fail else { return nil }
      try check(operation.argument, of: operation, as: "argument")
      return .insert(operation.argument)
    case remove:
      guard operation.argument == .absent else {
        throw CheckError(
          operation: operation,
          reason: .shape(expected: "null as the argument of \(remove)", found: operation.argument))
      }
      switch operation.outcome {
      case .fail: return nil
      case .info: return .removeUnknown
      case .ok:
        if operation.result == .absent { return .removeNothing }
        try check(operation.result, of: operation, as: "result")
        return .remove(operation.result)
      }
    default:
      throw CheckError(
        operation: operation, reason: .unknownFunction(model: model, known: functions))
    }
  }

  /// The contents that `initial` lists: none for `null`.
  func contents(_ initial: Value) throws(CheckError) -> [Value] {
    if initial == .absent { return [] }
    guard case .list(let members) = initial, members.allSatisfy(canHold) else {
      throw CheckError(
        reason: .shape(
          expected: "null or a list of \(kind) as the initial contents", found: initial))
    }
    return members
  }

  private func check(
    _ value: Value, of operation: Operation, as role: String
  ) throws(CheckError) {
    guard canHold(value) else {
      throw CheckError(
        operation: operation,
        reason: .shape(expected: "\(kind) as the \(role) of \(operation.function)", found: value))
    }
  }

  /// `null` stands for "empty" in a result, so it cannot be told from a value that is put in.
  private func canHold(_ value: Value) -> Bool {
    switch value {
    case .absent: false
    case .integer: true
    case .boolean, .text, .list: !takesIntegersOnly
    }
  }

  private var kind: String { takesIntegersOnly ? "whole numbers" : "values other than null" }
}
