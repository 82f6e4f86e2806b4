// A list that is appended to and read as a whole.
// Here: the model, plain and fitted. Not here: its monitor (Monitors/AppendListMonitor.swift).

import History

/// What an append-list remembers.
public enum AppendListState: Hashable, Sendable {
  /// All of it.
  case list([Value])
  /// That it is the first so many members of the longest list that was read.
  case prefix(Int)
  /// That it is longer than any list that was read, or another: nobody can see it any more.
  case beyond
}

/// What an operation does to an append-list.
public enum AppendListAction: Hashable, Sendable {
  /// Added this at the end.
  case append(Value)
  /// Saw these members.
  case read([Value])
  /// Saw the first so many members of the longest list that was read.
  case readPrefix(Int)
  /// Saw what no order can explain: the list never shrinks, so all that is read are beginnings
  /// of the longest.
  case readOther
}

/// `append` v and `read` → [v, …] on one list.
///
/// Fitted to a history, its state is a position in the longest list that was read: every list
/// that is seen is a beginning of it, and what is appended past its end is never seen.
public struct AppendListModel: Model {
  /// The state before the first operation.
  public let initial: AppendListState
  static let functions = ["append", "read"]
  /// The longest list that was read, once fitted.
  private var longest: [Value]?

  /// A list of `initial`'s members; empty when it is absent.
  ///
  /// - Throws: `CheckError` when `initial` is no list.
  public init(initial: Value = .absent) throws(CheckError) {
    switch initial {
    case .absent: self.initial = .list([])
    case .list(let members): self.initial = .list(members)
    case .integer, .boolean, .text:
      throw CheckError(
        reason: .shape(expected: "null or a list as an append-list's initial", found: initial))
    }
  }

  private init(fitting longest: [Value], initial: [Value]) {
    self.longest = longest
    self.initial = initial.isBeginning(of: longest) ? .prefix(initial.count) : .beyond
  }

  /// What was added or seen; nil for a `fail`, for a read of unknown result and, once fitted,
  /// for an append of unknown outcome that nobody saw.
  public func action(of operation: Operation) throws(CheckError) -> AppendListAction? {
    switch operation.function {
    case "append":
      switch operation.outcome {
      case .fail: return nil
      case .ok: return .append(operation.argument)
      case .info:
        // It could only stand past the end of all that was read, where it changes nothing.
        if let longest, !longest.contains(operation.argument) { return nil }
        return .append(operation.argument)
      }
    case "read":
      guard let members = try Self.members(of: operation) else { return nil }
      guard let longest else { return .read(members) }
      return members.isBeginning(of: longest) ? .readPrefix(members.count) : .readOther
    default:
      throw CheckError(
        operation: operation,
        reason: .unknownFunction(model: "append-list", known: Self.functions))
    }
  }

  /// What an `ok` read saw; nil for another.
  private static func members(of operation: Operation) throws(CheckError) -> [Value]? {
    guard operation.argument == .absent else {
      throw CheckError(
        operation: operation,
        reason: .shape(expected: "null as a read's argument", found: operation.argument))
    }
    guard operation.outcome == .ok else { return nil }
    switch operation.result {
    case .list(let members): return members
    case .absent: return []
    case .integer, .boolean, .text:
      throw CheckError(
        operation: operation,
        reason: .shape(expected: "a list as a read's result", found: operation.result))
    }
  }

  /// The list after `action`; nil when it saw another, or leads away from what is seen later.
  public func step(_ state: AppendListState, _ action: AppendListAction) -> AppendListState? {
    switch (state, action) {
    case (.list(let members), .append(let value)): return .list(members + [value])
    case (.list(let members), .read(let seen)):
      return seen.count == members.count && seen.isBeginning(of: members) ? state : nil
    case (.prefix(let count), .append(let value)):
      guard let longest, count < longest.count else { return .beyond }
      return longest[count] == value ? .prefix(count + 1) : nil
    case (.prefix(let count), .readPrefix(let seen)): return count == seen ? state : nil
    case (.beyond, .append): return .beyond
    case (_, .read), (_, .readPrefix), (_, .readOther): return nil
    }
  }

  /// Whether `action` is a read.
  public func isPure(_ action: AppendListAction) -> Bool {
    switch action {
    case .append: false
    case .read, .readPrefix, .readOther: true
    }
  }

  /// The model whose states are positions in the longest list that `operations` read.
  ///
  /// An append that leads away from that list is rejected at once: whoever read it must still
  /// come, or has been and there is nothing left to lead away from.
  public func fitted(to operations: [Operation]) -> AppendListModel? {
    guard case .list(let start) = initial else { return nil }
    var longest = start
    for operation in operations where operation.function == "read" && operation.outcome == .ok {
      if case .list(let members) = operation.result, members.count > longest.count {
        longest = members
      }
    }
    return AppendListModel(fitting: longest, initial: start)
  }
}

extension [Value] {
  /// Whether `longer` begins with these members.
  ///
  /// All that was read is compared, which is quadratic in the history; whole numbers, the usual
  /// members, are compared here, without a call.
  func isBeginning(of longer: [Value]) -> Bool {
    guard count <= longer.count else { return false }
    return withUnsafeBufferPointer { mine in
      longer.withUnsafeBufferPointer { theirs in
        for position in mine.indices {
          if case .integer(let one) = mine[position], case .integer(let other) = theirs[position] {
            if one != other { return false }
          } else if mine[position] != theirs[position] {
            return false
          }
        }
        return true
      }
    }
  }
}
