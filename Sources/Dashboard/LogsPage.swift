// What a run's nodes logged, with search.

import Bench

/// What `logs.mustache` renders.
struct LogsPage {
  /// How many lines are shown, the last ones.
  static let limit = 1000

  let folder, text: String
  let node, file: String?
  let choices: [Choice]
  private(set) var lines: [String] = []
  private(set) var sentence = "This run has no logs."

  struct Choice {
    let node, file: String
    let isChosen: Bool
  }

  init(_ run: RunShelf.Shown, _ query: [String: String]) {
    folder = run.entry.folder
    text = query["q"] ?? ""
    let all = run.logs.flatMap { log in log.files.map { (node: log.node, file: $0) } }
    let place = query["log"]
    let chosen = all.first { "\($0.node)/\($0.file)" == place } ?? all.first
    node = chosen?.node
    file = chosen?.file
    choices = all.map {
      Choice(
        node: $0.node, file: $0.file,
        isChosen: $0.node == chosen?.node && $0.file == chosen?.file)
    }
  }

  func filled(with log: RunShelf.Log?) -> LogsPage {
    guard let log else { return self }
    var page = self
    page.lines = log.lines
    let shown = log.matching > log.lines.count ? ", the last \(log.lines.count) shown" : ""
    let what = text.isEmpty ? "lines" : "lines with that"
    page.sentence =
      "\(Figures.count(log.matching)) \(what)\(shown)"
      + (log.isCut ? "; the log's last 4 MB were looked through." : ".")
    return page
  }
}
