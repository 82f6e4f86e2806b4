// The engines by name, and which of them a check may use.

/// How a verdict was found.
public enum Engine: String, CaseIterable, Sendable {
  /// An exact algorithm for the data type, without a search.
  case monitor
  /// The depth-first search.
  case wingGong = "wing-gong"
  /// The breadth-first sweep.
  case sweep
}

/// Which engine a check uses: all in turn, as it fits, or one alone.
enum EngineChoice: Sendable, Equatable {
  case automatic
  case only(Engine)

  func allows(_ engine: Engine) -> Bool { self == .automatic || self == .only(engine) }
}
