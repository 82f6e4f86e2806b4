// A counterexample drawn with characters: a line a process, a bar an operation.
// Here: where everything lies, and the lines. Not here: how wide a text is (TerminalText.swift).

import History
import Linearizability

/// A counterexample for a terminal, in the order of its events; time between them is not drawn.
///
///     process 0  ├─ write 1 ─┤
///     process 1     ├─ read → 1 ─┤  ╞═ read → nil ═╡
///
/// A double bar is one of those that contradict each other most plainly; a bar without an end may
/// take effect at any later time.
public struct TerminalDrawing: Sendable {
  /// The narrowest drawing; below it the operations are listed.
  private static let narrowest = 40
  /// Of a label in its bar.
  private static let longestLabel = 32
  /// Columns between one event and the next, as far as there is room.
  private static let widestGap = 6

  /// The drawing, as lines without one after the last; none is wider than was asked for.
  public let text: String

  /// Draws `counterexample` in at most `width` columns.
  ///
  /// - Complexity: quadratic in its operations at worst, which are few.
  public init(counterexample: Counterexample, width: Int) {
    let bars = Self.bars(of: counterexample)
    let lines =
      Self.drawing(
        bars, labels: bars.map { TerminalText.cut($0.label, to: Self.longestLabel) },
        width: width)
      ?? Self.numbered(bars, width: width) ?? Self.list(bars, width: width)
    text = lines.map { TerminalText.trimmed($0) }.joined(separator: "\n")
  }

  /// One operation; `begin` and `end` count the counterexample's events.
  private struct Bar {
    var operation: Operation
    var label: String
    var isKey: Bool
    var begin: Int
    var end: Int?  // nil when it is open
  }

  private static func bars(of counterexample: Counterexample) -> [Bar] {
    let operations = counterexample.history.sorted { $0.invocation < $1.invocation }
    var events: [Int] = []
    for operation in operations {
      events.append(operation.invocation)
      if let end = end(of: operation) { events.append(end) }
    }
    events.sort()
    let places = Dictionary(
      events.enumerated().map { ($0.element, $0.offset) }, uniquingKeysWith: { a, _ in a })
    let main = Set(counterexample.keyOperations)
    return operations.map { operation in
      Bar(
        operation: operation, label: TerminalText.printable(operation.drawnText),
        isKey: main.contains(operation.invocation), begin: places[operation.invocation] ?? 0,
        end: end(of: operation).flatMap { places[$0] })
    }
  }

  private static func end(of operation: Operation) -> Int? {
    operation.outcome == .info ? nil : operation.completion
  }

  /// The drawing with a label in each bar, or nil where it is too wide.
  private static func drawing(_ bars: [Bar], labels: [String], width: Int) -> [String]? {
    guard width >= narrowest, !bars.isEmpty else { return nil }
    let titles = rowTitles(of: bars, width: width)
    let margin = (titles.values.map(TerminalText.width).max() ?? 0) + 2
    for gap in stride(from: widestGap, through: 1, by: -1) {
      let layout = columns(of: bars, labels: labels, gap: gap)
      guard margin + layout.width <= width else { continue }
      var lines: [String] = []
      for row in rows(of: bars) {
        let isFirst = row.track == 0
        let title = isFirst ? titles[row.process] ?? "" : ""
        var line = TerminalText.padded(title, to: margin)
        for place in row.bars {
          line = TerminalText.padded(line, to: margin + layout.places[bars[place].begin])
          let end = bars[place].end.map { layout.places[$0] + 1 } ?? layout.width
          line += drawn(
            bars[place], label: labels[place], width: end - layout.places[bars[place].begin])
        }
        lines.append(line)
      }
      return lines + legend(of: bars, margin: margin, width: width)
    }
    return nil
  }

