// Campaigns: all of them, and one with the grid of its cells.

import Bench
import Campaigns
import Reports

/// What `campaigns.mustache` renders.
struct CampaignsPage {
  /// How many are shown, the newest.
  static let limit = 200

  let rows: [Row]
  let notShown: [Unreadable]
  let isEmpty: Bool

  /// One that is damaged, or no campaign at all.
  struct Unreadable {
    let name, reason: String
  }

  struct Row {
    let name, id, sentence: String
    let badge: Badge
    let findings: String
    let left: String

    init(_ stand: RunShelf.Stand) {
      let summary = stand.summary
      name = summary.campaign
      id = CellsPage.id(of: stand)
      sentence = CampaignPage.sentence(summary)
      badge = CampaignPage.badge(summary)
      findings = "\(summary.findings.count)"
      left = "\(summary.left)"
    }
  }

  init(_ campaigns: [(name: String, stand: Result<RunShelf.Stand, any Error>)]) {
    var (rows, notShown): ([Row], [Unreadable]) = ([], [])
    for (name, stand) in campaigns {
      switch stand {
      case .success(let stand): rows.append(Row(stand))
      case .failure(let error): notShown.append(Unreadable(name: name, reason: "\(error)"))
      }
    }
    (self.rows, self.notShown) = (rows, notShown)
    isEmpty = campaigns.isEmpty
  }
}

/// What `cells.mustache` renders.
struct CellsPage {
  let name, id, sentence, folder: String
  let badge: Badge
  let columns: [String]
  let rows: [CampaignPage.Row]
  let findings: [CampaignPage.Finding]
  let troubles: [CampaignSummary.Trouble]
  let running, leftOut: [String]
  let hasLeftOut: Bool
  let hasFindings, hasTroubles, hasRunning: Bool

  init(_ stand: RunShelf.Stand) {
    let summary = stand.summary
    name = summary.campaign
    id = Self.id(of: stand)
    sentence = CampaignPage.sentence(summary)
    folder = stand.folder.name
    badge = CampaignPage.badge(summary)
    leftOut = summary.leftOut.sorted { $0.key < $1.key }.map { "\($0.value) left out: \($0.key)" }
    hasLeftOut = !leftOut.isEmpty
    let grid = CampaignGrid(CampaignReport(stand.state, folder: stand.folder).rows)
    columns = grid.columns
    rows = CampaignPage.rows(of: grid)
    findings = CampaignPage.findings(of: summary, longest: 600)
    troubles = summary.troubles
    running = stand.state.unfinished.map(\.folder)
    hasFindings = !findings.isEmpty
    hasTroubles = !troubles.isEmpty
    hasRunning = !running.isEmpty
  }

  /// The last part of its folder's path.
  static func id(of stand: RunShelf.Stand) -> String {
    stand.folder.name.split(separator: "/").last.map(String.init) ?? ""
  }
}
