// What the page's script draws, as compact JSON: a column for each property of the operations,
// times as differences, strings by number. Read by `Resources/report.js`.

/// Numbers each distinct string once, and writes the whole.
struct DrawingData {
  private var strings: [String] = []
  private var numbers: [String: Int64] = [:]
  private var json = JSONBytes()

  /// The JSON of all operations, faults and leaders of `report`.
  ///
  /// - Throws: `ReportError.endsBeforeStart`.
  /// - Complexity: O(n log n).
  static func json(of report: RunReport) throws(ReportError) -> String {
    for operation in report.operations {
      guard let end = operation.end, end < operation.start else { continue }
      throw .endsBeforeStart(index: operation.index)
    }
    var data = DrawingData()
    data.json.reserve(report.operations.count * 80 + 4096)
    let operations = report.operations.sorted { ($0.start, $0.index) < ($1.start, $1.index) }
    data.appendColumns(of: operations)
    data.appendFaults(report.faults)
    data.appendLeaders(report.leaders)
    data.appendCounterexample(report.counterexample, among: operations)
    data.json.raw(",\"strings\":")
    data.json.array(data.strings) { $0.string($1) }
    data.json.raw("}")
    return data.json.text
  }

  private mutating func appendColumns(of operations: [RunReport.TimelineOperation]) {
    json.raw("{\"start\":")
    column(differences(of: operations.map(\.start)))
    json.raw(",\"length\":")  // -1: never answered
    column(operations.map { operation in operation.end.map { $0 &- operation.start } ?? -1 })
    json.raw(",\"process\":")
    column(operations.map { Int64($0.process) })
    json.raw(",\"worker\":")
    column(operations.map { Int64($0.worker) })
    json.raw(",\"index\":")
    column(differences(of: operations.map { Int64($0.index) }))
    json.raw(",\"outcome\":")
    column(operations.map { Int64($0.outcome.rawValue) })
    json.raw(",\"function\":")
    column(operations.map { number(of: $0.function) })
    json.raw(",\"key\":")
    column(operations.map { number(of: $0.key) })
    json.raw(",\"label\":")
    column(operations.map { number(of: $0.label) })
    json.raw(",\"node\":")
    column(operations.map { number(of: $0.node) })
    json.raw(",\"error\":")
    column(operations.map { number(of: $0.error) })
  }

  private mutating func appendFaults(_ faults: [RunReport.FaultWindow]) {
    json.raw(",\"faults\":")
    json.array(faults.sorted { $0.start < $1.start }) { json, fault in
      json.raw("{\"name\":")
      json.string(fault.name)
      json.raw(",\"detail\":")
      json.string(fault.detail)
      json.raw(",\"start\":")
      json.number(fault.start)
      if let end = fault.end {
        json.raw(",\"end\":")
        json.number(end)
      }
      json.raw("}")
    }
  }

  private mutating func appendLeaders(_ leaders: [RunReport.LeaderChange]) {
    json.raw(",\"leaders\":")
    json.array(leaders.sorted { $0.time < $1.time }) { json, change in
      json.raw("{\"time\":")
      json.number(change.time)
      json.raw(",\"term\":")
      json.number(Int64(change.term))
      json.raw(",\"node\":")
      json.string(change.node)
      json.raw("}")
    }
  }

  /// The counterexample's operations by their place in the columns.
  private mutating func appendCounterexample(
    _ counterexample: RunReport.Counterexample?, among operations: [RunReport.TimelineOperation]
  ) {
    guard let counterexample else { return }
    json.raw(",\"counterexample\":")
    let places = operations.indices.filter {
      counterexample.operations.contains(operations[$0].index)
    }
    json.array(places) { $0.number(Int64($1)) }
  }

  private mutating func column(_ values: [Int64]) {
    json.array(values) { $0.number($1) }
  }

  private func differences(of values: [Int64]) -> [Int64] {
    var last: Int64 = 0
    return values.map { value in
      defer { last = value }
      return value &- last  // of a file that may say any times
    }
  }

  /// -1 stands for nil.
  private mutating func number(of string: String?) -> Int64 {
    guard let string else { return -1 }
    if let number = numbers[string] { return number }
    let number = Int64(strings.count)
    numbers[string] = number
    strings.append(string)
    return number
  }
}
