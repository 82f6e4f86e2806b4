// What is compared between runs: each a number of one run's results.

import Bench
import Checkers

/// A figure of a run that two builds are compared by.
public struct Measure: Sendable {
  /// How two values of it are set against each other.
  public enum Scale: String, Sendable, Encodable {
    /// By their ratio.
    case ratio
    /// By their difference.
    case difference
  }

  /// Its name: `latency p99 of write`.
  public let name: String
  /// Its unit; empty for shares.
  public let unit: String
  /// How it is compared.
  public let scale: Scale
  /// Whether more is better.
  public let isMoreBetter: Bool
  /// Its value in a run; nil where the run has none.
  public let value: @Sendable (RunResults) -> Double?

  /// What all runs are compared by, and for each of `functions` its latency.
  static func all(functions: [String]) -> [Measure] {
    let latencies = functions.flatMap { function in
      [
        latency(function, "p50") { $0.p50 }, latency(function, "p99") { $0.p99 },
      ]
    }
    return latencies + [
      Measure(
        name: "processor time an operation", unit: "µs", scale: .ratio, isMoreBetter: false
      ) { results in
        guard let seconds = results.processorSeconds, results.total > 0 else { return nil }
        return seconds / Double(results.total) * 1e6
      },
      Measure(name: "throughput", unit: "/s", scale: .ratio, isMoreBetter: true) { results in
        guard let load = results.phases.first(where: { $0.name == "load" }) else { return nil }
        return load.seconds > 0 ? Double(results.totals.ok) / load.seconds : nil
      },
      Measure(
        name: "share of operations without success", unit: "", scale: .difference,
        isMoreBetter: false
      ) { results in
        guard results.total > 0 else { return nil }
        // A compare-and-set that finds another value has worked.
        let lost = results.functions.first { $0.function == "cas" }?.fail ?? 0
        let without = max(0, results.totals.fail - max(0, lost)) + results.totals.info
        return Double(without) / Double(results.total)
      },
      Measure(
        name: "share of the time without success", unit: "", scale: .difference,
        isMoreBetter: false
      ) { $0.availability.isMeasured ? 1 - $0.availability.available : nil },
      Measure(name: "worst recovery", unit: "s", scale: .ratio, isMoreBetter: false) {
        guard !$0.availability.recoveries.isEmpty else { return nil }
        // What never came back took as long as there was, at least.
        return $0.availability.worstRecovery ?? $0.phases.first { $0.name == "load" }?.seconds
      },
    ]
  }

  private static func latency(
    _ function: String, _ name: String,
    _ quantile: @escaping @Sendable (FunctionFigures.Quantiles) -> Double
  ) -> Measure {
    Measure(
      name: "latency \(name) of \(function)", unit: "ms", scale: .ratio, isMoreBetter: false
    ) { results in
      results.functions.first { $0.function == function }?.latency.map(quantile)
    }
  }
}

extension RunResults {
  fileprivate var total: Int { totals.ok + totals.fail + totals.info }
}
