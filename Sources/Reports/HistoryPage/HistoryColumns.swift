// What the page's script draws: packed columns of the operations and witnesses, and the rest as
// JSON. Read by `Resources/history-data.js`.

import History
import Linearizability

/// The data of a page, gathered in one pass over the operations.
struct HistoryColumns {
  /// Bytes of new texts that the states of all witnesses may add; later ones are left out.
  static var stateBytes: Int { 8_000_000 }

  /// The operations in the order of their invocations.
  let operations: [Operation]
  /// What was found, the keys that need attention first.
  let keys: [KeyResult]
  private(set) var details: [CounterexampleDetail?] = []
  private(set) var json = JSONBytes()
  private(set) var pointCount = 0
  private var columns: [PackedColumn] = []
  private var texts = PageTexts()
  private var functions: [String: Int] = [:]

  /// - Throws: `ReportError` if an operation ends before it starts, or the result names one that
  ///   the history does not have.
  init(_ page: HistoryPage) throws(ReportError) {
    operations = page.history.operations.sorted { $0.invocation < $1.invocation }
    let ranks: [Verdict: Int] = [.invalid: 0, .unknown: 1, .valid: 2]
    keys = page.result.keys.enumerated().sorted {
      (ranks[$0.element.verdict] ?? 3, $0.offset) < (ranks[$1.element.verdict] ?? 3, $1.offset)
    }.map(\.element)
    for operation in operations {
      guard let end = operation.completedAt, let completion = operation.completion else { continue }
      guard end < operation.invokedAt || completion < operation.invocation else { continue }
      throw .endsBeforeStart(index: operation.invocation)
    }
    appendEvents()
    appendCalls()
    try appendWitnesses(page)
    for key in keys {
      guard let counterexample = key.counterexample else {
        details.append(nil)
        continue
      }
      details.append(
        try CounterexampleDetail(
          counterexample, orders: page.orders?(counterexample) ?? [],
          outcome: { operations[$0].outcome }, place: place))
    }
    appendJSON(page)
  }

  /// The columns, which are given away once.
  mutating func takeColumns() -> [PackedColumn] {
    defer { columns = [] }
    return columns
  }

  /// The place of the operation invoked at `index`.
  ///
  /// - Complexity: logarithmic.
  func place(_ index: Int) throws(ReportError) -> Int {
    var low = 0
    var high = operations.count
    while low < high {
      let middle = (low + high) / 2
      if operations[middle].invocation < index { low = middle + 1 } else { high = middle }
    }
    guard low < operations.count, operations[low].invocation == index else {
      throw .unknownOperation(index: index)
    }
    return low
  }

  private var origin: Int64 { operations.map(\.invokedAt).min() ?? 0 }
  private var firstIndex: Int { operations.first?.invocation ?? 0 }

  private mutating func appendEvents() {
    var (index, took) = (PackedColumn("index"), PackedColumn("took"))
    var (start, length) = (PackedColumn("start"), PackedColumn("length"))
    var process = PackedColumn("process")
    var (lastIndex, lastStart) = (firstIndex, origin)
    for operation in operations {
      index.append(Self.distance(from: lastIndex, to: operation.invocation))
      took.append(
        operation.completion.map { Self.distance(from: operation.invocation, to: $0) } ?? 0)
      // Time follows the index in whatever a reader accepts; by hand it need not.
      let time = max(operation.invokedAt, lastStart)
      start.append(Self.distance(from: lastStart, to: time))
      length.append(operation.completedAt.map { Self.distance(from: time, to: $0) + 1 } ?? 0)
      process.append(signed: min(max(Int64(operation.process), -Self.most), Self.most))
      (lastIndex, lastStart) = (operation.invocation, time)
    }
    columns += [index, took, start, length, process]
  }

  /// Far below 2^53, which JavaScript counts exactly; a file may hold any number of 64 bits.
  private static var most: Int64 { 1 << 51 }

  /// From 0 to `most`.
  private static func distance<Number: FixedWidthInteger>(from: Number, to: Number) -> UInt64 {
    guard to > from else { return 0 }
    let (distance, overflows) = to.subtractingReportingOverflow(from)
    return overflows ? UInt64(most) : min(UInt64(distance), UInt64(most))
  }

