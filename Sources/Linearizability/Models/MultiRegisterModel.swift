// Several registers that are read and written in transactions.
// Here: the model, plain and fitted. Not here: reading micro-operations (Transaction.swift).

import History

/// What several registers hold.
public enum MultiRegisterState: Hashable, Sendable {
  /// The value of each register that holds one.
  case values([String: Value])
  /// By number of the register, the number of the value; 0 stands for all that nobody sees.
  case numbers([Int32])
}

/// What a transaction does to several registers, as a whole.
public enum MultiRegisterAction: Hashable, Sendable {
  /// It saw `reads` before its own writes, and left `writes` behind.
  case transaction(reads: [String: Value], writes: [String: Value])
  /// The same by numbers of registers and values, in the order of the registers.
  case numbered(reads: [Entry], writes: [Entry])
  /// It contradicts itself: read otherwise than it had written, or two values of one register.
  case impossible

  /// A register and a value, by number.
  public struct Entry: Hashable, Sendable {
    var register: Int32
    var value: Int32
  }
}

/// `txn` [["r", k, null], ["w", k, v], …] → the same with what was read, on registers that take
/// effect together.
///
/// A read after a write of its own transaction sees that. Fitted to a history, registers that
/// nobody reads are left out, and of the others all values that nobody sees are one.
public struct MultiRegisterModel: Model {
  /// The state before the first operation.
  public let initial: MultiRegisterState
  /// By register, once fitted: its number, and the numbers of the values that were seen.
  private var numbering: [String: (register: Int32, values: [Value: Int32])]?

  /// Registers that hold `initial`'s values, a list of [register, value]; nothing when absent.
  ///
  /// - Throws: `CheckError` when `initial` is no such list.
  public init(initial: Value = .absent) throws(CheckError) {
    var values: [String: Value] = [:]
    switch initial {
    case .absent: break
    case .list(let pairs):
      for pair in pairs {
        guard let (name, value) = pair.pair, let register = Transaction.register(name),
          values.updateValue(value, forKey: register) == nil
        else {
          throw CheckError(
            reason: .shape(
              expected: "a list of [register, value], each register once", found: initial))
        }
      }
    case .integer, .boolean, .text:
      throw CheckError(
        reason: .shape(
          expected: "null or a list of [register, value] as initial", found: initial))
    }
    self.initial = .values(values.filter { $0.value != .absent })
  }

  /// What was seen and left behind; nil for a `fail`. Of unknown outcome, nothing was seen.
  public func action(of operation: Operation) throws(CheckError) -> MultiRegisterAction? {
    guard let transaction = try Transaction(of: operation) else { return nil }
    guard !transaction.contradictsItself else { return .impossible }
    guard let numbering else {
      return .transaction(reads: transaction.reads, writes: transaction.writes)
    }
    func numbered(_ values: [String: Value]) -> [MultiRegisterAction.Entry] {
      values.compactMap { name, value in
        numbering[name].map { .init(register: $0.register, value: $0.values[value] ?? 0) }
      }.sorted { $0.register < $1.register }
    }
    return .numbered(reads: numbered(transaction.reads), writes: numbered(transaction.writes))
  }

  /// What the registers hold after `action`; nil when it saw what was not there.
  public func step(
    _ state: MultiRegisterState, _ action: MultiRegisterAction
  ) -> MultiRegisterState? {
    switch (state, action) {
    case (.values(var values), .transaction(let reads, let writes)):
      for (name, value) in reads where (values[name] ?? .absent) != value { return nil }
      for (name, value) in writes {
        if value == .absent {
          values.removeValue(forKey: name)
        } else {
          values[name] = value
        }
      }
      return .values(values)
    case (.numbers(var values), .numbered(let reads, let writes)):
      for read in reads where values[Int(read.register)] != read.value { return nil }
      for write in writes { values[Int(write.register)] = write.value }
      return .numbers(values)
    case (_, .impossible), (.values, .numbered), (.numbers, .transaction): return nil
    }
  }

  /// Whether `action` writes nothing but what it saw.
  public func isPure(_ action: MultiRegisterAction) -> Bool {
    switch action {
    case .transaction(let reads, let writes): writes.allSatisfy { reads[$0.key] == $0.value }
    case .numbered(let reads, let writes): writes.allSatisfy(reads.contains)
    case .impossible: true
    }
  }

  /// The model that knows no more registers and values than those that `operations` saw.
  public func fitted(to operations: [Operation]) -> MultiRegisterModel? {
    guard case .values(let start) = initial else { return nil }
    var numbering: [String: (register: Int32, values: [Value: Int32])] = [:]
    for operation in operations where operation.outcome == .ok {
      let reads: [String: Value]
      do {
        reads = try Transaction(of: operation)?.reads ?? [:]
      } catch {
        return nil  // whoever asks for its action is told
      }
      // In order, so that numbers, and with them the search, are the same every time.
      for (name, value) in reads.sorted(by: { $0.key < $1.key }) {
        var register = numbering[name] ?? (Int32(numbering.count), [:])
        if register.values[value] == nil {
          register.values[value] = Int32(register.values.count + 1)
        }
        numbering[name] = register
      }
    }
    var values = [Int32](repeating: 0, count: numbering.count)
    for (name, register) in numbering {
      values[Int(register.register)] = register.values[start[name] ?? .absent] ?? 0
    }
    return MultiRegisterModel(initial: .numbers(values), numbering: numbering)
  }

  private init(
    initial: MultiRegisterState, numbering: [String: (register: Int32, values: [Value: Int32])]
  ) {
    self.initial = initial
    self.numbering = numbering
  }
}

extension MultiRegisterModel: Celled {
  func questions(of action: MultiRegisterAction) -> [MultiRegisterAction] {
    guard case .numbered(let reads, _) = action else { return [] }
    return reads.map { .numbered(reads: [$0], writes: []) }
  }

  func answers(of action: MultiRegisterAction) -> [MultiRegisterAction] {
    guard case .numbered(_, let writes) = action else { return [] }
    return writes.map { .numbered(reads: [$0], writes: []) }
  }
}
