// A campaign as a page, as JUnit XML and as Markdown, all from the same plain data.

import Bench
import Campaigns
import Mustache

/// What is shown of a campaign, or of a run as a campaign of one.
public struct CampaignReport: Sendable {
  /// A run that counts.
  public struct Row: Sendable {
    /// The workload's name.
    public var workload: String
    /// Build and size: with the workload, the row of the grid.
    public var variant: String
    /// Which of its faults: the column of the grid.
    public var faults: String
    /// What fixed its random choices.
    public var seed: String
    /// In one word.
    public var outcome: String
    /// In one sentence.
    public var summary: String
    /// From its beginning to its end.
    public var seconds: Double
    /// Where it lies.
    public var folder: String
  }

  /// The headline.
  public var title: String
  /// How the campaign stands.
  public var summary: CampaignSummary
  /// The store in which they lie.
  public var store: String
  /// Its runs.
  public var rows: [Row]

  /// The report of a campaign as it stands.
  public init(_ state: CampaignState, folder: CampaignFolder) {
    title = state.campaign.name
    store = folder.store
    summary = CampaignSummary(state, folder: folder)
    rows = state.records.map { run, record in
      let size = run.cell.nodes.map { ", \($0) nodes" } ?? ""
      return Row(
        workload: run.cell.workload, variant: run.cell.build + size,
        faults: run.cell.faults.name, seed: "\(run.seed)", outcome: record.outcome.rawValue,
        summary: record.summary, seconds: record.seconds, folder: record.folder)
    }
  }

  /// One file that loads nothing, and runs nothing. Where it is known in which folder it will lie, runs are
  /// links to their own pages.
  ///
  /// - Throws: `ReportError` when the template is broken.
  public func html(in folder: String? = nil) throws(ReportError) -> String {
    HTMLText.registration
    return try Self.render(PackageResources.campaign_mustache, CampaignPage(of: self, in: folder))
  }

  /// JUnit XML, as CI systems read it: a suite a workload, a case a run. A violation, a crash and a missed
  /// objective are failures; where the bench failed it is an error; what is undecided is skipped.
  ///
  /// - Throws: `ReportError` when the template is broken.
  public func junit() throws(ReportError) -> String {
    XMLText.registration
    return try Self.render(PackageResources.junit_mustache, JUnit(of: self))
  }

  package static func render(_ template: [UInt8], _ content: Any) throws(ReportError) -> String {
    do {
      return try MustacheTemplate(string: String(decoding: template, as: UTF8.self))
        .render(content)
    } catch {
      throw .template(reason: "\(error)")
    }
  }

  /// Markdown for a pull request or a step's summary: the verdict, the findings, the grid.
  public var markdown: String {
    let plain = MarkdownText.plain
    let grid = CampaignGrid(rows)
    var lines = [
      "## Gauntlet: \(plain(title)): \(plain(Badge.outcome(summary.outcome).word))\(summary.isOver ? "" : " so far")",
      "",
      plain(CampaignPage.sentence(summary)), "",
      "Began \(plain(summary.began.map(Address.date) ?? "not yet")) (UTC), \(plain(summary.folder))",
      "",
    ]
    for finding in summary.findings {
      lines.append(
        "- **\(plain(finding.outcome))** `\(finding.fingerprint)` in \(finding.runs.count) of "
          + "\(summary.done) runs: \(plain(finding.summary)) (first run: "
          + "\(plain(finding.runs.first ?? "")))")
    }
    for trouble in summary.troubles {
      lines.append(
        "- \(plain(trouble.outcome)) in \(plain(trouble.run)): \(plain(trouble.summary))")
    }
    if lines.last != "" { lines.append("") }
    lines.append("| workload | \(grid.columns.map(plain).joined(separator: " | ")) |")
    lines.append("|---|\(String(repeating: "---|", count: grid.columns.count))")
    for row in grid.rows {
      let cells = row.cells.map { cell in
        cell.outcome.map { "\(plain($0)) \(cell.count)" } ?? ""
      }
      lines.append("| \(plain(row.name)) | \(cells.joined(separator: " | ")) |")
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

/// The cells of a campaign as a table: workloads, builds and sizes down, faults across.
package struct CampaignGrid: Sendable {
  package struct Place: Sendable {
    /// The outcome that hides all others; nil where nothing was run.
    package var outcome: String?
    /// `3/4`: how many are valid, of how many.
    package var count: String
  }

  package struct Line: Sendable {
    package var name: String
    package var cells: [Place]
  }

  package let columns: [String]
  package let rows: [Line]

  package init(_ runs: [CampaignReport.Row]) {
    func name(_ run: CampaignReport.Row) -> String { "\(run.workload) · \(run.variant)" }
    // None first and all last, as they are read.
    let columns = Set(runs.map(\.faults)).sorted {
      (Self.rank($0), $0) < (Self.rank($1), $1)
    }
    let groups = Dictionary(grouping: runs, by: name)
    rows = groups.keys.sorted().map { line in
      Line(
        name: line,
        cells: columns.map { column in
          let cell = (groups[line] ?? []).filter { $0.faults == column }
          let worst = RunOutcome.worst(
            of: Set(cell.compactMap { RunOutcome(rawValue: $0.outcome) }))
          let valid = cell.count { $0.outcome == RunOutcome.valid.rawValue }
          return Place(
            outcome: worst?.rawValue, count: cell.isEmpty ? "" : "\(valid)/\(cell.count)")
        })
    }
    self.columns = columns
  }

  private static func rank(_ faults: String) -> Int {
    faults == "none" ? 0 : faults == "all" ? 2 : 1
  }
}
