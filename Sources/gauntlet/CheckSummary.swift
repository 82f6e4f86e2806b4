// What is printed of a checked history: some lines for people, one object for scripts.

import Bench
import History
import Linearizability

struct CheckSummary {
  let file: String
  let result: CheckResult
  /// The state before the first operation.
  let initial: Value

  var text: String {
    let head =
      "\(file): \(result.verdict.rawValue) · \(result.model.rawValue) · "
      + "\(Figures.count(result.operations)) operations, \(result.keys.count) "
      + "\(result.keys.count == 1 ? "key" : "keys") · \(Figures.seconds(result.seconds))"
    switch result.verdict {
    case .valid: return head
    case .invalid:
      return result.counterexample.map { "\(head)\n\n\($0.explanation)" } ?? head
    case .unknown:
      let limits = result.keys.compactMap { key in
        key.limit.map { "\(key.key.map { "key \($0): " } ?? "")\($0)" }
      }
      return ([head] + limits).joined(separator: "\n")
    }
  }

  private struct Document: Encodable {
    var file: String
    var valid: Validity
    var model: String
    var engine: String
    var operations: Int
    var keys: Int
    var seconds: Double
    var peakMemoryBytes: Int
    var limit: String?
    var counterexample: CounterexampleDocument?
  }

  func json() throws -> String {
    try JSONOutput.line(
      Document(
        file: file, valid: Validity(result.verdict.rawValue), model: result.model.rawValue,
        engine: result.engines.map(\.rawValue).joined(separator: "+"),
        operations: result.operations, keys: result.keys.count,
        seconds: result.seconds, peakMemoryBytes: result.peakMemoryBytes,
        limit: result.keys.lazy.compactMap(\.limit).first.map { "\($0)" },
        counterexample: result.counterexample.map {
          CounterexampleDocument($0, model: result.model, initial: initial)
        }))
  }
}
