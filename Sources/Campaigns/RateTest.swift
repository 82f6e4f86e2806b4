// Whether a finding shows itself as often as it should, by as few runs as tell. Pure: what is run is for
// others to see to.

import Glibc

/// A test that goes on until it can say whether runs show a finding with a chance of `rate`, or of half of it
/// at most (sequential probability ratio test, Wald 1945).
///
/// Without a limit on how rarely a smaller reproduction may show the finding, shrinking ends with one that
/// shows it now and then: every step loses a little.
struct RateTest {
  private let rate: Double
  private let error: Double
  private var hits = 0
  private var misses = 0

  /// A test that errs the less the smaller `error` is: with 0.05 it refuses what shows the finding with a
  /// chance of `rate` one time of five, rarely what shows it more often, and takes what shows it half as often
  /// one time of six. It takes some 8 runs for a rate of 0.6, and 70 for one of 0.1.
  init(rate: Double, error: Double) {
    precondition(rate > 0 && rate <= 1 && error > 0 && error < 1, "rate \(rate), error \(error)")
    // A finding of every run may be missed once, too; and with an error above this, nothing would be asked.
    (self.rate, self.error) = (min(rate, 0.95), min(error, 0.4))
  }

  /// Takes in one more run.
  mutating func add(isShown: Bool) {
    if isShown { hits += 1 } else { misses += 1 }
  }

  /// Whether the finding shows itself often enough; nil as long as that cannot be said.
  var verdict: Bool? {
    let evidence =
      Double(hits) * log(2) + Double(misses) * log((1 - rate) / (1 - rate / 2))
    let wrong = min(2 * error, 0.5)
    if evidence >= log((1 - error) / wrong) { return true }
    if evidence <= log(error / (1 - wrong)) { return false }
    let untilMissed = log(error) / log(1 - rate)
    if hits == 0, Double(misses) >= untilMissed { return false }
    // What is between the two would take many runs, and is as good as either.
    return Double(hits + misses) >= 4 * max(2, untilMissed) ? evidence >= 0 : nil
  }
}
