// What is at which address. Addresses are permanent: they are made of names in the store alone.

import Bench
import Blocking
import Campaigns
import FoundationEssentials
import Hummingbird
import NIOCore
import Reports
import Synchronization

/// The dashboard's addresses.
struct Routes: Sendable {
  let pages: Pages
  let gate: Gate
  /// How many streams go on.
  private let streams = Streams()

  init(pages: Pages, gate: Gate) {
    self.pages = pages
    self.gate = gate
  }

  func router() -> Router<BasicRequestContext> {
    let router = Router(context: BasicRequestContext.self)
    router.add(middleware: gate)
    page(router, "/") { pages, asked in try await pages.runs(RunQuery(asked.query)) }
    page(router, "/runs/:group/:run") { try await $0.run($1.folder) }
    page(router, "/runs/:group/:run/logs") { try await $0.logs($1.folder, $1.query) }
    page(router, "/runs/:group/:run/timeline") { try await $0.timeline($1.folder) }
    page(router, "/runs/:group/:run/files/:file") {
      try await $0.file($1.name("file"), of: $1.folder)
    }
    page(router, "/campaigns") { pages, _ in try await pages.campaigns() }
    page(router, "/campaigns/:campaign") { try await $0.cells($1.name("campaign")) }
    page(router, "/trends") { pages, _ in try await pages.trends() }
    page(router, "/compare") { try await $0.versus($1.query["a"], $1.query["b"]) }
    router.get("/runs/:group/:run/events") { [streams, pages] _, context in
      await Self.answer { streams.open(try await pages.run(at: Asked(context).folder)) }
    }
    router.post("/runs/:group/:run/remove") { [pages] _, context in
      await Self.answer { try await pages.remove(Asked(context).folder) }
    }
    router.get("/assets/dashboard.css") { _, _ in
      Answer.asset(Pages.style, type: "text/css; charset=utf-8")
    }
    router.get("/assets/dashboard.js") { _, _ in
      Answer.asset(PackageResources.dashboard_js, type: "text/javascript; charset=utf-8")
    }
    return router
  }

  /// What was asked for.
  struct Asked: Sendable {
    var query: [String: String] = [:]
    private let parameters: Parameters

    init(_ context: BasicRequestContext) { parameters = context.parameters }

    /// The run's folder, a path in the store.
    var folder: String { "\(name("group"))/\(name("run"))" }

    func name(_ part: String) -> String { parameters.get(part) ?? "" }
  }

  private func page(
    _ router: Router<BasicRequestContext>, _ path: RouterPath,
    _ show: @escaping @Sendable (Pages, Asked) async throws -> Response
  ) {
    router.get(path) { [pages] request, context in
      var asked = Asked(context)
      asked.query = Address.fields(of: request.uri.query ?? "")
      return await Self.answer { [asked] in try await show(pages, asked) }
    }
  }

  /// What cannot be shown is said, on a page of its own.
  private static func answer(_ show: () async throws -> Response) async -> Response {
    do {
      return try await show()
    } catch let error as NotShown {
      return Answer.error(.notFound, error.description)
    } catch {
      return Answer.error(.internalServerError, "\(error)")
    }
  }
}

/// Streams of events, of which only so many go on at once: each reads a history.
final class Streams: Sendable {
  private static let most = 16
  private let count = Mutex(0)

  /// A stream of how the run in `run` stands, twice a second until it has ended.
  func open(_ run: RunFolder) -> Response {
    // Counted where it is written: a caller may be gone before that.
    let body = ResponseBody { writer in
      let isLetIn = self.count.withLock { count in
        guard count < Self.most else { return false }
        count += 1
        return true
      }
      guard isLetIn else {
        try await writer.write(ByteBuffer(string: "retry: 10000\n\n"))
        try await writer.finish(nil)
        return
      }
      defer { self.count.withLock { $0 -= 1 } }
      let watcher = Watcher(run)
      while true {
        let pulse = await watcher.look()
        let data = String(decoding: try JSONEncoder().encode(pulse), as: UTF8.self)
        try await writer.write(ByteBuffer(string: "data: \(data)\n\n"))
        if pulse.hasEnded { break }
        try await Task.sleep(for: .milliseconds(500))
      }
      try await writer.finish(nil)
    }
    return Response(status: .ok, headers: [.contentType: "text/event-stream"], body: body)
  }

  /// Reads on a queue of its own: files block.
  private actor Watcher {
    private let executor = QueueExecutor(label: "gauntlet.live")
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
    private var live: LiveRun

    init(_ run: RunFolder) { live = LiveRun(run) }

    func look() -> LiveRun.Pulse {
      live.refresh()
      return live.pulse
    }
  }
}
