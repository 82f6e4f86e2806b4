// A run's history and results as the page's data.

import Bench
import History
import Workloads

extension RunReport {
  /// The report of a run, from its history and its results.
  public init(
    _ results: RunResults, history: History, workload: Workload, folder: RunFolder
  ) {
    self.init(
      title: "\(workload.load.model) against \(workload.system.rawValue), "
        + "\(workload.nodes) \(workload.nodes == 1 ? "node" : "nodes")",
      outcome: results.outcome.rawValue, verdictLine: Self.headline(results))
    facts = [
      ("Seed", "\(workload.seed.map { "\($0)" } ?? "not recorded")"),
      ("Clients", "\(workload.clients)"),
      ("Rate", workload.rate.map { "\($0) operations a second" } ?? "as fast as they go"),
      ("Keys", "\(workload.load.keys)"),
      ("Build", "sha256 \(results.build)"),
      ("Folder", folder.path),
      ("Repeat", "gauntlet run \(folder.workload)"),
      ("Check again", "gauntlet check \(folder.path)"),
      ("Bench's own worst delay", Figures.seconds(results.worstLag)),
    ]
    facts += results.leftOut.map { ("Left out: \($0.what)", $0.reason) }
    checks = results.checks.map { CheckRow(name: $0.name, verdict: $0.verdict, detail: $0.detail) }
    functions = results.functions.map { row in
      FunctionRow(
        name: row.function, ok: row.ok, fail: row.fail, info: row.info, p50: row.latency?.p50,
        p95: row.latency?.p95, p99: row.latency?.p99, max: row.latency?.max)
    }
    phases = results.phases.map { ($0.name, $0.seconds) }
    operations = history.operations.map { Self.timeline($0, workers: workload.clients) }
    faults = history.faults.map { Self.window($0) }
    leaders = results.leaders.map {
      LeaderChange(time: $0.time, node: $0.node, term: Int(clamping: $0.term))
    }
    counterexample = results.counterexample.map {
      Counterexample(key: $0.key, explanation: $0.explanation, operations: Set($0.operations))
    }
  }

  private static func headline(_ results: RunResults) -> String {
    switch results.outcome {
    case .violation: "The history is not linearizable."
    default: results.summary
    }
  }

  private static func timeline(_ operation: Operation, workers: Int) -> TimelineOperation {
    let completion: Completion =
      switch operation.outcome {
      case .ok: .ok
      case .fail: .fail
      case .info: .info
      }
    return TimelineOperation(
      process: operation.process, worker: operation.process % max(workers, 1),
      function: operation.function, key: operation.key, label: operation.label,
      outcome: completion, start: operation.invokedAt, end: operation.completedAt,
      node: operation.node, error: operation.error, index: operation.invocation)
  }

  private static func window(_ fault: FaultRecord) -> FaultWindow {
    func text(_ names: [String], of details: [Event.Detail]) -> String {
      details.filter { names.contains($0.name) }.map { Self.text($0.value) }
        .joined(separator: ": ")
    }
    let evidence = ["probe", "evidence"]
    return FaultWindow(
      name: fault.kind, detail: text(["shape", "target", "cut", "nodes"], of: fault.details),
      start: fault.start, end: fault.end,
      verified: [text(evidence, of: fault.details), text(evidence, of: fault.endDetails)]
        .filter { !$0.isEmpty }.joined(separator: "; then "))
  }

  private static func text(_ value: Value) -> String {
    switch value {
    case .text(let text): text
    case .list(let members): members.map { text($0) }.joined(separator: ", ")
    case .absent, .integer, .boolean: "\(value)"
    }
  }
}

extension Operation {
  /// The operation as one reads it: `write 12 → ok`, `read → 7`, `cas [1, 2] → fail`.
  fileprivate var label: String {
    let call = argument == .absent ? function : "\(function) \(argument)"
    switch outcome {
    case .ok: return function == "read" ? "\(call) → \(result)" : "\(call) → ok"
    case .fail: return "\(call) → fail"
    case .info: return "\(call) → info"
    }
  }
}
