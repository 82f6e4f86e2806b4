// The list of runs: searched, filtered, sorted, a hundred a page.

import Bench
import Campaigns
import FoundationEssentials
import Reports

/// What is asked of the list of runs, as its address has it.
struct RunQuery: Sendable {
  static let pageSize = 100

  private(set) var fields: [String: String] = [:]

  /// What `query` asks; what nobody knows is left out.
  init(_ query: [String: String]) {
    let known = ["q", "outcome", "workload", "build", "campaign", "finding", "sort", "up", "page"]
    fields = query.filter { known.contains($0.key) }
  }

  /// Whether nothing is left out.
  var isAll: Bool { fields.isEmpty }

  var page: Int { max(1, min(Int(fields["page"] ?? "") ?? 1, 1_000_000)) }
  var order: RunOrder { RunOrder(rawValue: fields["sort"] ?? "") ?? .started }
  var isAscending: Bool { fields["up"] == "1" }

  var filter: RunFilter {
    var filter = RunFilter()
    filter.text = fields["q"]
    filter.outcomes = fields["outcome"].map { $0.split(separator: ",").map(String.init) } ?? []
    filter.workload = fields["workload"]
    filter.build = fields["build"]
    filter.campaign = fields["campaign"]
    filter.fingerprint = fields["finding"]
    (filter.order, filter.isAscending) = (order, isAscending)
    (filter.limit, filter.offset) = (Self.pageSize, (page - 1) * Self.pageSize)
    return filter
  }

  /// The address with these fields changed; nil takes one away.
  func address(_ changes: [String: String?]) -> String {
    var fields = fields
    for (name, value) in changes { fields[name] = value }
    guard !fields.isEmpty else { return "/" }
    return "/?"
      + fields.sorted { $0.key < $1.key }.map { "\($0)=\(Address.encoded($1))" }
      .joined(separator: "&")
  }
}

extension Address {
  /// The fields of a query as forms send them; those without a value are left out.
  static func fields(of query: String) -> [String: String] {
    var fields: [String: String] = [:]
    for part in query.split(separator: "&").prefix(100) {
      let words = part.split(separator: "=", maxSplits: 1).map {
        $0.replacing("+", with: " ").removingPercentEncoding ?? ""
      }
      if words.count == 2, !words[1].isEmpty { fields[words[0]] = words[1] }
    }
    return fields
  }
}

/// What `runs.mustache` renders.
struct RunsPage {
  let text, finding, campaign: String
  let outcomes, workloads, builds: [Choice]
  let columns: [Heading]
  let rows: [Row]
  let sentence: String
  let before, after: String?
  let hasLive: Bool
  let live: [String]
  let isEmpty: Bool

  struct Choice {
    let name: String
    let isChosen: Bool
  }

  struct Heading {
    let name, address, mark: String
    /// As `aria-sort` has it; nil for a column that does not order.
    let sorted: String?
  }

  struct Row {
    let folder, started, workload, faults, build, nodes, ok, gap, seconds, seed, summary: String
    let badge: Badge
    // Not `finding`: where it is nil the template would find the page's own.
    let fingerprint: String?
  }

  init(
    _ query: RunQuery, runs: [RunEntry], total: Int, workloads: [String], builds: [String],
    live: [String]
  ) {
    text = query.fields["q"] ?? ""
    finding = query.fields["finding"] ?? ""
    campaign = query.fields["campaign"] ?? ""
    func choices(_ names: [String], _ field: String) -> [Choice] {
      names.map { Choice(name: $0, isChosen: query.fields[field] == $0) }
    }
    outcomes = choices(
      [
        "violation,crash", "violation", "crash", "objective", "inconclusive", "bench-failure",
        "interrupted", "unfinished", "valid",
      ], "outcome")
    self.workloads = choices(workloads, "workload")
    self.builds = choices(builds, "build")
    columns = Self.headings.map { order, name in
      let isThis = query.order == order
      let isUp = isThis && query.isAscending
      return Heading(
        name: name,
        address: query.address(
          ["sort": order.rawValue, "up": isThis && !isUp ? "1" : nil, "page": nil]),
        mark: isThis ? (isUp ? "▲" : "▼") : "",
        sorted: isThis ? (isUp ? "ascending" : "descending") : nil)
    }
    rows = runs.map { Row($0) }
    let first = (query.page - 1) * RunQuery.pageSize
    sentence =
      runs.isEmpty
      ? "No run is of that kind."
      : "\(Figures.count(first + 1)) to \(Figures.count(first + runs.count)) of "
        + "\(Figures.count(total)) \(total == 1 ? "run" : "runs")"
    before = query.page > 1 ? query.address(["page": "\(query.page - 1)"]) : nil
    after = first + runs.count < total ? query.address(["page": "\(query.page + 1)"]) : nil
    self.live = live
    hasLive = !live.isEmpty
    isEmpty = runs.isEmpty && query.isAll
  }

  private static let headings: [(RunOrder, String)] = [
    (.outcome, "Outcome"), (.started, "Began (UTC)"), (.workload, "Workload"), (.faults, "Faults"),
    (.build, "Build"), (.nodes, "Nodes"), (.ok, "Succeeded"), (.longestGap, "Longest gap"),
    (.seconds, "Took"),
  ]
}

extension RunsPage.Row {
  init(_ run: RunEntry) {
    folder = run.folder
    started = Address.date(run.started)
    workload = run.workload
    faults = run.faults
    build = run.build
    nodes = "\(run.nodes)"
    ok = Figures.count(run.ok)
    gap = Figures.seconds(run.longestGap)
    seconds = Figures.seconds(run.seconds)
    seed = run.seed
    summary = run.summary.count > 160 ? "\(run.summary.prefix(160))…" : run.summary
    badge = .outcome(run.outcome)
    fingerprint = run.fingerprint
  }
}