  /// Bars with numbers in them, and the operations listed below.
  private static func numbered(_ bars: [Bar], width: Int) -> [String]? {
    let numbers = bars.indices.map { "\($0 + 1)" }
    guard let lines = drawing(bars, labels: numbers, width: width) else { return nil }
    return lines
      + bars.indices.map { place in
        let bar = bars[place]
        return TerminalText.cut(
          "\(TerminalText.padded(numbers[place], to: 3)) \(bar.label), index "
            + "\(bar.operation.invocation)", to: width)
      }
  }

  /// A line an operation, for what cannot be drawn.
  private static func list(_ bars: [Bar], width: Int) -> [String] {
    bars.map { bar in
      let end = bar.operation.outcome == .info ? "…" : "\(bar.operation.completion ?? 0)"
      let mark = bar.isKey ? "*" : " "
      return TerminalText.cut(
        "\(mark) \(bar.operation.invocation)–\(end) \(bar.label), process \(bar.operation.process)",
        to: max(1, width))
    }
  }

  private static func rowTitles(of bars: [Bar], width: Int) -> [Int: String] {
    let word = width < 60 ? "p" : "process "
    return Dictionary(
      bars.map { ($0.operation.process, "\(word)\($0.operation.process)") },
      uniquingKeysWith: { a, _ in a })
  }

  /// The column of each event: each after the one before, each bar as wide as its label needs.
  private static func columns(
    of bars: [Bar], labels: [String], gap: Int
  ) -> (places: [Int], width: Int) {
    let count = bars.reduce(0) { max($0, $1.begin, $1.end ?? 0) } + 1
    var endings: [Int: Int] = [:]  // event to the bar that it ends
    for (place, bar) in bars.enumerated() { if let end = bar.end { endings[end] = place } }
    var places: [Int] = []
    for event in 0..<count {
      var column = places.last.map { $0 + gap } ?? 0
      if let place = endings[event] {
        column = max(column, places[bars[place].begin] + TerminalText.width(labels[place]) + 5)
      }
      places.append(column)
    }
    var width = (places.last ?? 0) + 1
    for (place, bar) in bars.enumerated() where bar.end == nil {
      width = max(width, places[bar.begin] + TerminalText.width(labels[place]) + 6)
    }
    return (places, width)
  }

  /// The lines: a process's bars, on more than one line where an open bar would hide the next.
  private static func rows(of bars: [Bar]) -> [(process: Int, track: Int, bars: [Int])] {
    var order: [Int] = []
    var tracks: [Int: [[Int]]] = [:]
    for (place, bar) in bars.enumerated() {
      let process = bar.operation.process
      if tracks[process] == nil { order.append(process) }
      var own = tracks[process] ?? []
      let free = own.firstIndex { track in
        track.last.flatMap { bars[$0].end }.map { $0 < bar.begin } ?? false
      }
      if let free { own[free].append(place) } else { own.append([place]) }
      tracks[process] = own
    }
    return order.flatMap { process in
      (tracks[process] ?? []).enumerated().map { (process, $0.offset, $0.element) }
    }
  }

  /// `├── write 7 ──┤`, double where it is a key operation, fading where it is open.
  private static func drawn(_ bar: Bar, label: String, width: Int) -> String {
    let line = bar.isKey ? "═" : "─"
    let free = width - TerminalText.width(label) - 4
    precondition(free >= 2, "a bar of \(width) columns has no room for its label")
    let begin = bar.isKey ? "╞" : "├"
    guard bar.end != nil else {
      let rest = String(repeating: "┄", count: free - 2)
      return "\(begin)\(line) \(label) \(line)\(rest)…"
    }
    let before = String(repeating: line, count: free / 2)
    let after = String(repeating: line, count: free - free / 2)
    return "\(begin)\(before) \(label) \(after)\(bar.isKey ? "╡" : "┤")"
  }

  private static func legend(of bars: [Bar], margin: Int, width: Int) -> [String] {
    var parts: [String] = []
    if bars.contains(where: \.isKey) { parts.append("═ contradict each other") }
    if bars.contains(where: { $0.end == nil }) { parts.append("… may take effect later") }
    return parts.map { TerminalText.padded("", to: margin) + $0 }
      .map { TerminalText.cut($0, to: width) }
  }
}
