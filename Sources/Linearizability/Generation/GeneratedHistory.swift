// A generated history as a whole, with the order that proves it.

import History

/// A history in memory and what is known of it.
public struct GeneratedHistory: Sendable {
  /// The history.
  public var history: History
  /// By key, invocation indexes in the order in which the operations took effect: all that say
  /// something, and those of unknown outcome that changed the object. Nil when it was broken.
  public var witness: [String?: [Int]]?
}

/// What a break changes of one operation; nil where nothing.
struct Edit: Equatable, Sendable {
  var argument: Value?
  var result: Value?
  var outcome: Outcome?
}

extension History {
  /// The history that is left in `generator`.
  init(header: Header, generatedBy generator: inout HistoryGenerator) {
    self.init(header: header)
    operations.reserveCapacity(generator.shape.operations)
    let concurrency = generator.shape.concurrency
    var open = Array(repeating: 0, count: concurrency)  // places, by client
    while let event = generator.next() {
      guard case .client(let process) = event.process else { continue }
      endIndex = event.index + 1
      endTime = event.time
      if event.type == .invoke {
        open[process % concurrency] = operations.count
        operations.append(Operation(invocation: event, process: process))
      } else {
        operations[open[process % concurrency]].end(with: event)
      }
    }
  }
}

extension Operation {
  fileprivate mutating func end(with event: Event) {
    switch event.type {
    case .ok: outcome = .ok
    case .fail: outcome = .fail
    case .info, .invoke: outcome = .info
    }
    result = event.value
    observed = event.observed
    differs = event.differs
    completion = event.index
    completedAt = event.time
    error = event.error
  }
}
