// A set: elements are in it or not.
// Here: the sequential object. Not here: its exact check (Monitors/SetMonitor.swift).

import History

/// One operation on a set.
public enum SetAction: Hashable, Sendable {
  /// Put the element in; and, where it says so, did or did not change the set by it.
  case add(Value, changed: Bool?)
  /// Took the element out; and, where it says so, did or did not change the set by it.
  case remove(Value, changed: Bool?)
  /// Saw whether the element is in.
  case contains(Value, Bool)
  /// Saw all elements, listed in a fixed order. A list with a repeat is what no set answers.
  case read(SetContents)
}

/// Elements in a fixed order, as a `read` saw them.
public struct SetContents: Hashable, Sendable {
  let elements: [OrderedValue]

  init(_ members: [Value]) {
    let elements = members.map(OrderedValue.init)
    let isSorted = zip(elements, elements.dropFirst()).allSatisfy { $0 < $1 }
    self.elements = isSorted ? elements : elements.sorted()
  }

  var hasRepeat: Bool { zip(elements, elements.dropFirst()).contains { $0 == $1 } }
}

/// `add` e, `remove` e, `contains` e → [e, true or false] and `read` → [e, …], in any order.
///
/// `add` and `remove` may answer [e, true or false]: whether the set changed; e or null does not
/// say it. A `read` that lists an element twice is one that no set could answer.
public struct SetModel: Model {
  /// The empty set, or what it held at first.
  public let initial: SetState
  static let functions = ["add", "remove", "contains", "read"]

  /// A set that holds `initial`: null for nothing, or a list without repeats.
  ///
  /// - Throws: `CheckError` for anything else.
  public init(initial: Value = .absent) throws(CheckError) {
    var state = SetState()
    if initial != .absent {
      guard case .list(let members) = initial, !SetContents(members).hasRepeat else {
        throw CheckError(
          reason: .shape(
            expected: "null or a list without repeats as the initial contents", found: initial))
      }
      for member in members { state.elements = state.elements.inserting(OrderedValue(member)) }
    }
    self.initial = state
  }

  /// What was changed or seen; nil for a `fail` and for what unknown observations saw.
  public func action(of operation: Operation) throws(CheckError) -> SetAction? {
    let isKnown = operation.outcome == .ok
    switch operation.function {
    case "add", "remove":
      guard operation.outcome != .fail else { return nil }
      let changed = isKnown ? try Self.change(of: operation) : nil
      return operation.function == "add"
        ? .add(operation.argument, changed: changed) : .remove(operation.argument, changed: changed)
    case "contains":
      guard isKnown else { return nil }
      guard let (element, answer) = operation.result.pair, element == operation.argument,
        case .boolean(let isIn) = answer
      else {
        let expected = "[\(operation.argument), true or false] as the result of contains"
        throw CheckError(
          operation: operation, reason: .shape(expected: expected, found: operation.result))
      }
      return .contains(element, isIn)
    case "read":
      guard operation.argument == .absent else {
        throw CheckError(
          operation: operation,
          reason: .shape(expected: "null as a read's argument", found: operation.argument))
      }
      guard isKnown else { return nil }
      guard case .list(let members) = operation.result else {
        throw CheckError(
          operation: operation,
          reason: .shape(expected: "a list as a read's result", found: operation.result))
      }
      return .read(SetContents(members))
    default:
      throw CheckError(
        operation: operation, reason: .unknownFunction(model: "set", known: Self.functions))
    }
  }

  private static func change(of operation: Operation) throws(CheckError) -> Bool? {
    let (argument, result) = (operation.argument, operation.result)
    if result == .absent || result == argument { return nil }
    guard let (element, answer) = result.pair, element == argument,
      case .boolean(let changed) = answer
    else {
      let expected = "null, \(argument) or [\(argument), true or false] as the result of "
      throw CheckError(
        operation: operation,
        reason: .shape(expected: expected + operation.function, found: result))
    }
    return changed
  }

  /// The set after `action`, or nil when it could not have answered so.
  ///
  /// - Complexity: O(log n) expected; linear for a read.
  public func step(_ state: SetState, _ action: SetAction) -> SetState? {
    var state = state
    switch action {
    case .add(let element, let changed):
      let element = OrderedValue(element)
      let isIn = state.elements.contains(element)
      if let changed, changed == isIn { return nil }
      if !isIn { state.elements = state.elements.inserting(element) }
    case .remove(let element, let changed):
      let element = OrderedValue(element)
      let isIn = state.elements.contains(element)
      if let changed, changed != isIn { return nil }
      if isIn { state.elements = state.elements.removing(element) }
    case .contains(let element, let isIn):
      if state.elements.contains(OrderedValue(element)) != isIn { return nil }
    case .read(let contents):
      guard state.elements.count == contents.elements.count,
        state.elements.elements == contents.elements
      else { return nil }
    }
    return state
  }

  /// Whether `action` is an observation, or an attempt that changed nothing.
  public func isPure(_ action: SetAction) -> Bool {
    switch action {
    case .contains, .read, .add(_, changed: false), .remove(_, changed: false): true
    case .add, .remove: false
    }
  }
}

/// What a set holds.
public struct SetState: Hashable, Sendable, CustomStringConvertible {
  var elements = Bag<OrderedValue>()

  /// `[1, 2]`, in a fixed order.
  public var description: String { Value.list(elements.elements.map(\.value)).description }
}
