// What is printed of a checked history: some lines for people, one object for scripts.

import Bench
import History
import Linearizability
import Reports

#if canImport(Glibc)
  import Glibc
#endif

struct CheckSummary {
  let file: String
  let result: CheckResult
  let history: History
  let check: Check
  /// Whether the model was found and not named.
  let isModelFound: Bool

  /// The state before the first operation.
  private var initial: Value { check.initial ?? history.header.initial }

  /// Every command names a model or finds one.
  private var modelName: String { result.model?.rawValue ?? "" }

  private var engines: String { result.engines.map(\.rawValue).joined(separator: "+") }

  /// What was assumed, where it matters.
  private var assumptions: [String] {
    var lines: [String] = []
    if isModelFound, history.header.model == nil {
      lines.append(
        "The model is \(modelName), by the functions; --model names another.")
    }
    if let reading = history.failedCAS {
      let what =
        reading.meaning == .differs
        ? "that the value was another" : "nothing about the value"
      lines.append(
        "A failed compare-and-set says \(what) (--failed-cas \(reading.meaning.rawValue)"
          + "\(reading.isDefault ? ", as the format has it" : "")).")
    }
    return lines
  }

  /// The page that shows it.
  var page: HistoryPage {
    let (history, check, model) = (history, check, result.model)
    return HistoryPage(
      history: history, result: result, file: file, notes: assumptions,
      initial: initial.description,
      states: { key in
        // What this throws was thrown while the history was checked.
        (try? model.map { try check.states(of: key, in: history, model: $0) }) ?? AnySequence([])
      },
      orders: { counterexample in
        counterexample.orders.map { order in
          HistoryPage.Order(
            operations: order.operations, states: order.states, due: order.due,
            candidates: order.candidates.map {
              HistoryPage.Candidate(
                operation: $0.operation, isPossible: $0.isPossible, reason: $0.reason)
            })
        }
      })
  }

  var text: String {
    let head = ([headline] + assumptions).joined(separator: "\n")
    switch result.verdict {
    case .valid: return head
    case .invalid:
      guard let found = result.counterexample else { return head }
      let drawing = TerminalDrawing(counterexample: found, width: Terminal.width)
      return "\(head)\n\n\(drawing.text)\n\n\(found.explanation)"
    case .unknown:
      let limits = result.keys.compactMap { key in
        key.limit.map { "\(key.key.map { "key \($0): " } ?? "")\($0)" }
      }
      return ([head] + limits).joined(separator: "\n")
    }
  }

  private var headline: String {
    "\(file): \(result.verdict.rawValue) · \(modelName) · \(engines) · "
      + "\(Figures.count(result.operations)) operations, \(result.keys.count) "
      + "\(result.keys.count == 1 ? "key" : "keys") · \(Figures.seconds(result.seconds))"
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
    /// Making the counterexample small and explaining it.
    var shrinkingSeconds: Double
    var format: String
    var failedCas: String?
    var notes: [String]
    var limit: String?
    var counterexample: CounterexampleDocument?
  }

  func json() throws -> String {
    try JSONOutput.line(
      Document(
        file: file, valid: Validity(result.verdict.rawValue), model: modelName,
        engine: engines,
        operations: result.operations, keys: result.keys.count,
        seconds: result.seconds, peakMemoryBytes: result.peakMemoryBytes,
        shrinkingSeconds: result.keys.reduce(0) { $0 + $1.shrinkingSeconds },
        format: history.format.rawValue, failedCas: history.failedCAS?.meaning.rawValue,
        notes: history.notes,
        limit: result.keys.lazy.compactMap(\.limit).first.map { "\($0)" },
        counterexample: result.counterexample.map {
          CounterexampleDocument(
            $0,
            header: Header(
              model: modelName, initial: $0.initial ?? initial,
              capacity: check.capacity ?? history.header.capacity))
        }))
  }
}

/// The terminal that results are printed on.
enum Terminal {
  /// Columns; 100 where it is none.
  static var width: Int {
    var size = winsize()
    guard ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 100 }
    return Int(size.ws_col)
  }
}
