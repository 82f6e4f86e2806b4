// A campaign's page, JUnit XML and Markdown: what they say, and that nothing breaks out of them.

import Foundation
import Testing

@testable import Campaigns
@testable import Reports

@Suite struct CampaignReportTests {
  /// Two workloads, of which one has no `kill`, and a run of each outcome.
  private func report(name: String = "night", summary: String = "Nothing.") throws -> CampaignReport
  {
    let campaign = Campaign(
      name: name,
      workloads: [
        Campaign.Source(name: "a", text: "", system: .raftNode, kinds: ["kill"]),
        Campaign.Source(name: "b", text: "", system: .raftNode, kinds: []),
      ],
      faults: [.all, .none, .kinds(["kill"])],
      builds: [Campaign.Build(name: "x", path: "/x", sum: "1")], nodes: [], seeds: 2, firstSeed: 1,
      settings: [], cover: .full, retries: 1, quarantine: 9, findings: 9)
    var state = CampaignState(campaign, after: [.session(time: "20261128T021503")])
    let outcomes: [RunRecord] = [
      .violation, .inconclusive, .objective, .valid, .valid, .crash, .valid, .valid,
    ].map { outcome in
      RunRecord(
        folder: "g/20261128T021504-1", outcome: outcome, summary: summary, seconds: 1.5,
        loadSeconds: 1,
        fingerprint: outcome.isFinding ? "abc" : nil)
    }
    for (run, record) in zip(state.planned, outcomes) {
      state.apply(.begin(run: run, attempt: 1, folder: "g/20261128T021504-1", reason: ""))
      state.apply(.end(run: run, attempt: 1, record))
    }
    return CampaignReport(state, folder: CampaignFolder(store: "runs", name: "campaigns/night"))
  }

  @Test("the grid has the worst outcome of each cell, and nothing where nothing was run")
  func grid() throws {
    let report = try report()
    let grid = CampaignGrid(report.rows)
    #expect(grid.columns == ["none", "kill", "all"])
    #expect(grid.rows.map(\.name) == ["a · x", "b · x"])
    let cells = grid.rows.map { row in row.cells.map { "\($0.outcome ?? "-") \($0.count)" } }
    #expect(
      cells == [
        ["inconclusive 1/2", "crash 0/2", "violation 1/2"], ["- ", "- ", "valid 2/2"],
      ])
    // Two empty cells: no badge in them.
    let html = try report.html()
    #expect(html.matches(of: #/<td> </td>/#).count == 2, "\(html)")
    #expect(html.matches(of: #/class="state/#).count == 4)
  }

  @Test("runs are links to their pages, from wherever the page lies")
  func links() throws {
    for (folder, path, link) in [
      ("/a/b", "/a/b/runs/x/report.html", "runs/x/report.html"),
      ("/a/b/c", "/a/runs/x y/report.html", "../../runs/x%20y/report.html"),
      ("/", "/runs/\"<ü/r.html", "runs/%22%3C%C3%BC/r.html"),
    ] {
      #expect(CampaignPage.link(to: path, from: folder) == link)
    }
    let html = try report().html(in: "runs/campaigns")
    #expect(
      html.matches(of: #/<a href="..\/g\/20261128T021504-1\/report.html"><code>g/#).count == 3,
      "\(html)")
    #expect(!(try report().html().contains("<a ")))
    #expect(Address.date("20261128T021503") == "2026-11-28 02:15")
  }

  @Test("JUnit counts what failed, what the bench could not do, and what is undecided")
  func junit() throws {
    let xml = try report().junit()
    #expect(
      xml.contains(#"<testsuites name="night" tests="8" failures="3" errors="0" skipped="1""#))
    #expect(xml.matches(of: #/ timestamp="2026-11-28T02:15:03"/#).count == 1)
    #expect(xml.matches(of: #/<testsuite name="." .* timestamp="2026-11-28T02:15:04">/#).count == 2)
    let told = "gauntlet_campaign_start_timestamp_seconds{campaign=\"night\"} 1795832103.0\n"
    #expect(try report().prometheus.contains(told))
    #expect(xml.matches(of: #/<testcase /#).count == 8 && xml.matches(of: #/<failure /#).count == 3)
  }

  @Test("strings that try to break out are shown and not obeyed")
  func hostile() throws {
    let hostile = "\"'><script>alert(1)</script>]]>&\u{0}\u{1b}| `x` [y](z)\n# h"
    let report = try report(name: hostile, summary: hostile)
    let html = try report.html()
    #expect(!html.contains("<script") && html.contains("&lt;script&gt;"))
    let xml = try report.junit()
    #expect(!xml.contains("<script") && !xml.contains("\u{0}") && !xml.contains("\u{1b}"))
    let parser = XMLCounter(xml)
    #expect(parser.isWhole, "\(xml)")
    let markdown = report.markdown
    #expect(!markdown.contains("<script") && !markdown.contains("[y](z)"))
    #expect(!markdown.contains("\n# h") && markdown.hasPrefix("## Gauntlet: "))
  }
}

/// Whether a text's tags are balanced and its attributes quoted: enough to see an escape that is missing.
private struct XMLCounter {
  let isWhole: Bool

  init(_ text: String) {
    var open: [Substring] = []
    var isWhole = true
    for match in text.matches(of: #/<(/?)([a-z]+)((?:\s+[a-z]+="[^"<>]*")*)\s*(/?)>|[<>]/#) {
      guard let name = match.output.2 else {
        isWhole =
          isWhole && text[match.range.lowerBound...].hasPrefix("<?xml")
          || text[..<match.range.lowerBound].hasSuffix("?")
        continue
      }
      if match.output.4 == "/" { continue }
      if match.output.1 == "/" {
        isWhole = isWhole && open.popLast() == name
      } else {
        open.append(name)
      }
    }
    self.isWhole = isWhole && open.isEmpty
  }
}