  private mutating func appendCalls() {
    var (kind, key) = (PackedColumn("kind"), PackedColumn("key"))
    var (argument, result) = (PackedColumn("argument"), PackedColumn("result"))
    var (remark, node) = (PackedColumn("remark"), PackedColumn("node"))
    var error = PackedColumn("error")
    for operation in operations {
      kind.append(UInt64(number(ofFunction: operation.function) * 3 + operation.outcome.number))
      key.append(texts.number(of: operation.key))
      argument.append(texts.code(of: operation.argument))
      result.append(operation.outcome == .ok ? texts.code(of: operation.result) : 0)
      remark.append(texts.number(of: operation.remark))
      node.append(texts.number(of: operation.node))
      error.append(texts.number(of: operation.error))
    }
    columns += [kind, key, argument, result, remark, node, error]
  }

  private mutating func number(ofFunction name: String) -> Int {
    if let number = functions[name] { return number }
    let number = functions.count
    functions[name] = number
    return number
  }

  /// Places of the witnesses' operations as differences, and the states after them: 0 where there
  /// is none, else one more than the value's code.
  private mutating func appendWitnesses(_ page: HistoryPage) throws(ReportError) {
    var (point, state) = (PackedColumn("point"), PackedColumn("state"))
    let limit = texts.byteCount + Self.stateBytes
    for key in keys {
      guard let witness = key.witness, !witness.isEmpty else { continue }
      var last = 0
      for index in witness {
        let place = try place(index)
        point.append(signed: Int64(place - last))
        last = place
      }
      var stated = 0
      if let states = page.states?(key) {
        for text in states {
          guard stated < witness.count, texts.byteCount < limit else { break }
          state.append(texts.code(of: text) + 1)
          stated += 1
        }
      }
      for _ in stated..<witness.count { state.append(0) }
      pointCount += witness.count
    }
    columns += [point, state]
  }

  private mutating func appendJSON(_ page: HistoryPage) {
    json.raw("{\"count\":")
    json.number(Int64(operations.count))
    json.raw(",\"origin\":")
    json.number(origin)
    json.raw(",\"firstIndex\":")
    json.number(Int64(firstIndex))
    json.raw(",\"hasStates\":")
    json.raw(page.states == nil ? "false" : "true")
    json.raw(",\"initial\":")
    json.string(PageTexts.cut(page.initial, to: 240))
    json.raw(",\"functions\":")
    json.array(functions.sorted { $0.value < $1.value }) { $0.string($1.key) }
    json.raw(",\"faults\":")
    let origin = origin
    json.array(page.history.faults.sorted { $0.start < $1.start }) { json, fault in
      json.raw("{\"name\":")
      json.string(fault.kind)
      json.raw(",\"start\":")
      json.number(Int64(Self.distance(from: origin, to: fault.start)))
      if let end = fault.end {
        json.raw(",\"end\":")
        json.number(Int64(Self.distance(from: origin, to: end)))
      }
      json.raw("}")
    }
    json.raw(",\"keys\":")
    let numbers = keys.map { Int64(texts.number(of: $0.key)) - 1 }
    json.array(keys.indices) { [keys, details] json, place in
      json.raw("{\"key\":")
      json.number(numbers[place])
      json.raw(",\"verdict\":")
      json.string(keys[place].verdict.rawValue)
      json.raw(",\"points\":")
      json.number(Int64(keys[place].witness?.count ?? 0))
      details[place]?.append(to: &json)
      json.raw("}")
    }
    json.raw(",\"strings\":")
    json.array(texts.strings) { $0.string($1) }
    json.raw("}")
  }
}

extension Outcome {
  /// Its place in the drawings' data.
  var number: Int {
    switch self {
    case .ok: 0
    case .fail: 1
    case .info: 2
    }
  }
}

extension Operation {
  /// What a failed compare-and-set says of the state.
  fileprivate var remark: String? {
    if let observed { return "saw \(observed)" }
    return differs ? "the state differed" : nil
  }
}
