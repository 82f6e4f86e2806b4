// All that the page of one run shows, as plain data.
// Not here: the rows' types (RunReport+Rows.swift), the page (Page.swift), the drawings' data
// (DrawingData.swift).

/// One run as a self-contained page; knows nothing of how the run was made or judged.
public struct RunReport: Sendable {
  /// The headline, such as "register against raft-node, 5 nodes".
  public var title: String
  /// `valid`, `violation`, `crash`, `objective`, `inconclusive`, `bench-failure` or `interrupted`.
  /// Another word is shown as it is, with the sign of `inconclusive`.
  public var outcome: String
  /// The verdict in one plain sentence.
  public var verdictLine: String
  /// Seed, builds, start, folder, the command that repeats the run.
  public var facts: [(name: String, value: String)] = []
  /// What each checker said.
  public var checks: [CheckRow] = []
  /// Counts and latencies by function. The key figures are their sums.
  public var functions: [FunctionRow] = []
  /// How long each phase of the run took.
  public var phases: [(name: String, seconds: Double)] = []
  /// Every operation, in any order.
  public var operations: [TimelineOperation] = []
  /// The faults, in any order.
  public var faults: [FaultWindow] = []
  /// Who led from when on, in any order.
  public var leaders: [LeaderChange] = []
  /// Why the history is not linearizable, if it is not.
  public var counterexample: Counterexample?

  /// A report with a headline and a verdict, to be filled.
  public init(title: String, outcome: String, verdictLine: String) {
    self.title = title
    self.outcome = outcome
    self.verdictLine = verdictLine
  }

  /// Renders the page: one file that loads nothing, for any browser of the last years.
  ///
  /// - Parameter nonce: what a server's policy asks of scripts and styles; nil for a file.
  /// - Complexity: O(n log n) in the operations; about 80 bytes of page for each.
  /// - Throws: `ReportError` if an operation ends before it starts.
  public func html(nonce: String? = nil) throws(ReportError) -> String {
    try Page(of: self, nonce: nonce).html()
  }
}
