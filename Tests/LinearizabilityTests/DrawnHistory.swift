// Histories drawn as text: a line a process, a column an instant.
//
//     0: [w 1  ]      [r 2  ]       ok from `[` to `]`
//     1:    [w 2 )                  info: `)` ends the drawing, not the operation
//     2:           [c 1 3 saw 2 !   fail: may say `saw v` and `differs`
//
// Intervals are closed: in one column invocations come before completions.

import History

extension History {
  /// The history that `drawing` shows; values are whole numbers or `nil`.
  init(_ drawing: String, initial: Value = .absent, model: String? = nil) {
    var marks: [Mark] = []
    for line in drawing.split(separator: "\n") {
      guard let colon = line.firstIndex(of: ":") else { continue }
      let process = Int(line[..<colon].trimmed) ?? 0
      marks += Mark.all(in: Array(line), process: process, first: marks.count)
    }
    marks.sort { ($0.column, $0.isEnd ? 1 : 0) < ($1.column, $1.isEnd ? 1 : 0) }
    var operations: [Int: Operation] = [:]
    for (index, mark) in marks.enumerated() {
      let time = Int64(mark.column) * 1_000_000_000
      if mark.isEnd {
        operations[mark.number]?.end(mark, index: index, time: time)
      } else {
        operations[mark.number] = Operation(mark, index: index, time: time)
      }
    }
    self.init(
      operations: operations.values.sorted { $0.invocation < $1.invocation }, initial: initial)
    header.model = model
  }

  /// A history of `operations`, starting at `initial`.
  init(operations: [Operation], initial: Value) {
    self = History.blank
    header = Header(initial: initial)
    self.operations = operations
  }

  /// `History` has no public initializer but those that read; an empty one is read.
  private static var blank: History {
    let line = #"{"index":0,"time":0,"process":0,"type":"invoke","f":"read"}"# + "\n"
    guard var history = try? History(bytes: Array(line.utf8), name: "blank") else {
      fatalError("the native format has changed: \(line)")
    }
    history.operations = []
    return history
  }
}

/// The beginning or end of a drawn operation.
private struct Mark {
  var column: Int
  var isEnd: Bool
  var number: Int
  var process: Int
  var words: [String]
  var outcome: Outcome

  static func all(in line: [Character], process: Int, first: Int) -> [Mark] {
    var marks: [Mark] = []
    var start: Int?
    for (column, character) in line.enumerated() {
      if character == "[" { start = column }
      guard let begun = start, let outcome = outcomes[character] else { continue }
      let words = String(line[(begun + 1)..<column]).split(separator: " ").map(String.init)
      for (place, isEnd) in [(begun, false), (column, true)] {
        marks.append(
          Mark(
            column: place, isEnd: isEnd, number: first + marks.count - (isEnd ? 1 : 0),
            process: process, words: words, outcome: outcome))
      }
      start = nil
    }
    return marks
  }

  private static let outcomes: [Character: Outcome] = ["]": .ok, ")": .info, "!": .fail]

  func value(_ position: Int) -> Value {
    position < words.count ? Int64(words[position]).map { .integer($0) } ?? .absent : .absent
  }
}

extension Operation {
  fileprivate init(_ mark: Mark, index: Int, time: Int64) {
    let function = ["r": "read", "w": "write", "c": "cas"][mark.words[0]] ?? mark.words[0]
    let argument: Value =
      switch function {
      case "read": .absent
      case "cas": .list([mark.value(1), mark.value(2)])
      default: mark.value(1)
      }
    self.init(
      invocation: Event(
        index: index, time: time, process: .client(mark.process), type: .invoke,
        function: function, value: argument), process: mark.process)
  }

  fileprivate mutating func end(_ mark: Mark, index: Int, time: Int64) {
    outcome = mark.outcome
    completion = index
    completedAt = time
    if function == "read", outcome == .ok { result = mark.value(1) }
    if let saw = mark.words.firstIndex(of: "saw") { observed = mark.value(saw + 1) }
    differs = mark.words.contains("differs")
  }
}

extension Substring {
  fileprivate var trimmed: String { String(filter { !$0.isWhitespace }) }
}
