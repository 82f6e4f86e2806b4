// Availability: what share succeeded, how long nothing did, and how fast the system came back.

import History

/// How available the system was.
public struct Availability: Equatable, Sendable, Codable {
  /// The share of the time that was not part of an outage: of a gap between successes that is
  /// longer than 200 ms and than ten times the mean gap.
  public var available: Double
  /// Whether anything was asked of the system at all; the other figures mean nothing if not.
  public var isMeasured: Bool
  /// The longest time in which nothing succeeded, in seconds.
  public var longestGap: Double
  /// The longest time in which a function was called and did not succeed, in seconds, by function; nil in
  /// what was stored before it was measured.
  public var functionGaps: [String: Double]?
  /// The recovery after each fault, in the order of the faults.
  public var recoveries: [Recovery]

  /// How fast the system came back after one fault.
  public struct Recovery: Equatable, Sendable, Codable {
    /// The fault's number.
    public var fault: Int
    /// Its kind.
    public var kind: String
    /// From its end until each function had succeeded again, in seconds; nil when one never did.
    public var seconds: Double?
  }

  /// The worst recovery in seconds; nil when the system never came back after a fault.
  public var worstRecovery: Double? {
    var worst = 0.0
    for recovery in recoveries {
      guard let seconds = recovery.seconds else { return nil }
      worst = max(worst, seconds)
    }
    return worst
  }

  /// Judges `history`. Linear in its length, times the number of faults.
  public init(of history: History) {
    isMeasured = !history.operations.isEmpty
    let completed = history.operations.filter { $0.completion != nil }
    var successes = completed.compactMap { $0.outcome == .ok ? $0.completedAt : nil }.sorted()
    let start = history.operations.first?.invokedAt ?? 0
    let length = max(history.endTime - start, 1)
    successes.append(history.endTime)
    let outage = max(200_000_000, 10 * length / Int64(successes.count))
    var last = start
    var longest: Int64 = 0
    var unavailable: Int64 = 0
    for time in successes {
      longest = max(longest, time - last)
      if time - last > outage { unavailable += time - last }
      last = time
    }
    available = 1 - Double(unavailable) / Double(length)
    longestGap = Self.seconds(longest)
    functionGaps = Dictionary(grouping: completed, by: \.function).mapValues { operations in
      Self.seconds(Self.longestGap(operations))
    }
    recoveries = history.faults.compactMap { fault in
      guard let end = fault.end else { return nil }
      return Recovery(
        fault: fault.number, kind: fault.kind, seconds: Self.recovery(after: end, in: completed))
    }
  }

  /// The longest time from which on somebody waited for a success until there was one: time in which nobody
  /// asks says nothing of the system.
  private static func longestGap(_ operations: [Operation]) -> Int64 {
    enum Change: Int { case success, failure, call }
    var changes: [(time: Int64, change: Change)] = []
    for operation in operations {
      changes.append((operation.invokedAt, .call))
      guard let completed = operation.completedAt else { continue }
      changes.append((completed, operation.outcome == .ok ? .success : .failure))
    }
    changes.sort { ($0.time, $0.change.rawValue) < ($1.time, $1.change.rawValue) }
    var longest: Int64 = 0
    var waiting = 0
    var since: Int64?
    for (time, change) in changes {
      if let since { longest = max(longest, time - since) }
      switch change {
      case .call:
        waiting += 1
        since = since ?? time
      case .failure: waiting -= 1
      case .success:
        waiting -= 1
        since = waiting > 0 ? time : nil
      }
    }
    return longest
  }

  /// Functions that never succeeded at all say nothing about a fault.
  private static func recovery(after end: Int64, in completed: [Operation]) -> Double? {
    let functions = Set(completed.filter { $0.outcome == .ok }.map(\.function))
    var worst: Int64 = 0
    for function in functions {
      // An operation that began before the end may have succeeded without any recovery.
      let first = completed.lazy
        .filter { $0.function == function && $0.outcome == .ok && $0.invokedAt >= end }
        .compactMap(\.completedAt).min()
      guard let first else { return nil }
      worst = max(worst, first - end)
    }
    return seconds(worst)
  }

  private static func seconds(_ nanoseconds: Int64) -> Double { Double(nanoseconds) / 1e9 }
}
