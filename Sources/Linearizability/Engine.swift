// The engines by name.

/// How a verdict was found.
public enum Engine: String, CaseIterable, Sendable {
  /// An exact algorithm for the data type, without a search.
  case monitor
  /// The depth-first search.
  case wingGong = "wing-gong"
  /// The breadth-first sweep.
  case sweep
}
