// Latency: how long answered operations took, by function.

import Histogram
import History

/// Counts and latencies of one function.
public struct FunctionFigures: Equatable, Sendable, Codable {
  /// The function.
  public var function: String
  /// Operations that happened.
  public var ok = 0
  /// Operations that certainly did not.
  public var fail = 0
  /// Operations of unknown outcome.
  public var info = 0
  /// Latencies of the `ok` ones in milliseconds; nil when there were none.
  public var latency: Quantiles?

  /// Some quantiles, in milliseconds.
  public struct Quantiles: Equatable, Sendable, Codable {
    /// The median.
    public var p50: Double
    /// 95 of 100 were faster.
    public var p95: Double
    /// 99 of 100 were faster.
    public var p99: Double
    /// The slowest.
    public var max: Double
  }

  /// The figures of all functions in `history`, by name.
  public static func all(in history: History) -> [FunctionFigures] {
    let byFunction = Dictionary(grouping: history.operations, by: \.function)
    return byFunction.keys.sorted().map { FunctionFigures($0, byFunction[$0]!) }
  }

  private init(_ function: String, _ operations: [Operation]) {
    self.function = function
    // Microseconds, to three digits, up to an hour.
    var histogram = Histogram<UInt32>(
      highestTrackableValue: 3_600_000_000, numberOfSignificantValueDigits: .three)
    for operation in operations {
      switch operation.outcome {
      case .ok: ok += 1
      case .fail: fail += 1
      case .info: info += 1
      }
      guard operation.outcome == .ok, let completedAt = operation.completedAt else { continue }
      let micros = UInt64(max(completedAt - operation.invokedAt, 0) / 1000)
      histogram.record(min(micros, 3_600_000_000))
    }
    guard ok > 0 else { return }
    latency = Quantiles(
      p50: Double(histogram.valueAtPercentile(50)) / 1000,
      p95: Double(histogram.valueAtPercentile(95)) / 1000,
      p99: Double(histogram.valueAtPercentile(99)) / 1000, max: Double(histogram.max) / 1000)
  }
}
