// The rules that a history's events keep, checked one event at a time.
// Here: order, and completions against invocations. Not here: storing (HistoryBuilder.swift).

/// Follows a history's events and refuses the first that breaks a rule.
///
/// The rules are `DESIGN.md`'s: indexes are dense (strictly increasing where the format is not
/// ours), time never goes back while the index goes on, a process has one operation open at a time
/// and none after one that ended `info`, and a completion fits its invocation.
/// Memory: the open operations, and four bytes a process.
struct Pairing {
  private struct Call {
    var number: Int
    var index: Int
    var function: String
    var key: String?
    var argument: Value
  }

  private let isDense: Bool
  private var processes = ProcessTable()
  private var calls: [Call] = []  // by slot
  private var free: [Int32] = []  // slots without a call
  private var invoked = 0
  private var lastTime = Int64.min
  private var nextIndex = -1  // before the first event

  init(format: HistoryFormat) { isDense = format == .jsonl }

  /// The key of the operation that `process` has open.
  func openKey(of process: Int) -> String? {
    let slot = processes[process]
    return slot < 0 ? Optional.none : calls[Int(slot)].key
  }

  /// Checks any event's place in the order.
  mutating func order(_ event: borrowing Event) -> HistoryError.Reason? {
    // A file may begin at any index (it may be an excerpt), but may not skip one.
    if nextIndex >= 0, isDense ? event.index != nextIndex : event.index < nextIndex {
      return .index(found: event.index, expected: nextIndex)
    }
    if event.time < lastTime { return .timeGoesBack(from: lastTime, to: event.time) }
    nextIndex = event.index + 1
    lastTime = event.time
    return nil
  }

  mutating func invoke(_ event: borrowing Event, process: Int) -> HistoryError.Reason? {
    let state = processes[process]
    guard state == ProcessTable.idle else {
      return state == ProcessTable.ended
        ? .processAfterInfo(process: process)
        : .twoOperationsOpen(process: process, since: calls[Int(state)].index)
    }
    let call = Call(
      number: invoked, index: event.index, function: event.function, key: event.key,
      argument: event.value)
    if let slot = free.popLast() {
      calls[Int(slot)] = call
      processes[process] = slot
    } else {
      processes[process] = Int32(calls.count)
      calls.append(call)
    }
    invoked += 1
    return nil
  }

  /// Closes the process's operation.
  ///
  /// - Parameter number: which operation it was.
  mutating func complete(
    _ event: borrowing Event, process: Int, number: inout Int
  ) -> HistoryError.Reason? {
    let slot = processes[process]
    guard slot >= 0 else { return .completionWithoutInvocation(process: process) }
    let place = Int(slot)
    guard calls[place].function == event.function, calls[place].key == event.key else {
      return .completionDiffers(
        process: process, invoked: Self.name(calls[place].function, calls[place].key),
        completed: Self.name(event.function, event.key))
    }
    if event.type == .ok, event.value != .absent, event.value != calls[place].argument,
      let reason = Self.contradiction(event, to: calls[place].argument, process: process)
    {
      return reason
    }
    number = calls[place].number
    free.append(slot)
    processes[process] = event.type == .info ? ProcessTable.ended : ProcessTable.idle
    return nil
  }

  /// Whether a completion that happened should have repeated the invocation's argument.
  private static func contradiction(
    _ event: borrowing Event, to argument: Value, process: Int
  ) -> HistoryError.Reason? {
    switch event.function {
    case "write", "cas", "enqueue", "push", "insert", "put", "append": break
    case "add", "remove":
      if let (element, change) = event.value.pair, element == argument, case .boolean = change {
        return nil
      }
    default: return nil
    }
    return .valueDiffers(
      process: process, function: event.function, invoked: argument.description,
      completed: event.value.description)
  }

  private static func name(_ function: String, _ key: String?) -> String {
    key.map { "\(function) of key \($0)" } ?? function
  }
}
