// A counterexample as the page's script draws it: places in the columns, outcomes as relaxed.

import History
import Linearizability

/// One counterexample, found again among the page's operations.
struct CounterexampleDetail {
  struct Member {
    var place: Int
    var outcome: Outcome
    var isKey: Bool
  }

  struct Order {
    var operations: [Int]
    var due: Int
  }

  private(set) var members: [Member]
  private(set) var orders: [Order] = []

  /// Those that contradict each other may stand outside the relaxed history; they are drawn too.
  init(
    _ counterexample: Counterexample, orders: [HistoryPage.Order],
    outcome: (Int) -> Outcome, place: (Int) throws(ReportError) -> Int
  ) throws(ReportError) {
    let main = Set(counterexample.keyOperations)
    members = []
    for operation in counterexample.history {
      members.append(
        Member(
          place: try place(operation.invocation), outcome: operation.outcome,
          isKey: main.contains(operation.invocation)))
    }
    let inside = Set(counterexample.history.map(\.invocation))
    for index in counterexample.keyOperations where !inside.contains(index) {
      let place = try place(index)
      members.append(Member(place: place, outcome: outcome(place), isKey: true))
    }
    members.sort { $0.place < $1.place }
    for order in orders {
      var places: [Int] = []
      for index in order.operations { places.append(try place(index)) }
      self.orders.append(Order(operations: places, due: try place(order.due)))
    }
  }

  func append(to json: inout JSONBytes) {
    json.raw(",\"counterexample\":{\"members\":")
    json.array(members) { json, member in
      json.raw("{\"place\":")
      json.number(Int64(member.place))
      json.raw(",\"outcome\":")
      json.number(Int64(member.outcome.number))
      json.raw(",\"isKey\":")
      json.raw(member.isKey ? "true}" : "false}")
    }
    json.raw(",\"orders\":")
    json.array(orders) { json, order in
      json.raw("{\"operations\":")
      json.array(order.operations) { $0.number(Int64($1)) }
      json.raw(",\"due\":")
      json.number(Int64(order.due))
      json.raw("}")
    }
    json.raw("}")
  }
}
