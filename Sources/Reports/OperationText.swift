// An operation as one reads it in a drawing: `write 12`, `read → 7`, `cas [1, 2] → fail`.
// `Resources/history-data.js` says the same (`labelOf`).

import History

extension Operation {
  /// Function, argument, result; `→ ?` where nobody knows the outcome.
  var drawnText: String {
    let call = argument == .absent ? function : "\(function) \(argument)"
    switch outcome {
    case .info: return "\(call) → ?"
    case .fail:
      if let observed { return "\(call) → fail, saw \(observed)" }
      return differs ? "\(call) → fail, the state differed" : "\(call) → fail"
    case .ok:
      let isSilent = function == "acquire" || function == "release"
      let says = argument == .absent ? result != .absent || !isSilent : result != .absent
      return says && result != argument ? "\(call) → \(result)" : call
    }
  }
}
