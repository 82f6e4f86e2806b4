// What makes two findings one: the same anomaly of the same model, told in the same words but for names
// and numbers.

import Bench
import Checksum
import FoundationEssentials

/// Names for findings, the same in every run that shows the same one.
public enum Fingerprint {
  /// The fingerprint of what `results` found under `model`, twelve hexadecimal digits; nil when nothing
  /// was found.
  ///
  /// Which faults were on is not part of it: one bug shows itself under several. Neither are keys, values,
  /// nodes, terms and times, nor the words after the anomaly's name, which tell of one history.
  public static func of(_ results: RunResults, model: String) -> String? {
    guard let pattern = pattern(of: results) else { return nil }
    return String(sha256(of: Data("\(model)\n\(pattern)".utf8)).prefix(12))
  }

  /// What the fingerprint is taken of, in words.
  static func pattern(of results: RunResults) -> String? {
    func detail(_ name: String) -> String {
      results.checks.first { $0.name == name }?.detail ?? ""
    }
    switch results.outcome {
    case .violation where results.verdict == "invalid":
      return "violation: \(results.counterexample?.anomaly ?? "not linearizable")"
    case .violation: return "violation: two leaders in one term"
    case .crash:
      let ends = Set(results.crashes.map(plain)).sorted().joined(separator: "; ")
      return "crash: \(ends)"
    case .objective:
      let missed = Objective.missed(in: detail("availability"))
      return "objective: \(Objective.allCases.first(where: missed.contains)?.rawValue ?? "")"
    case .inconclusive, .benchFailure, .interrupted, .valid: return nil
    }
  }

  /// `text` without what differs from run to run: numbers become `#`.
  static func plain(_ text: String) -> String {
    var plain = ""
    for character in text {
      if !character.isNumber {
        plain.append(character)
      } else if plain.last != "#" {
        plain.append("#")
      }
    }
    return plain
  }
}
