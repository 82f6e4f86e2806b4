// Streams: the same verdict at the same event as a sweep over the whole, in little memory.
// `MILLIONS=10 swift test -c release --filter SweepStreamTests.long` streams so many, and prints
// how long each took.

import FoundationEssentials
import History
import Support
import Testing

@testable import Linearizability

extension [Operation] {
  /// Their events, in the order of the indexes.
  var events: [Event] {
    var events: [Event] = []
    for operation in self {
      events.append(
        Event(
          index: operation.invocation, time: operation.invokedAt,
          process: .client(operation.process), type: .invoke, function: operation.function,
          key: operation.key, value: operation.argument))
      guard let completion = operation.completion else { continue }
      let type: EventType =
        switch operation.outcome {
        case .ok: .ok
        case .fail: .fail
        case .info: .info
        }
      var event = Event(
        index: completion, time: operation.invokedAt, process: .client(operation.process),
        type: type, function: operation.function, key: operation.key, value: operation.result)
      event.observed = operation.observed
      event.differs = operation.differs
      events.append(event)
    }
    return events.sorted { $0.index < $1.index }
  }
}

@Suite(.serialized) struct SweepStreamTests {
  @Test("a stream ends as the sweep over all of it does", arguments: Seed.some(100))
  func agreesWithSweep(seed: Seed) throws {
    var random = SplitMix64(seed)
    for round in 0..<100 {
      let (operations, initial) = SearchPropertyTests.small(using: &random)
      let swept = try Swept(operations, initial: initial)
      var check = StreamCheck(model: CASRegisterModel(initial: initial))
      var decided = 0
      for event in operations.events where try check.add(event) != nil { decided += 1 }
      let result = try #require(try check.finish().first)
      switch (swept, result.end) {
      case (.valid, .valid): break
      case (.invalid(let event), .invalid(_, let completion)):
        try #require(event == completion, "\(seed), round \(round)")
      default: Issue.record("\(seed), round \(round): \(swept), \(result.end)")
      }
      #expect(decided <= 1)
    }
  }

  @Test("each key of a stream has its own verdict")
  func keys() throws {
    var events = History("0: [w 1] [r 1]").operations.events
    for place in events.indices { events[place].key = "good" }
    var wrong = History("1: [w 1] [r 2] [r 1]").operations.events
    for place in wrong.indices {
      wrong[place].key = "bad"
      wrong[place].index += events.count
    }
    var check = StreamCheck(model: RegisterModel())
    var told: [StreamKeyResult] = []
    for event in events + wrong {
      if let result = try check.add(event) { told.append(result) }
    }
    #expect(told.map(\.key) == ["bad"])
    #expect(told.map(\.end) == [.invalid(invocation: 6, completion: 7)])
    #expect(try check.finish().map(\.verdict) == [.valid, .invalid])
  }

  @Test("a stream that breaks the rules is judged by none")
  func disorder() throws {
    var check = StreamCheck(model: RegisterModel())
    _ = try check.add(
      Event(index: 0, time: 0, process: .client(1), type: .invoke, function: "write", value: 1))
    _ = try check.add(
      Event(index: 1, time: 0, process: .client(2), type: .ok, function: "write", value: 1))
    #expect(try check.finish().map(\.verdict) == [.unknown])
  }

  /// An atomic register, `clients` that never rest, drawn event by event.
  struct Source {
    var random: SplitMix64
    var state: Value = .absent
    var calls: [(event: Event, result: Value, hasActed: Bool)?]
    var index = 0
    var values: Int64
    var isStale = false

    init(clients: Int, values: Int64) {
      random = SplitMix64(Seed(1))
      calls = Array(repeating: Optional.none, count: clients)
      self.values = values
    }

    mutating func next() -> Event {
      while true {
        let client = Int(truncatingIfNeeded: random.next() >> 33) % calls.count
        guard var call = calls[client] else {
          let draw = random.next() >> 11
          let event = Event(
            index: index, time: Int64(index), process: .client(client), type: .invoke,
            function: draw & 1 == 0 ? "read" : "write",
            value: draw & 1 == 0
              ? .absent : .integer(Int64(truncatingIfNeeded: draw >> 1) % values))
          calls[client] = (event, event.value, false)
          index += 1
          return event
        }
        if !call.hasActed {
          if call.event.function == "read" { call.result = state } else { state = call.event.value }
          call.hasActed = true
          calls[client] = call
          continue
        }
        calls[client] = Optional.none
        call.event.index = index
        call.event.type = .ok
        call.event.value = call.result
        index += 1
        return call.event
      }
    }
  }

  static var millions: Int {
    #if DEBUG
      return 0
    #else
      let wanted = ProcessInfo.processInfo.environment["MILLIONS"].flatMap(Int.init)
      return wanted ?? 1
    #endif
  }

  @Test("a long stream takes little memory and time", arguments: [(10, 5), (30, 5), (3, 2)])
  func long(clients: Int, values: Int) throws {
    let operations = max(20_000, Self.millions * 1_000_000)
    let clock = ContinuousClock()
    var dry = Source(clients: clients, values: Int64(values))
    let drawing = clock.measure { for _ in 0..<(2 * operations) { _ = dry.next() } }
    var source = Source(clients: clients, values: Int64(values))
    var check = StreamCheck(
      model: RegisterModel(), limits: Limits(memoryBytes: 64 << 20))
    let took = try clock.measure {
      for _ in 0..<(2 * operations) { _ = try check.add(source.next()) }
    }
    let result = try #require(try check.finish().first)
    #expect(result.end == .valid)
    print(
      "stream: \(operations) of \(clients) clients, \(values) values: "
        + "\((took - drawing).seconds / Double(operations) * 1e6) µs an operation")
  }
}
