// A campaign's figures for Prometheus.

import Bench
import Campaigns
import FoundationEssentials

extension CampaignReport {
  /// The text format of Prometheus, for a node exporter's folder of text files.
  public var prometheus: String {
    let name = Self.label(title)
    var lines = [
      "# HELP gauntlet_campaign_runs Runs of the campaign that ended so.",
      "# TYPE gauntlet_campaign_runs gauge",
    ]
    for outcome in RunOutcome.allCases {
      let count = summary.outcomes[outcome.rawValue] ?? 0
      lines.append(
        "gauntlet_campaign_runs{campaign=\"\(name)\",outcome=\"\(outcome.rawValue)\"} \(count)")
    }
    var figures = [
      ("runs_left", "Runs that are still to be done.", Double(summary.left)),
      ("findings", "Different findings.", Double(summary.findings.count)),
      (
        "retries", "Runs in which the bench failed and that were tried again.",
        Double(summary.retried)
      ),
      ("load_seconds", "Seconds under load, of all runs together.", summary.loadSeconds),
    ]
    if let began = summary.began.flatMap({ RunFolder.date($0) }) {
      figures.append(
        ("start_timestamp_seconds", "When it began, since 1970.", began.timeIntervalSince1970))
    }
    for (metric, help, value) in figures {
      lines += [
        "# HELP gauntlet_campaign_\(metric) \(help)", "# TYPE gauntlet_campaign_\(metric) gauge",
        "gauntlet_campaign_\(metric){campaign=\"\(name)\"} \(value)",
      ]
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func label(_ text: String) -> String {
    text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
  }
}
