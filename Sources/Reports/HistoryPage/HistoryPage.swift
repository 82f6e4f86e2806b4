// One checked history as a page that loads nothing, for any browser of the last years.
// Here: what goes in, and the page in pieces. Not here: its words (HistoryDocument.swift), its data
// (HistoryColumns.swift), its drawings (Resources/history-*.js).

import History
import Linearizability

/// The page of one checked history, usable with a million operations.
///
///     let page = HistoryPage(history: history, result: result, file: "history.jsonl")
///     try page.write { bytes in try output.append(bytes) }
public struct HistoryPage: Sendable {
  /// What was checked.
  public var history: History
  /// What was found.
  public var result: CheckResult
  /// The history's name, as it is to be shown.
  public var file: String
  /// What to say beside the verdict: lines that were skipped, what a failed compare-and-set means.
  public var notes: [String]
  /// The object's state before the first operation, as text.
  public var initial: String
  /// The states, as texts, after each operation of a key's witness, in its order; nil for none.
  ///
  /// It is asked once for each key with a witness, and read no further than what fits the page
  /// (`HistoryColumns.stateBytes`): a lazy sequence saves the texts that have no room.
  public var states: (@Sendable (KeyResult) -> any Sequence<String>)?
  /// How the orders of a counterexample's operations end; nil to show none.
  public var orders: (@Sendable (Counterexample) -> [Order])?

  /// A page of `history`, checked with `result`. The notes of `history` come ahead of `notes`.
  public init(
    history: History, result: CheckResult, file: String, notes: [String] = [],
    initial: String? = nil,
    states: (@Sendable (KeyResult) -> any Sequence<String>)? = nil,
    orders: (@Sendable (Counterexample) -> [Order])? = nil
  ) {
    self.history = history
    self.result = result
    self.file = file
    self.notes = history.notes + notes
    self.initial = initial ?? history.header.initial.description
    self.states = states
    self.orders = orders
  }

  /// The whole page in memory.
  ///
  /// - Complexity: as `write`.
  /// - Throws: `ReportError` if the history cannot be drawn, or `result` is not about it.
  public func html() throws -> String {
    var bytes: [UInt8] = []
    try write { bytes.append(contentsOf: $0) }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Hands the page to `sink`, piece by piece, some of them of megabytes.
  ///
  /// - Complexity: linear in operations and witnesses; about 30 bytes of page an operation.
  /// - Throws: what `sink` throws; `ReportError` if the history cannot be drawn, or `result` is
  ///   not about it. Nothing was handed over then.
  public func write(_ sink: ([UInt8]) throws -> Void) throws {
    var columns = try HistoryColumns(self)
    let head = try HistoryDocument(of: self, columns: columns).html()
    try sink(Array(head.utf8))
    for column in columns.takeColumns() {
      try sink(column.element())
    }
    try sink(Array("<script type=\"application/json\" id=\"page-data\">".utf8))
    try sink(columns.json.bytes)
    try sink(Array("</script>\n<script type=\"module\">\n".utf8))
    for script in Self.scripts { try sink(script + [UInt8(ascii: "\n")]) }
    try sink(Array("</script>\n</body>\n</html>\n".utf8))
  }

  /// One module, in the order in which it is read.
  private static var scripts: [[UInt8]] {
    [
      PackageResources.common_js, PackageResources.camera_js, PackageResources.history_data_js,
      PackageResources.history_points_js, PackageResources.history_lanes_js,
      PackageResources.axis_js, PackageResources.counterexample_js,
      PackageResources.history_orders_js, PackageResources.history_view_js,
      PackageResources.history_timeline_js, PackageResources.history_marks_js,
      PackageResources.controls_js, PackageResources.history_start_js,
    ]
  }
}
