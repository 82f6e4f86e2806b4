// One run: what came of it, its figures, who led when, its logs; while it goes on, how it stands.

import Bench
import Campaigns
import Reports

/// What `run.mustache` renders.
struct RunPage {
  let folder, title, summary: String
  let badge: Badge
  let isLive, hasEnded, isUnfinished, isRemovable: Bool
  let figures, facts: [Cell]
  let explanation: [String]
  let hasExplanation: Bool
  let anomaly: String?
  let finding, campaign, campaignName: String?
  let checks: [Check]
  let functions: [Function]
  let faults: [Fault]
  let terms: [Term]
  let nodes: [Node]
  let files, crashes, problems: [String]
  let hasChecks, hasFunctions, hasFaults, hasTerms, hasNodes, hasTroubles: Bool
  let commands: [Cell]

  struct Cell {
    let name, value: String
  }

  struct Check {
    let badge: Badge
    let name, detail: String
  }

  struct Function {
    let name, ok, fail, info, p50, p99, max: String
  }

  struct Fault {
    let number, kind, choice, result, recovery: String
  }

  /// Who said that it leads in one term.
  struct Term {
    let term, nodes, time: String
    /// More than one: the worst that can be seen of a Raft cluster.
    let isBroken: Bool
  }

  struct Node {
    let name: String
    let files: [String]
  }

  init(_ run: RunShelf.Shown, store: String, isWritable: Bool) {
    let (entry, results) = (run.entry, run.results)
    folder = entry.folder
    title =
      "\(entry.workload) · \(entry.faults) · \(entry.nodes) "
      + (entry.nodes == 1 ? "node" : "nodes")
    summary =
      run.isLive
      ? "The run goes on."
      : results?.counterexample == nil ? entry.summary : "The history is not linearizable."
    badge = .outcome(run.isLive ? "at work" : entry.outcome)
    isLive = run.isLive
    hasEnded = results != nil
    isUnfinished = results == nil && !run.isLive
    isRemovable = isWritable && results != nil
    figures =
      results == nil
      ? []
      : [
        Cell(name: "succeeded", value: Figures.count(entry.ok)),
        Cell(name: "failed", value: Figures.count(entry.fail)),
        Cell(name: "unknown", value: Figures.count(entry.info)),
        Cell(name: "available", value: Figures.percent(entry.available)),
        Cell(name: "longest gap", value: Figures.seconds(entry.longestGap)),
        Cell(name: "under load", value: Figures.seconds(entry.loadSeconds)),
      ]
    explanation = results?.counterexample?.explanation.split(separator: "\n").map(String.init) ?? []
    hasExplanation = !explanation.isEmpty
    anomaly = results?.counterexample?.anomaly
    finding = entry.fingerprint
    campaign = entry.campaign
    campaignName = entry.campaign?.split(separator: "/").last.map(String.init)
    checks = (results?.checks ?? []).map {
      Check(badge: .verdict($0.verdict), name: $0.name, detail: $0.detail)
    }
    functions = (results?.functions ?? []).map { row in
      func time(_ milliseconds: Double?) -> String {
        milliseconds.map { Figures.seconds($0 / 1000) } ?? "–"
      }
      return Function(
        name: row.function, ok: Figures.count(row.ok), fail: Figures.count(row.fail),
        info: Figures.count(row.info), p50: time(row.latency?.p50), p99: time(row.latency?.p99),
        max: time(row.latency?.max))
    }
    let recoveries = Dictionary(
      (results?.availability.recoveries ?? []).map { ($0.fault, $0.seconds) },
      uniquingKeysWith: { first, _ in first })
    faults = (results?.faults ?? []).map { fault in
      let recovery = recoveries[fault.fault].map { $0.map { Figures.seconds($0) } ?? "never" }
      return Fault(
        number: "\(fault.fault)", kind: fault.kind, choice: fault.choice,
        result: fault.reason ?? fault.result.rawValue, recovery: recovery ?? "")
    }
    terms = Self.terms(results?.claims ?? results?.leaders ?? [])
    nodes = run.logs.map { Node(name: $0.node, files: $0.files) }
    files = run.files
    crashes = results?.crashes ?? []
    problems = (results?.problems ?? []) + (results?.missing ?? [])
    hasTroubles = !crashes.isEmpty || !problems.isEmpty
    hasChecks = !checks.isEmpty
    hasFunctions = !functions.isEmpty
    hasFaults = !faults.isEmpty
    hasTerms = !terms.isEmpty
    hasNodes = !nodes.isEmpty
    facts = [
      Cell(name: "Build", value: "\(entry.build), sha256 \(entry.sum)"),
      Cell(name: "Seed", value: entry.seed), Cell(name: "Clients", value: "\(entry.clients)"),
      Cell(name: "Folder", value: "\(store)/\(entry.folder)"),
      Cell(name: "Size", value: "\(entry.bytes / 1000) kB"),
    ]
    let path = "\(store)/\(entry.folder)"
    let smaller = Cell(name: "Make it smaller", value: "gauntlet shrink \(path)")
    commands =
      [
        Cell(name: "Check it again", value: "gauntlet check \(path)"),
        Cell(name: "Do it again", value: "gauntlet replay \(path)"),
      ] + (entry.fingerprint == nil ? [] : [smaller]) + [
        Cell(name: "Pack it", value: "gauntlet report \(path) --bundle bug.tar.gz")
      ]
  }

  private static func terms(_ claims: [RunResults.LeaderSeen]) -> [Term] {
    let claimed = claims.filter { $0.node != nil }
    return Dictionary(grouping: claimed, by: \.term).sorted { $0.key < $1.key }.prefix(500)
      .map { term, claims in
        let nodes = Set(claims.compactMap(\.node)).sorted()
        let first = claims.map(\.time).min() ?? 0
        return Term(
          term: "\(term)", nodes: nodes.joined(separator: ", "),
          time: Figures.seconds(Double(first) / 1e9), isBroken: nodes.count > 1)
      }
  }
}
