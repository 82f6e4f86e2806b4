// Two runs or two campaigns side by side.

/// What `versus.mustache` renders.
struct VersusPage {
  let first, second: String
  /// Why there is no comparison.
  var problem: String?
  /// The comparison, as `ComparisonReport` has it.
  var comparison: String?
}
