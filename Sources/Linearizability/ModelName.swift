// The models by name, and which of them a history was made for.

import History

/// A model as command lines and headers name it.
public enum ModelName: String, CaseIterable, Sendable {
  /// Reads and writes.
  case register
  /// Reads, writes and compare-and-set.
  case casRegister = "cas-register"

  /// The model that `history` names in its header or, failing that, the simplest one that knows
  /// all its functions.
  ///
  /// - Complexity: linear in the operations.
  /// - Throws: `CheckError` when there is none.
  public static func fitting(_ history: History) throws(CheckError) -> ModelName {
    if let name = history.header.model {
      guard let model = ModelName(rawValue: name) else {
        throw CheckError(reason: .unknownModel(name))
      }
      return model
    }
    var model = ModelName.register
    for operation in history.operations {
      if RegisterModel.functions.contains(operation.function) { continue }
      guard CASRegisterModel.functions.contains(operation.function) else {
        throw CheckError(operation: operation, reason: .noModelFits)
      }
      model = .casRegister
    }
    return model
  }
}
