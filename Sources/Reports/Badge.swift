// How an outcome is shown: a word, a shape and a tone, so that colour is never the only sign.

/// What the template needs to draw a badge.
package struct Badge: Sendable {
  package let word: String
  /// A CSS class: `good`, `bad`, `warn` or `quiet`.
  package let tone: String
  /// The outline of an SVG path in a 24 × 24 box.
  package let outline: String
  /// The strokes upon the outline.
  package let strokes: String

  /// The badge of a run's outcome.
  package static func outcome(_ outcome: String) -> Badge {
    switch outcome {
    case "valid":
      Badge(word: "Valid", tone: "good", outline: circle, strokes: "M7 12.5l3.4 3.4L17 8.8")
    case "violation":
      Badge(
        word: "Violation", tone: "bad", outline: octagon,
        strokes: "M8.2 8.2l7.6 7.6m0-7.6l-7.6 7.6")
    case "crash":
      Badge(word: "Crash", tone: "bad", outline: triangle, strokes: "M12 9v5m0 2.6v.6")
    case "objective":
      Badge(
        word: "Objective missed", tone: "warn", outline: diamond, strokes: "M12 7v6m0 3v.6")
    case "inconclusive":
      Badge(word: "Inconclusive", tone: "quiet", outline: circle, strokes: question)
    case "bench-failure":
      Badge(
        word: "Bench failure", tone: "warn", outline: square, strokes: "M12 7v6m0 3v.6")
    case "interrupted":
      Badge(word: "Interrupted", tone: "quiet", outline: square, strokes: "M9.5 8v8m5-8v8")
    default:
      Badge(word: outcome, tone: "quiet", outline: circle, strokes: question)
    }
  }

  /// The badge of a checker's verdict.
  package static func verdict(_ verdict: String) -> Badge {
    switch verdict {
    case "valid": Badge(outcome("valid"), word: "valid")
    case "invalid": Badge(outcome("violation"), word: "invalid")
    default: Badge(outcome("inconclusive"), word: verdict)
    }
  }

  private static let circle = "M12 2a10 10 0 1 0 .01 0z"
  private static let octagon = "M8 2h8l6 6v8l-6 6H8l-6-6V8z"
  private static let triangle = "M12 2.5L23 21.5H1z"
  private static let diamond = "M12 1l11 11-11 11L1 12z"
  private static let square = "M3 3h18v18H3z"
  private static let question = "M9 9.6a3 3 0 1 1 4.2 2.8c-.8.4-1.2.9-1.2 1.8m0 2.6v.6"
}

extension Badge {
  private init(_ badge: Badge, word: String) {
    self.init(word: word, tone: badge.tone, outline: badge.outline, strokes: badge.strokes)
  }
}
