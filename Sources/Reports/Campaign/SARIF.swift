// A campaign's findings as SARIF 2.1.0, which code-scanning pages show.

import Bench
import Campaigns
import FoundationEssentials

/// The document, as far as it says anything here.
struct SARIF: Encodable {
  struct Text: Encodable { var text: String }

  struct Rule: Encodable {
    var id: String
    var name: String
    var shortDescription: Text
  }

  struct Driver: Encodable {
    var name = "gauntlet"
    var version = Version.text
    var rules: [Rule]
  }

  struct Tool: Encodable { var driver: Driver }

  struct Place: Encodable {
    struct Physical: Encodable {
      struct Artifact: Encodable { var uri: String }
      var artifactLocation: Artifact
    }
    var physicalLocation: Physical
  }

  struct Result: Encodable {
    var ruleId: String
    var level: String
    var message: Text
    var locations: [Place]
    var partialFingerprints: [String: String]
  }

  struct Run: Encodable {
    var tool: Tool
    var results: [Result]
  }

  var schema = "https://json.schemastore.org/sarif-2.1.0.json"
  var version = "2.1.0"
  var runs: [Run]

  enum CodingKeys: String, CodingKey {
    case schema = "$schema"
    case version, runs
  }

  /// A result for each finding; its place is the folder of the first run that shows it.
  init(_ summary: CampaignSummary) {
    let rules = summary.findings.map { finding in
      Rule(
        id: finding.fingerprint, name: finding.outcome,
        shortDescription: Text(text: "\(finding.outcome) in \(finding.runs.count) runs"))
    }
    let results = summary.findings.map { finding in
      Result(
        ruleId: finding.fingerprint,
        level: finding.outcome == RunOutcome.objective.rawValue ? "warning" : "error",
        message: Text(text: finding.summary),
        locations: finding.runs.prefix(1).map { run in
          Place(physicalLocation: .init(artifactLocation: .init(uri: "\(run)/report.html")))
        },
        partialFingerprints: ["gauntlet/v1": finding.fingerprint])
    }
    runs = [Run(tool: Tool(driver: Driver(rules: rules)), results: results)]
  }
}

extension CampaignReport {
  /// SARIF 2.1.0, with a result for each finding.
  ///
  /// - Throws: never for what a campaign holds.
  public func sarif() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(SARIF(summary)), as: UTF8.self) + "\n"
  }
}
