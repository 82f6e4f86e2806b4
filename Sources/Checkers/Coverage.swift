// Coverage: whether a run did enough to mean something.

import History

/// What a run left untested.
public struct Coverage: Equatable, Sendable, Codable {
  /// What was missing, a sentence each; empty when the run means something.
  public var missing: [String]

  /// Judges `history`: each of `functions` must have succeeded before, during and after the faults,
  /// and each kind of `faults` must have taken hold; `obstacles` has why one did not, by kind.
  public init(
    of history: History, functions: [String], faults: Set<String>, obstacles: [String: String] = [:]
  ) {
    missing = []
    for kind in faults.subtracting(history.faults.map(\.kind)).sorted() {
      missing.append("no \(kind) took hold" + (obstacles[kind].map { ": \($0)" } ?? ""))
    }
    let succeeded = history.operations.filter { $0.outcome == .ok && $0.completedAt != nil }
    for function in functions {
      let own = succeeded.filter { $0.function == function }
      guard !own.isEmpty else {
        missing.append("no \(function) succeeded")
        continue
      }
      guard let first = history.faults.first?.start,
        let last = history.faults.map({ $0.end ?? .max }).max()
      else { continue }
      if !own.contains(where: { $0.completedAt! <= first }) {
        missing.append("no \(function) succeeded before the first fault")
      }
      if !own.contains(where: { operation in
        history.faults.contains { Self.overlaps(operation, $0) }
      }) {
        missing.append("no \(function) succeeded during a fault")
      }
      if !own.contains(where: { $0.invokedAt >= last }) {
        missing.append("no \(function) succeeded after the last fault")
      }
    }
  }

  private static func overlaps(_ operation: Operation, _ fault: FaultRecord) -> Bool {
    operation.completedAt! >= fault.start && operation.invokedAt <= fault.end ?? .max
  }
}
