// What histories of other tools do otherwise than ours, settled event by event.
// Here: order, processes, faults, independent keys. Not here: syntax (EDNReader, LogReader).

/// Who an event of another tool's history is about.
enum ForeignProcess {
  case client(Int)
  case nemesis
  /// Neither: a thread's name or nil. Such events are counted and left out.
  case other(String)
}

/// Makes an event ours: gives it index and time, and a process that no `info` has ended.
struct ForeignRules {
  /// From here on processes are numbered that went on after an `info`.
  static let firstNewProcess = 1_000_000_000

  private let file: String
  var independence: Independence
  private var nextIndex = 0
  private var lastTime: Int64 = 0
  private var ended = ProcessTable()
  private var renumbered: [Int: Int] = [:]
  private var newProcesses = 0
  private var lastFaults: [String: (number: Int, isStopped: Bool)] = [:]  // by kind
  private var faults = 0
  private var earlyTimes = 0
  private var unknownFaults = 0
  private var others: [String: Int] = [:]
  private static let mostOthers = 8

  init(file: String, isIndependent: Bool?) {
    self.file = file
    independence = Independence(isIndependent)
  }

  /// Whether any event was settled, those that were left out counted too.
  var hasEvents: Bool { nextIndex > 0 }

  /// What was left out or changed, in words.
  var notes: [String] {
    var notes: [String] = []
    func note(_ count: Int, _ text: String) {
      if count > 0 { notes.append("\(file): \(count) \(text)") }
    }
    for (process, count) in others.sorted(by: { $0.key < $1.key }) {
      note(count, "events of process \(process) were skipped: neither a number nor the nemesis")
    }
    note(unknownFaults, "events of the nemesis were skipped: neither start nor stop of a fault")
    note(
      newProcesses,
      "times a process went on after an operation of unknown outcome; "
        + "it was given a new number from \(Self.firstNewProcess) on")
    note(earlyTimes, "times went back while the index went on; the latest before was taken")
    return notes
  }

  /// Completes `event`, whose type, function, value and error are set.
  ///
  /// - Returns: false when the event is left out.
  /// - Throws: `HistoryError` when a value that must be a pair of key and value is none.
  mutating func settle(
    _ event: inout Event, process: ForeignProcess, index: Int?, time: Int64?, line: Int
  ) throws(HistoryError) -> Bool {
    event.index = index ?? nextIndex
    // One that goes back is refused later by the common rule, which needs to see it.
    nextIndex = event.index + 1
    if let time {
      if time < lastTime { earlyTimes += 1 }
      lastTime = max(lastTime, time)
    }
    event.time = lastTime
    switch process {
    case .other(let name):
      let isCounted = others[name] != nil || others.count < Self.mostOthers
      others[isCounted ? name : "…", default: 0] += 1
      return false
    case .nemesis:
      event.process = .nemesis
      return settleFault(&event)
    case .client(let number):
      event.process = .client(client(number, event.type))
      if event.function == "txn" { event.value = Self.shortened(event.value) }
      guard independence == .given else {
        independence.observe(event)
        return true
      }
      if let (key, value) = Independence.split(event.value) {
        event.key = key
        event.value = value
      } else if event.type == .invoke || event.type == .ok {
        throw HistoryError(
          file: file, line: line,
          reason: .event(
            "its value \(event.value) is no pair of key and value, as --independent says"))
      }
      return true
    }
  }

  private mutating func client(_ process: Int, _ type: EventType) -> Int {
    var number = renumbered.isEmpty ? process : renumbered[process] ?? process
    if type == .invoke, ended[process] == ProcessTable.ended {
      number = Self.firstNewProcess + newProcesses
      newProcesses += 1
      renumbered[process] = number
      ended[process] = ProcessTable.idle
    } else if type == .info {
      ended[process] = ProcessTable.ended
    }
    return number
  }

  /// Jepsen tells a fault's start and its stop twice each: when it begins to act and when it has.
  private mutating func settleFault(_ event: inout Event) -> Bool {
    let name = event.function
    let isStart = name == "start" || name.hasPrefix("start-")
    guard isStart || name == "stop" || name.hasPrefix("stop-") else {
      unknownFaults += 1
      return false
    }
    let kind = name.split(separator: "-", maxSplits: 1).dropFirst().first.map(String.init)
    event.function = kind ?? "nemesis"
    event.phase = isStart ? .start : .end
    event.details = event.value == .absent ? [] : [Event.Detail("value", event.value)]
    event.value = .absent
    if isStart {
      if let last = lastFaults[event.function], !last.isStopped {
        event.fault = last.number
      } else {
        lastFaults[event.function] = (faults, false)
        event.fault = faults
        faults += 1
      }
      return true
    }
    guard let last = lastFaults[event.function] else {
      unknownFaults += 1
      return false
    }
    lastFaults[event.function] = (last.number, true)
    event.fault = last.number
    return true
  }

  /// Knossos writes out `:read` and `:write` in a transaction where others say `:r` and `:w`.
  private static func shortened(_ value: Value) -> Value {
    guard case .list(let steps) = value else { return value }
    return .list(
      steps.map { step in
        guard case .list(var parts) = step, parts.count == 3 else { return step }
        if parts[0] == .text("read") { parts[0] = .text("r") }
        if parts[0] == .text("write") { parts[0] = .text("w") }
        return .list(parts)
      })
  }
}
