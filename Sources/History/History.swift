// A whole history in memory: its operations, its faults, and the rules it must keep.
// Here: pairing events and checking their order. Not here: bytes (HistoryReader.swift).

/// A fault as the history tells it.
public struct FaultRecord: Equatable, Sendable {
  /// Its number within the run.
  public var number: Int
  /// Its kind, such as `partition`.
  public var kind: String
  /// When it took hold, in nanoseconds since the run began.
  public var start: Int64
  /// When it was taken back; nil when the history ends before that.
  public var end: Int64?
  /// What it really did and the evidence for it, from its start.
  public var details: [Event.Detail]
  /// What its end reported.
  public var endDetails: [Event.Detail]
}

/// Everything that clients and nemesis did, in the order of real time.
public struct History: Equatable, Sendable {
  /// What the first line said, if it was a header.
  public var header: Header
  /// The clients' operations, in the order of their invocations.
  public var operations: [Operation]
  /// The faults, in the order of their starts.
  public var faults: [FaultRecord]
  /// The index after the last event.
  public var endIndex: Int
  /// The time of the last event.
  public var endTime: Int64
  /// What was left out while reading, in words; empty when nothing was.
  public var notes: [String]

  /// A history in which nothing happened.
  public init(header: Header = Header()) {
    self.header = header
    operations = []
    faults = []
    endIndex = 0
    endTime = 0
    notes = []
  }

  /// The operations by key; those without one stand under nil. Order within a key is kept.
  public var operationsByKey: [String?: [Operation]] {
    Dictionary(grouping: operations, by: \.key)
  }
}

/// Pairs events into a history, one at a time, and refuses those that break its rules.
///
/// The rules are `DESIGN.md`'s: indexes are dense, time never goes back while the index goes on,
/// a process has one operation open at a time and none after one that ended `info`.
struct HistoryBuilder {
  private let file: String
  private(set) var history = History()
  private var open: [Int: Int] = [:]  // process to its place in `operations`
  private var ended: Set<Int> = []  // processes whose last operation ended info
  private var faults: [Int: Int] = [:]  // fault number to its place in `faults`
  private var lastTime = Int64.min
  private var nextIndex: Int?

  init(file: String) { self.file = file }

  mutating func setHeader(_ header: Header) { history.header = header }
  mutating func note(_ text: String) { history.notes.append(text) }
  var isEmpty: Bool { nextIndex == nil }

  mutating func add(_ event: Event, line: Int) throws(HistoryError) {
    func refuse(_ reason: HistoryError.Reason) -> HistoryError {
      HistoryError(file: file, line: line, reason: reason)
    }
    // A file may begin at any index (it may be an excerpt), but may not skip one.
    if let nextIndex, event.index != nextIndex {
      throw refuse(.index(found: event.index, expected: nextIndex))
    }
    if event.time < lastTime { throw refuse(.timeGoesBack(from: lastTime, to: event.time)) }
    switch event.process {
    case .nemesis: addFault(event)
    case .client(let process):
      if let reason = addOperation(event, process: process) { throw refuse(reason) }
    }
    nextIndex = event.index + 1
    lastTime = event.time
    history.endIndex = event.index + 1
    history.endTime = event.time
  }

  private mutating func addOperation(_ event: Event, process: Int) -> HistoryError.Reason? {
    if event.type == .invoke {
      if let since = open[process] {
        return .twoOperationsOpen(
          process: process, since: history.operations[since].invocation)
      }
      guard !ended.contains(process) else { return .processAfterInfo(process: process) }
      open[process] = history.operations.count
      history.operations.append(Operation(invocation: event, process: process))
      return nil
    }
    guard let place = open.removeValue(forKey: process) else {
      return .completionWithoutInvocation(process: process)
    }
    let invoked = history.operations[place]
    guard invoked.function == event.function, invoked.key == event.key else {
      return .completionDiffers(
        process: process, invoked: Self.name(invoked.function, invoked.key),
        completed: Self.name(event.function, event.key))
    }
    history.operations[place].complete(with: event)
    if event.type == .info { ended.insert(process) }
    return nil
  }

  private static func name(_ function: String, _ key: String?) -> String {
    key.map { "\(function) of key \($0)" } ?? function
  }

  private mutating func addFault(_ event: Event) {
    guard let number = event.fault, let phase = event.phase else { return }
    switch phase {
    case .start:
      faults[number] = history.faults.count
      history.faults.append(
        FaultRecord(
          number: number, kind: event.function, start: event.time, end: nil,
          details: event.details, endDetails: []))
    case .end:
      guard let place = faults[number] else { return }
      history.faults[place].end = event.time
      history.faults[place].endDetails = event.details
    }
  }
}
