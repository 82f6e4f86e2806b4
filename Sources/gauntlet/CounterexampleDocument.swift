// A counterexample as JSON: itself a history, which can be checked.

import History
import Linearizability

struct CounterexampleDocument: Encodable {
  var key: String?
  var anomaly: String?
  /// Indexes, in the checked history, of the invocations that take part.
  var operations: [Int]
  /// Those of them that are shown in part: a read or transaction without what plays no part.
  var abridged: [Int]
  /// A header, then the relaxed events: lines of a history that is invalid as well.
  var history: [Line]
  var explanation: String
  /// The completion, in the checked history, before which all is linearizable.
  var longestPrefix: Int?
  var isMinimal: Bool
  /// How orders of these operations break off.
  var orders: [OrderDocument]

  struct OrderDocument: Encodable {
    var operations: [Int]
    var states: [String]
    var due: Int
    var rejections: [String]
  }

  init(_ counterexample: Counterexample, header: Header) {
    key = counterexample.key
    anomaly = counterexample.anomaly?.rawValue
    operations = counterexample.operations
    abridged = counterexample.abridged
    explanation = counterexample.explanation
    longestPrefix = counterexample.longestPrefix
    isMinimal = counterexample.isMinimal
    orders = counterexample.orders.map { order in
      OrderDocument(
        operations: order.operations, states: order.states, due: order.due,
        rejections: order.candidates.map(\.reason))
    }
    let line = HeaderLine(
      model: header.model ?? "", initial: header.initial, capacity: header.capacity)
    history = [.header(line)]
    history += Self.events(of: counterexample.history).map { .event($0) }
  }

  /// One line of the history.
  enum Line: Encodable {
    case header(HeaderLine)
    case event(EventLine)

    func encode(to encoder: any Encoder) throws {
      switch self {
      case .header(let header): try header.encode(to: encoder)
      case .event(let event): try event.encode(to: encoder)
      }
    }
  }

  struct HeaderLine: Encodable {
    var gauntlet = JSONLines.version
    var model: String
    var initial: Value
    var capacity: Int?
  }

  struct EventLine: Encodable {
    var index: Int
    var time: Int64
    var process: Int
    var type: String
    var f: String
    var key: String?
    var value: Value
    var observed: Value?
    var differs: Bool?
    /// The invocation's index in the checked history.
    var operation: Int
  }

  /// The events in their order, numbered anew. Each operation has a process of its own: one that
  /// was relaxed to `info` could not be followed by another of the same process.
  private static func events(of operations: [Operation]) -> [EventLine] {
    var events: [(place: Int, line: EventLine)] = []
    for (process, operation) in operations.enumerated() {
      let invocation = EventLine(
        index: 0, time: operation.invokedAt, process: process, type: EventType.invoke.rawValue,
        f: operation.function, key: operation.key, value: operation.argument,
        operation: operation.invocation)
      events.append((operation.invocation, invocation))
      guard operation.outcome != .info, let completion = operation.completion else { continue }
      var line = invocation
      line.time = operation.completedAt ?? operation.invokedAt
      line.type = (operation.outcome == .ok ? EventType.ok : .fail).rawValue
      line.value = operation.result
      line.observed = operation.observed
      line.differs = operation.differs ? true : nil
      events.append((completion, line))
    }
    events.sort { $0.place < $1.place }
    for place in events.indices { events[place].line.index = place }
    return events.map(\.line)
  }
}
