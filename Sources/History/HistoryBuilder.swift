// Makes a history of events that were already found in order.
// Here: operations and faults from their events. Not here: the rules (Pairing.swift).

/// Puts events into a history, one at a time.
struct HistoryBuilder {
  var history: History
  private var faults: [Int: Int] = [:]  // fault number to its place in `faults`
  private var shelf = Remarks.Shelf()

  init(format: HistoryFormat) {
    history = History()
    history.format = format
  }

  mutating func invoke(_ event: borrowing Event, process: Int) {
    history.operations.append(
      Operation(invocation: copy event, process: process, shelf: &shelf))
  }

  mutating func complete(_ event: borrowing Event, number: Int) {
    history.operations[number].complete(with: copy event, shelf: &shelf)
  }

  mutating func addFault(_ event: borrowing Event) {
    guard let number = event.fault, let phase = event.phase else { return }
    let place = faults[number]
    switch phase {
    case .start:
      if let place, history.faults[place].end == nil {
        // Told twice, as Jepsen does: before it acts and after, when it knows what came of it.
        if !event.details.isEmpty { history.faults[place].details = event.details }
        return
      }
      faults[number] = history.faults.count
      history.faults.append(
        FaultRecord(
          number: number, kind: event.function, startIndex: event.index, endIndex: nil,
          start: event.time, end: nil, details: event.details, endDetails: []))
    case .end:
      guard let place else { return }
      history.faults[place].endIndex = event.index
      history.faults[place].end = event.time
      history.faults[place].endDetails = event.details
    }
  }

  /// Splits every pair of key and value, once the whole history has shown that they are such.
  mutating func makeIndependent() {
    for place in history.operations.indices {
      let operation = history.operations[place]
      guard let (key, argument) = Independence.split(operation.argument) else { continue }
      history.operations[place].key = key
      history.operations[place].argument = argument
      if let (_, result) = Independence.split(operation.result) {
        history.operations[place].result = result
      }
    }
  }

  /// Whether each completion names the key that its operation was invoked with.
  var keysAgree: Bool {
    history.operations.allSatisfy { operation in
      guard operation.outcome == .ok else { return true }
      return Independence.split(operation.argument)?.0 == Independence.split(operation.result)?.0
    }
  }
}
