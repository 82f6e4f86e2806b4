// What the JSON that scripts read looks like, for those that want to check it or make types of it.

/// The form of one kind of object that commands print or store, as a JSON Schema (draft 2020-12).
public enum JSONSchema: String, Sendable, CaseIterable {
  /// What `gauntlet run --json` prints.
  case run
  /// A run's `results.json`.
  case results
  /// What `gauntlet campaign --json` and `gauntlet report` print of a campaign.
  case campaign
  /// What `gauntlet compare` prints and writes.
  case comparison
  /// What `gauntlet runs` prints of each run.
  case entry

  /// The schema, ending in a new line.
  public var text: String {
    let bytes =
      switch self {
      case .run: PackageResources.run_schema_json
      case .results: PackageResources.results_schema_json
      case .campaign: PackageResources.campaign_schema_json
      case .comparison: PackageResources.comparison_schema_json
      case .entry: PackageResources.entry_schema_json
      }
    return String(decoding: bytes, as: UTF8.self)
  }
}
