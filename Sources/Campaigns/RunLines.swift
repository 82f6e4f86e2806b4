// A run of the index, and a campaign, as people read them.

import Bench

extension RunEntry {
  /// On one line.
  public var line: String {
    let found = fingerprint.map { "  \($0)" } ?? ""
    return "\(started)  \(Self.padded(outcome, 13))  \(workload) · \(faults) · \(build) · "
      + "\(nodes) nodes · seed \(seed)\(found)  \(folder)"
  }

  /// With all figures; its folder is a path in `store`.
  public func text(in store: String) -> String {
    var lines = [
      "run        \(store)/\(folder)", "outcome    \(outcome): \(summary)",
      "workload   \(workload), faults \(faults), \(nodes) nodes, \(clients) clients, seed \(seed)",
      "build      \(build), sha256 \(sum)",
      "operations \(Figures.count(ok)) ok, \(fail) fail, \(info) info",
      "available  \(Figures.percent(available)), longest gap \(Figures.seconds(longestGap))",
      "time       \(Figures.seconds(seconds)), \(Figures.seconds(loadSeconds)) of it under load",
      "size       \(bytes / 1000) kB",
    ]
    if let campaign { lines.insert("campaign   \(campaign)", at: 1) }
    if let fingerprint { lines.append("finding    \(fingerprint)") }
    if let processorSeconds {
      lines.append("processor  \(Figures.seconds(processorSeconds)) of all nodes")
    }
    return lines.joined(separator: "\n")
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }
}

extension CampaignSummary {
  /// On one line.
  public var line: String {
    let name = folder.split(separator: "/").last.map(String.init) ?? folder
    let found =
      findings.isEmpty ? "" : ", \(findings.count) \(findings.count == 1 ? "finding" : "findings")"
    let stand = isOver ? outcome : "\(outcome) so far"
    return "\(name): \(stand), \(done) of \(planned) runs done\(found)"
  }
}
