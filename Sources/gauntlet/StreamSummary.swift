// What is printed of a streamed history.

import Bench
import History
import Linearizability

struct StreamSummary {
  let file: String
  let result: StreamResult

  private var reasons: [String] {
    result.keys.compactMap { key in
      let name = key.key.map { "key \($0): " } ?? ""
      switch key.end {
      case .valid: return nil
      case .invalid(let invocation, let completion):
        return "\(name)no order explains what came up to event \(completion), the completion of "
          + "the operation of index \(invocation); all before it can be explained"
      case .unknown(let reason):
        let limit = LimitReached(
          reason: reason, eventsDone: key.eventsDone, eventsInAll: key.eventsInAll)
        return "\(name)\(limit)"
      }
    }
  }

  var text: String {
    let head =
      "\(file): \(result.verdict.rawValue) · \(result.model.rawValue) · sweep, as it came · "
      + "\(Figures.count(result.operations)) operations, \(result.keys.count) "
      + "\(result.keys.count == 1 ? "key" : "keys") · \(Figures.seconds(result.seconds))"
    return ([head] + reasons).joined(separator: "\n")
  }

  private struct Document: Encodable {
    var file: String
    var valid: Validity
    var model: String
    var engine = Engine.sweep.rawValue
    var operations: Int
    var keys: Int
    /// Reading included: events are judged as they come.
    var seconds: Double
    var peakMemoryBytes: Int
    var invalidAt: Int?
    var limit: String?
    var failedCas: String?
  }

  func json() throws -> String {
    let ends = result.keys.lazy.compactMap { key -> Int? in
      guard case .invalid(_, let completion) = key.end else { return nil }
      return completion
    }
    return try JSONOutput.line(
      Document(
        file: file, valid: Validity(result.verdict.rawValue), model: result.model.rawValue,
        operations: result.operations, keys: result.keys.count, seconds: result.seconds,
        peakMemoryBytes: result.peakMemoryBytes, invalidAt: ends.first,
        limit: result.verdict == .unknown ? reasons.first : nil,
        failedCas: result.failedCAS?.meaning.rawValue))
  }
}
