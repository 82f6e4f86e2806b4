// The pages, asked for by their addresses and answered from the store.
// Here: what each is made from. Not here: how it is put into words (RunsPage.swift and its neighbours).

import Bench
import Campaigns
import FoundationEssentials
import Hummingbird
import NIOCore
import Reports

/// Makes the pages.
struct Pages: Sendable {
  /// Looks things up: quick.
  private let shelf: RunShelf
  /// Draws: may take seconds, which the others do not wait for.
  private let drawings: RunShelf
  private let isWritable: Bool

  init(index shelf: RunShelf, drawings: RunShelf, isWritable: Bool) {
    self.shelf = shelf
    self.drawings = drawings
    self.isWritable = isWritable
  }

  /// What all pages look like.
  static let style =
    PageStyle.report + PageStyle.campaign + PackageResources.dashboard_css

  func runs(_ query: RunQuery) async throws -> Response {
    let filter = query.filter
    let index = shelf.index
    let page = RunsPage(
      query, runs: try await index.runs(filter), total: try await index.count(filter),
      workloads: try await index.names(.workload), builds: try await index.names(.build),
      live: query.isAll ? await shelf.live() : [])
    return try Answer.page(PackageResources.runs_mustache, page, title: "Runs", place: "runs")
  }

  func run(_ folder: String) async throws -> Response {
    let page = RunPage(try await shelf.run(folder), store: shelf.store, isWritable: isWritable)
    return try Answer.page(PackageResources.run_mustache, page, title: folder, place: "runs")
  }

  /// The run's folder, looked at first.
  func run(at folder: String) async throws -> RunFolder {
    _ = try await shelf.run(folder)
    return RunFolder(path: "\(shelf.store)/\(folder)")
  }

  func logs(_ folder: String, _ query: [String: String]) async throws -> Response {
    let run = try await shelf.run(folder)
    let page = LogsPage(run, query)
    var log: RunShelf.Log?
    if let node = page.node, let file = page.file {
      log = try await shelf.log(
        of: folder, node: node, file: file, text: page.text, limit: LogsPage.limit)
    }
    return try Answer.page(
      PackageResources.logs_mustache, page.filled(with: log), title: "Logs of \(folder)",
      place: "runs")
  }

  func timeline(_ folder: String) async throws -> Response {
    let nonce =
      String(UInt64.random(in: 0 ... .max), radix: 36)
      + String(UInt64.random(in: 0 ... .max), radix: 36)
    return Answer.html(
      try await drawings.drawing(of: folder, nonce: nonce),
      policy: "default-src 'none'; style-src 'nonce-\(nonce)'; script-src 'nonce-\(nonce)'; "
        + "base-uri 'none'; frame-ancestors 'none'")
  }

  /// A file of the run as it is, to be kept and not to be shown: a browser would run what it holds.
  func file(_ name: String, of folder: String) async throws -> Response {
    let path = try await shelf.path(of: name, in: folder)
    var headers: HTTPFields = [.contentType: "application/octet-stream"]
    headers[.contentDisposition] = "attachment; filename=\"\(name)\""
    let reader = FileReader(path)
    return Response(
      status: .ok, headers: headers,
      body: ResponseBody { writer in
        while let bytes = try await reader.next() {
          try await writer.write(ByteBuffer(bytes: bytes))
        }
        try await writer.finish(nil)
      })
  }

  func campaigns() async throws -> Response {
    let page = CampaignsPage(await shelf.campaigns(CampaignsPage.limit))
    return try Answer.page(
      PackageResources.campaigns_mustache, page, title: "Campaigns", place: "campaigns")
  }

  func cells(_ name: String) async throws -> Response {
    let page = CellsPage(try await shelf.campaign(name))
    return try Answer.page(
      PackageResources.cells_mustache, page, title: name, place: "campaigns")
  }

  func trends() async throws -> Response {
    let page = TrendsPage(try await shelf.index.nights(TrendsPage.days))
    return try Answer.page(
      PackageResources.trends_mustache, page, title: "Trends", place: "trends")
  }

  /// Two runs or two campaigns beside each other.
  func versus(_ first: String?, _ second: String?) async throws -> Response {
    var page = VersusPage(first: first ?? "", second: second ?? "")
    if let first, let second {
      do {
        page.comparison = try ComparisonReport(try await drawings.comparison(first, second))
          .part(isLinked: true)
      } catch {
        page.problem = "\(error)"
      }
    }
    return try Answer.page(
      PackageResources.versus_mustache, page, title: "Compare", place: "versus")
  }

  func remove(_ folder: String) async throws -> Response {
    let run = try await shelf.run(folder)
    // Without results it may go on at another machine, whose locks are not seen here.
    guard run.results != nil else {
      return Answer.error(
        .conflict, "The run has no results, and may go on; `gauntlet runs rm` removes it.")
    }
    try await shelf.index.remove([folder])
    return Response(status: .seeOther, headers: [.location: "/"])
  }
}
