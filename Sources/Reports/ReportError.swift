// Why a report could not be made.

/// What keeps a report from being rendered.
public enum ReportError: Error, Equatable, CustomStringConvertible {
  /// The operation invoked at `index` ends before it starts, so it cannot be drawn.
  case endsBeforeStart(index: Int)
  /// The result names an operation that the history does not have.
  case unknownOperation(index: Int)
  /// The page's own template is broken: a bug of this library.
  case template(reason: String)

  /// The line to show.
  public var description: String {
    switch self {
    case .endsBeforeStart(let index):
      "operation \(index) ends before it starts; was its history recorded with one clock?"
    case .unknownOperation(let index):
      "the history has no operation with invocation \(index); is the result that of another one?"
    case .template(let reason):
      "the report's own template is broken (\(reason)); please report this as a bug of gauntlet"
    }
  }
}
