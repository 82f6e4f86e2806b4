// Histories of registers that never happened, drawn from a seed, with points at which each
// operation took effect; and what a page wants to know of them.

@testable import History
@testable import Linearizability
@testable import Reports

struct SyntheticHistory {
  var operations = 2000
  var workers = 6
  var keys = 1
  /// Of values; nil for a new one each time.
  var values: Int? = 5
  /// Of a thousand writes that are never answered.
  var lost = 10
  var faults = 0
  private var random: SplitMix

  init(seed: UInt64) { random = SplitMix(state: seed) }

  private struct Draft {
    var operation: Operation
    var point: Int64
    var end: Int64
  }

  /// A linearizable history; `stale` plants that many reads of a value long gone, each on a key of
  /// its own, where written values differ.
  mutating func history(stale: Int = 0) -> History {
    var drafts = drawn()
    var state: [String?: Value] = [:]
    var past: [String?: [Value]] = [:]
    var broken: Set<String?> = []
    for place in drafts.indices.sorted(by: { drafts[$0].point < drafts[$1].point }) {
      var operation = drafts[place].operation
      let now = state[operation.key] ?? .absent
      switch operation.function {
      case "read":
        operation.result = now
        if let all = past[operation.key], all.count > 40, broken.count < stale,
          !broken.contains(operation.key), place > drafts.count / 2
        {
          broken.insert(operation.key)
          operation.result = all[all.count - 30]
        }
      case "cas":
        let pair = operation.argument.pair
        if let pair, pair.0 == now {
          state[operation.key] = pair.1
        } else {
          operation.outcome = .fail
        }
        operation.result = operation.argument
      default:
        state[operation.key] = operation.argument
        past[operation.key, default: []].append(operation.argument)
        operation.result = operation.argument
      }
      if operation.outcome == .info { operation.result = .absent }
      drafts[place].operation = operation
    }
    return paired(drafts)
  }

  private mutating func drawn() -> [Draft] {
    var free = (0..<workers).map { Int64($0) * 10_000 }
    var processes = Array(0..<workers)
    var drafts: [Draft] = []
    while drafts.count < operations {
      let worker = free.indices.min { free[$0] < free[$1] } ?? 0
      let start = free[worker]
      let length = Int64(300_000 + random.below(1_400_000))
      let function = ["read", "write", "cas", "read"][random.below(4)]
      var event = Event(
        index: 0, time: start, process: .client(processes[worker]), type: .invoke,
        function: function, key: keys > 1 ? "k\(random.below(keys))" : nil,
        node: "n\(worker % 3 + 1)")
      let next = Int64(values.map { random.below($0) } ?? drafts.count)
      if function == "write" { event.value = .integer(next) }
      if function == "cas" {
        event.value = .list([.integer(Int64(random.below(values ?? 9))), .integer(next)])
      }
      var operation = Operation(invocation: event, process: processes[worker])
      operation.outcome = .ok
      if function == "write", random.below(1000) < lost {
        operation.outcome = .info
        operation.error = "timed out"
        processes[worker] += workers
      }
      let point = start + Int64(random.below(Int(length)))
      drafts.append(Draft(operation: operation, point: point, end: start + length))
      free[worker] = start + length + Int64(random.below(500_000))
    }
    return drafts
  }

  /// Gives the events their indexes, in the order of time, invocations first.
  private func paired(_ drafts: [Draft]) -> History {
    var events: [(time: Int64, place: Int, isEnd: Bool)] = []
    for (place, draft) in drafts.enumerated() {
      events.append((draft.operation.invokedAt, place, false))
      events.append((draft.end, place, true))
    }
    events.sort { ($0.time, $0.isEnd ? 1 : 0, $0.place) < ($1.time, $1.isEnd ? 1 : 0, $1.place) }
    var operations = drafts.map(\.operation)
    for (index, event) in events.enumerated() {
      if event.isEnd {
        operations[event.place].completion = index
        operations[event.place].completedAt = event.time
      } else {
        operations[event.place].invocation = index
      }
    }
    var history = History()
    history.operations = operations.sorted { $0.invocation < $1.invocation }
    history.endIndex = events.count
    history.endTime = events.last?.time ?? 0
    history.faults = (0..<faults).map { number in
      let step = history.endTime / Int64(faults)
      return FaultRecord(
        number: number, kind: ["partition", "kill"][number % 2], startIndex: 0, endIndex: nil,
        start: Int64(number) * step, end: Int64(number) * step + step / 3, details: [],
        endDetails: [])
    }
    return history
  }
}

extension HistoryPage {
  /// A page with states and orders, found here by trying.
  static func checked(
    _ history: History, file: String = "history.jsonl", notes: [String] = []
  ) async throws -> HistoryPage {
    let result = try await Check(model: .casRegister).run(history)
    let byIndex = Dictionary(
      uniqueKeysWithValues: history.operations.enumerated().map {
        ($0.element.invocation, $0.offset)
      })
    return HistoryPage(
      history: history, result: result, file: file, notes: notes,
      states: { key in states(of: (key.witness ?? []).map { history.operations[byIndex[$0]!] }) },
      orders: { DeadEnds(of: $0.history).orders })
  }

  private static func states(of operations: [Operation]) -> [String] {
    let model = CASRegisterModel()
    var state = model.initial
    return operations.map { operation in
      if let action = try? model.action(of: operation) {
        state = model.step(state, action) ?? state
      }
      return "\(state)"
    }
  }
}

/// All orders that go no further, one a state at their end.
private struct DeadEnds {
  private(set) var orders: [HistoryPage.Order] = []
  private var seen: Set<Value> = []
  private let operations: [Operation]
  private let model = CASRegisterModel()

  init(of operations: [Operation]) {
    self.operations = operations
    try? extend([], states: [], model.initial)
  }

  private mutating func extend(_ order: [Int], states: [String], _ state: Value) throws {
    let rest = operations.indices.filter { !order.contains($0) }
    let ends = rest.filter { operations[$0].outcome != .info }
    guard let due = ends.min(by: { operations[$0].completion! < operations[$1].completion! })
    else { return }
    let next = rest.filter { operations[$0].invocation < operations[due].completion! }
    var goesOn = false
    var candidates: [HistoryPage.Candidate] = []
    for place in next {
      let operation = operations[place]
      guard let action = try model.action(of: operation) else { continue }
      guard let after = model.step(state, action) else {
        candidates.append(
          .init(
            operation: operation.invocation, isPossible: false,
            reason: "the state is \(state), so this was not possible"))
        continue
      }
      goesOn = goesOn || operation.outcome != .info
      candidates.append(
        .init(
          operation: operation.invocation, isPossible: true,
          reason: "possible, but leads no further"))
      if order.count < 7 { try extend(order + [place], states: states + ["\(after)"], after) }
    }
    guard !goesOn, orders.count < 4, seen.insert(state).inserted else { return }
    orders.append(
      .init(
        operations: order.map { operations[$0].invocation }, states: states,
        due: operations[due].invocation, candidates: candidates))
  }
}
