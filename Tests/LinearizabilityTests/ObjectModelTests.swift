// What the models of locks, counters, lists, keys and transactions take and refuse, case by case.

import History
import Testing

@testable import Linearizability

/// Calls of an object in the order in which they are made, for tests.
private struct Calls {
  private(set) var operations: [Operation] = []
  private var index = 0

  /// One call after all before it, or one that is open until `close`.
  @discardableResult
  mutating func add(
    _ process: Int, _ function: String, _ argument: Value = .absent,
    returns result: Value = .absent,
    _ outcome: Outcome = .ok, isOpen: Bool = false
  ) -> Int {
    var operation = Operation(
      invocation: Event(
        index: index, time: Int64(index), process: .client(process), type: .invoke,
        function: function, value: argument), process: process)
    operation.outcome = outcome
    operation.result = result
    index += 1
    operations.append(operation)
    if !isOpen && outcome != .info { close(operations.count - 1) }
    return operations.count - 1
  }

  mutating func close(_ place: Int) {
    operations[place].completion = index
    index += 1
  }

  func isValid<M: Model>(_ model: M) throws -> Bool {
    var verdicts: [Bool] = []
    for model in [model, model.fitted(to: operations) ?? model] {
      if case .valid = try Engines.search(model, operations) {
        verdicts.append(true)
      } else {
        verdicts.append(false)
      }
    }
    #expect(verdicts[0] == verdicts[1], "the fitted model says otherwise")
    if let monitored = model as? any Monitored, let verdict = try Self.monitor(monitored, self) {
      #expect(verdict == verdicts[0], "the monitor says otherwise")
    }
    return verdicts[0]
  }

  private static func monitor<M: Monitored>(_ model: M, _ calls: Calls) throws -> Bool? {
    let subject = try Subject(model: model, operations: calls.operations)
    switch model.monitor(subject.judged) {
    case .valid: return true
    case .invalid: return false
    case nil: return nil
    }
  }
}

@Suite struct LockModelTests {
  @Test("anyone may release a mutex, only its holder an owned one")
  func owners() throws {
    var calls = Calls()
    calls.add(0, "acquire")
    calls.add(1, "release")
    #expect(try calls.isValid(try MutexModel()))
    #expect(try !calls.isValid(try OwnedMutexModel()))
    #expect(try calls.isValid(try SemaphoreModel(capacity: 1)))
  }

  @Test("taking a lock twice is wrong, releasing a free one too")
  func reentry() throws {
    var calls = Calls()
    calls.add(0, "acquire")
    calls.add(0, "acquire")
    #expect(try !calls.isValid(try OwnedMutexModel()))
    #expect(try calls.isValid(try SemaphoreModel(capacity: 2)))
    calls = Calls()
    calls.add(0, "release")
    #expect(try !calls.isValid(try OwnedMutexModel()))
    #expect(try calls.isValid(try OwnedMutexModel(initial: 0)))
    #expect(try !calls.isValid(try FencedLockModel()))
    #expect(try calls.isValid(try MutexModel(initial: .boolean(true))))
  }

  @Test("a crashed holder may have released, or may hold the lock for ever")
  func crashedHolder() throws {
    var calls = Calls()
    calls.add(0, "acquire")
    calls.add(0, "release", .absent, .info)
    calls.add(1, "acquire")
    #expect(try calls.isValid(try OwnedMutexModel()))
    calls.add(2, "acquire")
    #expect(try !calls.isValid(try OwnedMutexModel()))
    calls = Calls()
    calls.add(0, "acquire", .absent, .info)
    calls.add(1, "acquire")
    #expect(try calls.isValid(try OwnedMutexModel()))
    calls.add(1, "release")
    #expect(try calls.isValid(try MutexModel()))
  }

  @Test("tokens grow, with room for those that nobody knows")
  func tokens() throws {
    var calls = Calls()
    calls.add(0, "acquire", returns: 4)
    calls.add(0, "release")
    calls.add(1, "acquire", returns: 4)
    #expect(try !calls.isValid(try FencedLockModel()))
    calls = Calls()
    calls.add(0, "acquire", returns: 4)
    calls.add(0, "release")
    calls.add(1, "acquire", .absent, .info)
    calls.add(1, "release")  // so the acquire did happen, and took 5 or more
    calls.add(2, "acquire", returns: 5)
    #expect(try !calls.isValid(try FencedLockModel()))
    #expect(try !calls.isValid(try FencedLockModel(initial: 4)))
    calls = Calls()
    calls.add(1, "acquire", .absent, .info)
    calls.add(1, "release")
    calls.add(2, "acquire", returns: 6)
    #expect(try calls.isValid(try FencedLockModel(initial: 4)))
    #expect(try !calls.isValid(try FencedLockModel(initial: 5)))
    calls = Calls()
    calls.add(0, "acquire", returns: .integer(.max))
    calls.add(0, "release")
    calls.add(1, "acquire", .absent, .info)
    calls.add(1, "release")
    #expect(try calls.isValid(try FencedLockModel()))
  }

