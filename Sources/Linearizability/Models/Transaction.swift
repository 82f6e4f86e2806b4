// A transaction of reads and writes as a history writes it.

import History

/// What one transaction saw before its own writes, and what it left behind.
struct Transaction {
  /// By register, what was there before.
  private(set) var reads: [String: Value] = [:]
  /// By register, the last value written.
  private(set) var writes: [String: Value] = [:]
  /// Whether it read otherwise than it had written, or two values of one register.
  private(set) var contradictsItself = false
  static let functions = ["txn"]

  /// Nil for a `fail`. Of unknown outcome, what it read is unknown.
  ///
  /// - Throws: `CheckError` for another function, a shape that is no transaction, or a result
  ///   that is not of the same micro-operations as the argument.
  init?(of operation: Operation) throws(CheckError) {
    guard Self.functions.contains(operation.function) else {
      throw CheckError(
        operation: operation,
        reason: .unknownFunction(model: "multi-register", known: Self.functions))
    }
    let asked = try Self.steps(operation.argument, of: operation)
    switch operation.outcome {
    case .fail: return nil
    case .info:
      for case .write(let register, let value) in asked { writes[register] = value }
    case .ok:
      let done = try Self.steps(operation.result, of: operation)
      guard asked.count == done.count, zip(asked, done).allSatisfy({ $0.agrees(with: $1) }) else {
        throw CheckError(
          operation: operation,
          reason: .shape(
            expected: "a result of the same reads and writes as the argument",
            found: operation.result))
      }
      for step in done { take(step) }
    }
  }

  private mutating func take(_ step: Step) {
    switch step {
    case .write(let register, let value): writes[register] = value
    case .read(let register, let value):
      if let known = writes[register] ?? reads[register] {
        if known != value { contradictsItself = true }
      } else {
        reads[register] = value
      }
    }
  }

  private enum Step {
    case read(String, Value)
    case write(String, Value)

    /// Whether a result may have `other` where the argument has this.
    func agrees(with other: Step) -> Bool {
      switch (self, other) {
      case (.read(let mine, _), .read(let theirs, _)): mine == theirs
      case (.write(let mine, let value), .write(let theirs, let written)):
        mine == theirs && value == written
      case (.read, .write), (.write, .read): false
      }
    }
  }

  /// A register's name: a text; a number is its text.
  static func register(_ name: Value) -> String? {
    switch name {
    case .text(let text): text
    case .integer(let number): String(number)
    case .absent, .boolean, .list: nil
    }
  }

  private static func steps(
    _ value: Value, of operation: Operation
  ) throws(CheckError) -> [Step] {
    func wrong(_ found: Value) -> CheckError {
      CheckError(
        operation: operation,
        reason: .shape(
          expected: "a transaction of [\"r\", register, value] and [\"w\", register, value]",
          found: found))
    }
    guard case .list(let members) = value else { throw wrong(value) }
    var steps: [Step] = []
    for member in members {
      guard case .list(let parts) = member, parts.count == 3, case .text(let name) = parts[0],
        let register = register(parts[1])
      else { throw wrong(member) }
      switch name {
      case "r", "read", ":r", ":read": steps.append(.read(register, parts[2]))
      case "w", "write", ":w", ":write": steps.append(.write(register, parts[2]))
      default: throw wrong(member)
      }
    }
    return steps
  }
}
