// The models by name, and which of them a history was made for.
// Here: names, and choosing one. Not here: making a model of a name (ModelVisitor.swift).

import History

/// A model as command lines and headers name it.
public enum ModelName: String, CaseIterable, Sendable {
  /// Reads and writes.
  case register
  /// Reads, writes and compare-and-set.
  case casRegister = "cas-register"
  /// The same, but a read of `null` says nothing.
  case unknownReadRegister = "unknown-read-register"
  /// Transactions of reads and writes over several keys.
  case multiRegister = "multi-register"
  /// Texts that are put, appended to and got.
  case kv
  /// A sum that is added to.
  case counter
  /// A lock that anyone may release.
  case mutex
  /// A lock that its holder alone releases.
  case ownedMutex = "owned-mutex"
  /// A lock whose `acquire` hands out growing tokens.
  case fencedLock = "fenced-lock"
  /// A lock that lets several in.
  case semaphore
  /// Elements that are added, removed and looked for.
  case set
  /// First in, first out.
  case queue
  /// Last in, first out.
  case stack
  /// Least first.
  case priorityQueue = "priority-queue"
  /// A list that only grows.
  case appendList = "append-list"

  /// The functions that it knows.
  public var functions: Set<String> {
    switch self {
    case .register: ["read", "write"]
    case .casRegister, .unknownReadRegister: ["read", "write", "cas"]
    case .multiRegister: ["txn"]
    case .kv: ["get", "put", "append"]
    case .counter: ["add", "read"]
    case .mutex, .ownedMutex, .fencedLock, .semaphore: ["acquire", "release"]
    case .set: ["add", "remove", "contains", "read"]
    case .queue: ["enqueue", "dequeue"]
    case .stack: ["push", "pop"]
    case .priorityQueue: ["insert", "delete-min"]
    case .appendList: ["append", "read"]
    }
  }

  /// The model that `history` names in its header or, failing that, the one whose functions and
  /// values it has; of two registers the simpler.
  ///
  /// - Complexity: linear in the operations.
  /// - Throws: `CheckError` when there is none, or more than one.
  public static func fitting(_ history: History) throws(CheckError) -> ModelName {
    if let name = history.header.model {
      guard let model = ModelName(rawValue: name) else {
        throw CheckError(reason: .unknownModel(name))
      }
      return model
    }
    var fitting = allCases.filter { $0 != .unknownReadRegister }
    var last = ""
    for operation in history.operations where operation.function != last {
      last = operation.function
      let left = fitting.filter { $0.functions.contains(operation.function) }
      guard !left.isEmpty else { throw CheckError(operation: operation, reason: .noModelFits) }
      fitting = left
    }
    if fitting.count > 1 { fitting = fitting.filter { $0.fits(history.operations) } }
    guard let first = fitting.first, fitting.count == 1 || first == .register else {
      throw CheckError(reason: fitting.isEmpty ? .noModelFits : .ambiguous(fitting))
    }
    return first
  }

  /// Whether the results are of the kind that this model gives, where kinds tell models apart.
  private func fits(_ operations: [Operation]) -> Bool {
    func results(_ function: String) -> some Sequence<Value> {
      operations.lazy.filter { $0.function == function && $0.outcome == .ok }.map(\.result)
    }
    func isList(_ value: Value) -> Bool {
      if case .list = value { return true }
      return false
    }
    let tokens = results("acquire").contains { $0 != .absent }
    switch self {
    case .counter: return !results("read").contains(where: isList)
    case .set, .appendList: return results("read").allSatisfy(isList)
    case .register: return !results("read").contains(where: isList)
    case .fencedLock: return tokens
    case .mutex, .ownedMutex, .semaphore: return !tokens
    case .casRegister, .unknownReadRegister, .multiRegister, .kv, .queue, .stack, .priorityQueue:
      return true
    }
  }
}
