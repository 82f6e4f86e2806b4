// Why a history cannot be judged at all: which operation, what is wrong, what to do.

import History

/// A history that no verdict can be given on. Its text is one line: where, what, remedy.
public struct CheckError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Index of the invocation at fault; nil when it is the history as a whole.
  public var index: Int?
  /// The function of that operation.
  public var function: String?
  /// What is wrong.
  public var reason: Reason

  /// What is wrong with a history, to a checker.
  public enum Reason: Equatable, Sendable {
    /// The model has no such function.
    case unknownFunction(model: String, known: [String])
    /// A value that means nothing to the function.
    case shape(expected: String, found: Value)
    /// A model that this version does not know.
    case unknownModel(String)
    /// More than one model knows all functions, and the values do not tell which is meant.
    case ambiguous([ModelName])
    /// A start that the model knows no state for.
    case initial(expected: String, found: Value)
    /// A semaphore of which nobody says how many it lets in.
    case noCapacity
    /// A stream is judged from its first event on, so its model must be named.
    case streamWithoutModel
    /// No model knows all functions of the history.
    case noModelFits
  }

  /// An error with `reason`, about the operation invoked at `index` if given.
  public init(index: Int? = nil, function: String? = nil, reason: Reason) {
    self.index = index
    self.function = function
    self.reason = reason
  }

  /// An error with `reason` about `operation`.
  init(operation: Operation, reason: Reason) {
    self.init(index: operation.invocation, function: operation.function, reason: reason)
  }

  /// One line: the operation, what, remedy.
  public var description: String {
    let models = ModelName.allCases.map(\.rawValue).joined(separator: ", ")
    let place = index.map { "operation \($0) (\(function ?? "?")): " } ?? ""
    return switch reason {
    case .unknownFunction(let model, let known):
      "\(place)\(model) knows only \(known.joined(separator: ", ")); "
        + "choose another of the models \(models)"
    case .shape(let expected, let found):
      "\(place)\(expected) was due, not \(found); "
        + "if values are [key, value] pairs, read the history as one of independent keys"
    case .unknownModel(let name):
      "no model is called \"\(name)\"; choose one of \(models)"
    case .ambiguous(let names):
      "\(place)\(names.map(\.rawValue).joined(separator: ", ")) know all functions of this "
        + "history; say which is meant with --model"
    case .initial(let expected, let found):
      "\(expected) was due as the initial state, not \(found)"
    case .noCapacity:
      "how many does the semaphore let in? say so with --capacity or in the header"
    case .streamWithoutModel:
      "a stream is judged from its first event on; name its model with --model or in its header"
    case .noModelFits:
      "\(place)no model knows all functions of this history; choose one of \(models)"
    }
  }
}
