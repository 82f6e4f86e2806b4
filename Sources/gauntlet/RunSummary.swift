// What is printed of a run: ten lines for people, one object for scripts.

import Bench
import FoundationEssentials
import Nemesis
import Workloads

struct RunSummary {
  let results: RunResults
  let workload: Workload
  let folder: RunFolder
  let repeats: UInt64

  var text: String {
    let totals = results.totals
    let functions = results.functions.map { row in
      "\(row.function) \(Figures.count(row.ok)) ok \(row.fail) fail \(row.info) info"
    }
    let latencies = results.functions.compactMap { row in
      row.latency.map { "\(row.function) \($0.p50)/\($0.p99)/\($0.max)" }
    }
    let availability = results.checks.first { $0.name == "availability" }?.detail ?? "not checked"
    let phases = results.phases.map { "\($0.name) \(Figures.seconds($0.seconds))" }
    return """
      verdict       \(results.outcome.rawValue): \(results.summary)
      system        \(workload.system.rawValue), \(workload.nodes) \(workload.nodes == 1 ? "node" : "nodes"), \(workload.clients) clients, seed \(repeats)
      operations    \(Figures.count(totals.ok + totals.fail + totals.info)): \(functions.joined(separator: " · "))
      latency ms    p50/p99/max \(latencies.joined(separator: " · "))
      availability  \(availability)
      faults        \(faults)
      leaders       \(leaders)
      phases        \(phases.joined(separator: " · "))
      run           \(folder.path)
      report        \(folder.report)
      """
  }

  private var faults: String {
    let installed = results.faults.filter { $0.result == .installed }
    guard !results.faults.isEmpty else { return "none" }
    let kinds = Dictionary(grouping: installed, by: \.kind).sorted { $0.key < $1.key }
      .map { "\($0.value.count) \($0.key)" }
    let line =
      installed.isEmpty
      ? "none took hold"
      : "\(installed.count) installed and verified: \(kinds.joined(separator: ", "))"
    let skipped = results.leftOut
    guard !skipped.isEmpty else { return line }
    let lines = skipped.prefix(8).map { "\n  left out    \($0.what): \($0.reason)" }
    let more = skipped.count - lines.count
    return line + lines.joined()
      + (more > 0 ? "\n  left out    \(more) more: see results.json" : "")
  }

  private var leaders: String {
    let seen = results.leaders.compactMap { seen in seen.node.map { "\($0) (term \(seen.term))" } }
    return seen.isEmpty ? "none seen" : seen.joined(separator: " → ")
  }

  private struct Counts: Encodable {
    var ok: Int
    var fail: Int
    var info: Int
  }

  private struct Operations: Encodable {
    var ok: Int
    var fail: Int
    var info: Int
    var byFunction: [String: Counts]
  }

  private struct Document: Encodable {
    /// Of its form: `gauntlet report --schema run` has what it is.
    let version = 1
    var valid: Validity
    var outcome: String
    var summary: String
    var operations: Operations
    var faults: [FaultOutcome]
    var phases: [String: Double]
    var seed: UInt64
    var run: String
    var report: String
    var counterexample: RunResults.StoredCounterexample?
    var problems: [String]
    var missing: [String]
  }

  func json() throws -> String {
    let totals = results.totals
    let byFunction = results.functions.map {
      ($0.function, Counts(ok: $0.ok, fail: $0.fail, info: $0.info))
    }
    let document = Document(
      valid: Validity(results), outcome: results.outcome.rawValue,
      summary: results.summary,
      operations: Operations(
        ok: totals.ok, fail: totals.fail, info: totals.info,
        byFunction: Dictionary(uniqueKeysWithValues: byFunction)),
      faults: results.faults,
      phases: Dictionary(results.phases.map { ($0.name, $0.seconds) }, uniquingKeysWith: +),
      seed: repeats, run: folder.path, report: folder.report,
      counterexample: results.counterexample, problems: results.problems,
      missing: results.missing)
    return try JSONOutput.line(document)
  }
}

/// `true`, `false` or `"unknown"`.
struct Validity: Encodable {
  private let verdict: String

  init(_ verdict: String) { self.verdict = verdict }

  /// A run is valid only as a whole: a script that looks no further must not be misled.
  init(_ results: RunResults) {
    switch results.outcome {
    case .valid: verdict = "valid"
    case .violation, .crash, .objective: verdict = "invalid"
    case .inconclusive, .benchFailure, .interrupted: verdict = "unknown"
    }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch verdict {
    case "valid": try container.encode(true)
    case "invalid": try container.encode(false)
    default: try container.encode("unknown")
    }
  }
}

/// One object on one line, its keys in order.
enum JSONOutput {
  static func line(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }
}