  @Test("an initial state that is none is refused")
  func initials() {
    #expect(throws: CheckError.self) { try MutexModel(initial: 1) }
    #expect(throws: CheckError.self) { try OwnedMutexModel(initial: .boolean(true)) }
    #expect(throws: CheckError.self) { try FencedLockModel(initial: .text("5")) }
    #expect(throws: CheckError.self) { try SemaphoreModel(initial: 3, capacity: 2) }
    #expect(throws: CheckError.self) { try SemaphoreModel(capacity: 0) }
    #expect(throws: CheckError.self) { try CounterModel(initial: .text("0")) }
    #expect(throws: CheckError.self) { try AppendListModel(initial: 0) }
    #expect(throws: CheckError.self) { try KVModel(initial: 0) }
    #expect(throws: CheckError.self) { try MultiRegisterModel(initial: .list([1])) }
    #expect(throws: CheckError.self) {
      try MultiRegisterModel(initial: .list([.list([.text("x"), 1]), .list([.text("x"), 2])]))
    }
  }
}

@Suite struct ValueModelTests {
  @Test("increments that nest are counted in an order that time allows")
  func nestedIncrements() throws {
    // Within the bounds of what was called and what returned, and still wrong.
    var calls = Calls()
    let outer = calls.add(0, "add", 1, isOpen: true)
    let read = calls.add(1, "read", returns: 1, isOpen: true)
    calls.close(read)
    calls.add(2, "add", 1)
    calls.add(1, "read", returns: 1)
    calls.close(outer)
    #expect(try !calls.isValid(try CounterModel()))
    #expect(try !calls.isValid(try CounterModel(initial: -1)))
  }

  @Test("sums beyond 64 bits neither trap nor wrap")
  func largeSums() throws {
    var calls = Calls()
    calls.add(0, "add", .integer(.max))
    calls.add(0, "add", .integer(.max))
    calls.add(0, "add", .integer(.max))
    calls.add(1, "read", returns: .integer(.max - 2))
    #expect(try !calls.isValid(try CounterModel()))
    calls = Calls()
    calls.add(0, "add", .integer(.min))
    calls.add(0, "add", .integer(.min))
    calls.add(0, "add", .integer(.max), .info)
    calls.add(0, "add", .integer(.max))
    calls.add(1, "read", returns: -2)
    #expect(try calls.isValid(try CounterModel()))
  }

  @Test("of equal appends one that is seen and one that is not may stand either way")
  func equalAppends() throws {
    // The first y completes before the second x is invoked, so the list's x is the first.
    var calls = Calls()
    let first = calls.add(0, "append", 1, isOpen: true)
    calls.add(1, "append", 2)
    calls.add(2, "append", 1)
    calls.close(first)
    calls.add(3, "read", returns: .list([1, 2]), .info)
    calls.add(3, "read", returns: .list([1, 2, 1]))
    #expect(try calls.isValid(try AppendListModel()))
    calls.add(3, "read", returns: .list([1, 2]))
    #expect(try !calls.isValid(try AppendListModel()))
  }

  @Test("a missing key reads what it is said to, and an append makes a text of it")
  func missingKeys() throws {
    var calls = Calls()
    calls.add(0, "get", returns: .text(""))
    calls.add(0, "append", .text("ab"))
    calls.add(0, "get", returns: .text("ab"))
    #expect(try calls.isValid(try KVModel(initial: .text(""))))
    #expect(try !calls.isValid(try KVModel()))
    // Equal to Swift, but other bytes.
    calls = Calls()
    calls.add(0, "put", .text("e\u{301}"))
    calls.add(0, "get", returns: .text("\u{e9}"))
    #expect(try !calls.isValid(try KVModel()))
  }

  @Test("a transaction sees its own writes, and takes effect as a whole")
  func transactions() throws {
    func step(_ name: String, _ register: Value, _ value: Value) -> Value {
      .list([.text(name), register, value])
    }
    var calls = Calls()
    let asked = Value.list([step("write", .text("x"), 3), step(":read", .text("x"), .absent)])
    calls.add(
      0, "txn", asked, returns: .list([step("w", .text("x"), 3), step("r", .text("x"), 3)]))
    calls.add(
      1, "txn", .list([step("r", 7, .absent)]), returns: .list([step("r", .text("7"), 1)]))
    #expect(try calls.isValid(try MultiRegisterModel(initial: .list([.list([7, 1])]))))
    #expect(try !calls.isValid(try MultiRegisterModel()))
    calls.add(
      0, "txn", asked, returns: .list([step("w", .text("x"), 3), step("r", .text("x"), 1)]))
    #expect(try !calls.isValid(try MultiRegisterModel(initial: .list([.list([7, 1])]))))
    calls.add(0, "txn", asked, returns: .list([]))
    #expect(throws: CheckError.self) { try calls.isValid(try MultiRegisterModel()) }
  }

  @Test("a read of nothing known says nothing")
  func unknownReads() throws {
    var calls = Calls()
    calls.add(0, "write", 1)
    calls.add(0, "read", returns: .absent)
    #expect(try calls.isValid(try UnknownReadModel()))
    calls.add(0, "read", returns: 2)
    #expect(try !calls.isValid(try UnknownReadModel()))
    calls.add(0, "push", 2)
    #expect(throws: CheckError.self) { try calls.isValid(try UnknownReadModel()) }
  }
}
