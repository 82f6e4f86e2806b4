// gauntlet report: a campaign as a page, as JUnit XML, as Markdown, as JSON.

import ArgumentParser
import Bench
import Campaigns
import FoundationEssentials
import Hosts
import Reports

extension JSONSchema: ExpressibleByArgument {}

struct ReportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Render a campaign: a page, JUnit XML, Markdown and more; or pack a run.",
    discussion: """
      A run's page lies in its folder. Several forms can be written at once; the
      ending of each file says which: .html, .xml (JUnit), .md, .sarif, .prom
      (Prometheus), .json.

      EXAMPLES
        gauntlet report latest --output campaign.html --output junit.xml
        gauntlet report nightly-20261128T020000 --output summary.md
        gauntlet report latest --format markdown >> "$GITHUB_STEP_SUMMARY"
        gauntlet report runs/latest --bundle bug.tar.gz    # a run, to be replayed
        gauntlet report --schema campaign                  # of what --json prints
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable {
    case html, junit, markdown, sarif, prometheus, json

    /// The form of a file of that name.
    init?(ending path: String) {
      switch path.split(separator: ".").last {
      case "html": self = .html
      case "xml": self = .junit
      case "md": self = .markdown
      case "sarif": self = .sarif
      case "prom": self = .prometheus
      case "json": self = .json
      default: return nil
      }
    }
  }

  @Argument(help: "The campaign's name or folder; with --bundle a run's folder.")
  var campaign: String = "latest"

  @Option(help: "A file to write; may be given several times. Standard output if left out.")
  var output: [String] = []

  @Option(help: "What is printed when there is no --output.")
  var format: Format = .markdown

  @Option(help: "Pack a run into this file (.tar.gz), with its program if it is still there.")
  var bundle: String?

  @Option(
    help: "With --bundle: the program that the run tested; where its run.yaml says if left out.")
  var build: String?

  @Option(help: "Print the JSON Schema of what other commands print or store, and nothing else.")
  var schema: JSONSchema?

  @OptionGroup var store: StoreOption

  func validate() throws {
    if let bundle, ![".tar.gz", ".tgz"].contains(where: bundle.hasSuffix) {
      throw ValidationError("--bundle \(bundle): end it with .tar.gz.")
    }
    for path in output where Format(ending: path) == nil {
      throw ValidationError(
        "--output \(path): end it with .html, .xml, .md, .sarif, .prom or .json.")
    }
  }

  func run() async throws {
    do {
      if let schema { return print(schema.text, terminator: "") }
      if let bundle {
        let run = try store.run(campaign)
        var program = build
        // What is left of a run whose program is gone is still worth sending.
        if program == nil { program = try? run.program(orElse: OwnProgram.sibling("raft-node")) }
        try await RunBundle.write(run, build: program, to: bundle)
        return print(
          "\(bundle): \(run.path), \(program.map { "with \($0)" } ?? "without its program")")
      }
      let folder = try CampaignFolder.find(campaign, in: store.path)
      let report = CampaignReport(try folder.state(), folder: folder)
      if output.isEmpty { print(try Self.render(report, as: format), terminator: "") }
      for path in output {
        guard let format = Format(ending: path) else { continue }
        let text = try Self.render(report, as: format, to: path)
        try RunFolder.write(Data(text.utf8), to: path)
      }
    } catch {
      throw Failure.report(error)
    }
  }

  private static func render(
    _ report: CampaignReport, as format: Format, to path: String? = nil
  ) throws -> String {
    switch format {
    case .html:
      try report.html(in: path.map { URL(filePath: $0).deletingLastPathComponent().path })
    case .junit: try report.junit()
    case .markdown: report.markdown
    case .sarif: try report.sarif()
    case .prometheus: report.prometheus
    case .json: try JSONOutput.line(report.summary) + "\n"
    }
  }
}
