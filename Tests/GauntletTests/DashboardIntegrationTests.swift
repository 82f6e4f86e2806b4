// gauntlet serve, from the outside: real runs, a real server, a real browser, and a store that somebody made
// to do harm.

import Foundation
import Testing

@Suite(.tags(.integration), .serialized, .timeLimit(.minutes(4)))
struct DashboardIntegrationTests {
  private let workload = """
    nodes: 3
    clients: 4
    rate: 200
    time: 2s
    faults:
      - {kill: [one], every: 900ms, for: 200ms}
    check: [linearizable, availability, crashes, elections]

    """

  @Test("a store's runs, one run, its logs, campaigns, trends and comparisons have pages")
  func pages() async throws {
    try await CommandLineFolder.with { folder in
      _ = try folder.file("w.yaml", workload)
      let file = try folder.file("c.yaml", "workloads: w.yaml\nfaults: [kill]\nseeds: 2\n")
      let broken = try folder.brokenNode()
      _ = try await folder.gauntlet("run", "w.yaml", "--build", broken, "--seed", "7")
      _ = try await folder.gauntlet("campaign", "run", file)
      try await DashboardServer.with(folder) { server in
        let runs = try await server.get("/")
        #expect(runs.code == 200)
        let links = runs.links("/runs/register-raft-node/")
        #expect(links.count == 3, "\(links)")
        #expect(runs.body.contains("Violation"))
        let found = try await server.get("/?outcome=violation")
        let violation = try #require(found.links("/runs/register-raft-node/").first)
        #expect(found.links("/runs/register-raft-node/").count == 1)
        #expect(
          try await server.get("/?q=nothing-has-this").body.contains("No run is of that kind"))
        let sorted = try await server.get("/?sort=ok&up=1")
        #expect(sorted.body.contains("aria-sort=\"ascending\""))

        let run = try await server.get(violation)
        #expect(run.code == 200)
        for text in ["not linearizable", "Who led", "gauntlet replay", "history.jsonl", "kill"] {
          #expect(run.body.contains(text), "\(text)")
        }
        let timeline = try await server.get("\(violation)/timeline")
        #expect(timeline.code == 200)
        #expect(timeline.body.contains("id=\"run-data\""))
        #expect(timeline.header("content-security-policy").contains("script-src 'nonce-"))
        // Its nodes' data lies beside their logs.
        #expect(try await server.get("\(violation)/logs").code == 200)
        let logs = try await server.get("\(violation)/logs?log=n1/node.log&q=LISTENING")
        #expect(logs.body.contains("listening"), "\(logs.body.suffix(600))")
        #expect(!logs.body.contains("recovered"))
        let history = try await server.get("\(violation)/files/history.jsonl")
        #expect(history.header("content-disposition").hasPrefix("attachment"))
        #expect(history.body.hasPrefix("{\"gauntlet\""))

        let campaigns = try await server.get("/campaigns")
        let campaign = try #require(campaigns.links("/campaigns/").first)
        let cells = try await server.get(campaign)
        #expect(cells.body.contains("2 of 2 runs done"), "\(cells.body.suffix(1500))")
        #expect(try await server.get("/trends").body.contains("kill"))
        let others = links.filter { $0 != violation }.map { $0.dropFirst("/runs/".count) }
        let versus = try await server.get("/compare?a=\(others[0])&b=\(others[1])")
        #expect(versus.body.contains("<th scope=\"row\">"), "\(versus.body.suffix(1500))")
        #expect(try await server.get("/compare?a=no&b=no").body.contains("class=\"alarm\""))

        // Runs that were removed since are known from the campaign's journal.
        let stripped = "\(folder.path)/runs/campaigns/stripped"
        try FileManager.default.copyItem(
          atPath: "\(folder.path)/runs\(campaign)", toPath: stripped)
        let journal = try String(contentsOfFile: "\(stripped)/journal.jsonl", encoding: .utf8)
        try Data(journal.replacing("raft-node/2", with: "raft-node/removed-2").utf8)
          .write(to: URL(filePath: "\(stripped)/journal.jsonl"))
        let name = campaign.dropFirst("/campaigns/".count)
        let late = try await server.get("/compare?a=\(name)&b=stripped")
        #expect(late.code == 200 && late.body.contains("2 pairs of runs"), "\(late.body)")
        try FileManager.default.removeItem(atPath: stripped)

        // Figures that no run has, and plans that no campaign has, end nothing.
        let store = "\(folder.path)/runs"
        let evil = "\(store)/campaigns/evil"
        try FileManager.default.copyItem(atPath: "\(store)\(campaign)", toPath: evil)
        try Self.change("\(evil)/campaign.json") { plan in
          var campaign = plan["campaign"] as? [String: Any] ?? [:]
          campaign["cover"] = ["sample": ["_0": -1]]
          plan["campaign"] = campaign
        }
        #expect(mkfifo("\(store)/campaigns/pipe", 0o644) == 0)
        let run0 = violation.dropFirst("/runs/".count)
        try Self.change("\(store)/\(run0)/results.json") { results in
          var functions = results["functions"] as? [[String: Any]] ?? []
          functions[0]["ok"] = Int.max
          functions[0]["fail"] = Int.max
          results["functions"] = functions
          results["processorSeconds"] = 1e308
        }
        for address in [
          "/campaigns", "/campaigns/evil", "/campaigns/pipe", "\(violation)/timeline", violation,
          "/compare?a=\(run0)&b=\(run0)", "/compare?a=evil&b=evil",
        ] {
          let answer = try await server.get(address)
          #expect(answer.code != 0, "\(address)")
        }
        let all = try await server.get("/campaigns")
        #expect(all.body.contains("<code>campaigns/evil</code> cannot be shown: "), "\(all.body)")
        let last = try await server.get("/trends")
        #expect(last.code == 200)

        for missing in ["/runs/a/b", "/campaigns/none", "/nothing", "\(violation)/files/x"] {
          #expect(try await server.get(missing).code == 404, "\(missing)")
        }
      }
    }
  }

  /// Changes an object in a file.
  private static func change(
    _ path: String, _ body: (inout [String: Any]) -> Void
  ) throws {
    let data = try Data(contentsOf: URL(filePath: path))
    var object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    body(&object)
    try JSONSerialization.data(withJSONObject: object).write(to: URL(filePath: path))
  }

  @Test("a run at work is seen as it goes on, and reads as ended when it has")
  func live() async throws {
    try await CommandLineFolder.with { folder in
      // Nearly always a fault is on: it is looked at twice a second.
      let faults = workload.replacingOccurrences(
        of: "every: 900ms, for: 200ms", with: "every: 1500ms, for: 1200ms")
      _ = try folder.file("w.yaml", faults)
      try FileManager.default.createDirectory(
        atPath: "\(folder.path)/runs", withIntermediateDirectories: true)
      try await DashboardServer.with(folder) { server in
        let running = try folder.start(["run", "w.yaml", "--time", "10s"])
        var address: String?
        for _ in 0..<100 where address == nil {
          try await Task.sleep(for: .milliseconds(100))
          address = try await server.get("/").links("/runs/register-raft-node/").first
        }
        let run = try #require(address, "no run at work was listed")
        let page = try await server.get(run)
        #expect(page.body.contains("data-events=\"\(run)/events\""), "\(page.body.prefix(2000))")
        // Somebody who looks on does not keep another server from ending.
        try await DashboardServer.with(folder) { other in
          let watching = Task { try await other.get("\(run)/events") }
          try await Task.sleep(for: .milliseconds(600))
          watching.cancel()
        }
        // The stream ends when the run does.
        let events = try await server.get("\(run)/events")
        let finished = try await running.finish()
        let pulses = try events.body.split(separator: "\n").filter { $0.hasPrefix("data: ") }.map {
          try #require(
            try JSONSerialization.jsonObject(with: Data($0.dropFirst(6).utf8)) as? [String: Any])
        }
        let counts = pulses.compactMap { $0["ok"] as? Int }
        #expect(counts.count >= 5 && counts == counts.sorted(), "\(counts)")
        #expect((counts.last ?? 0) > 200, "\(counts)")
        #expect(pulses.contains { !(($0["faults"] as? [String]) ?? []).isEmpty })
        #expect(pulses.last?["hasEnded"] as? Bool == true)
        #expect(finished.code == 0 || finished.code == 2, "\(finished.errors)")
        let ended = try await server.get(run)
        #expect(!ended.body.contains("data-events"))
      }
    }
  }

  @Test("what an attacker wrote into a store is shown as text, and nothing outside of it is read")
  func attack() async throws {
    let script = "<script>document.title='broken'</script><img src=x onerror=alert(1)>\"'>"
    try await CommandLineFolder.with { folder in
      _ = try folder.file("w.yaml", workload)
      _ = try await folder.gauntlet("run", "w.yaml", "--seed", "3")
      let files = FileManager.default
      let secret = try folder.file("secret.txt", "the secret of this machine")
      let name = try files.destinationOfSymbolicLink(atPath: folder.latest)
      let run = "\(folder.path)/runs/\(name)"
      // Names, log lines, summaries, errors and workloads that are markup.
      try Data((script + "\n").utf8).write(to: URL(filePath: "\(run)/nodes/n1/node.log"))
      var results = try String(contentsOfFile: "\(run)/results.json", encoding: .utf8)
      let escaped = try String(decoding: JSONEncoder().encode(script), as: UTF8.self)
      results = results.replacingOccurrences(
        of: "\"detail\" : \"", with: "\"detail\" : \(escaped.dropLast())")
      try Data(results.utf8).write(to: URL(filePath: "\(run)/results.json"))
      let history = try String(contentsOfFile: "\(run)/history.jsonl", encoding: .utf8)
      try Data(history.replacingOccurrences(of: "\"n2\"", with: escaped).utf8)
        .write(to: URL(filePath: "\(run)/history.jsonl"))
      // Links out of the store, and a pipe that would never end.
      try files.createSymbolicLink(
        atPath: "\(run)/nodes/n1/link.log", withDestinationPath: secret)
      try files.createSymbolicLink(atPath: "\(run)/nodes/out", withDestinationPath: folder.path)
      let linked = "\(folder.path)/runs/register-raft-node/linked"
      try files.copyItem(atPath: run, toPath: linked)
      try files.removeItem(atPath: "\(linked)/results.json")
      try files.createSymbolicLink(atPath: "\(linked)/results.json", withDestinationPath: secret)
      #expect(mkfifo("\(run)/nodes/n2/pipe.log", 0o644) == 0)
      _ = try await folder.gauntlet("runs", "reindex")

      try await DashboardServer.with(folder) { server in
        let page = "/runs/\(name)"
        for address in [
          "/", page, "\(page)/logs?log=n1/node.log", "\(page)/timeline", "/?q=\(script.count)",
        ] {
          let answer = try await server.get(address)
          #expect(answer.code == 200, "\(address)")
          #expect(!answer.body.contains("<script>document"), "\(address)")
          #expect(!answer.body.contains("<img src=x"), "\(address)")
          #expect(!answer.body.contains("the secret of"), "\(address)")
          let isShown = answer.body.contains("&lt;script&gt;document")
          #expect(isShown == address.hasPrefix(page), "\(address)")
        }
        for address in [
          "\(page)/logs?log=n1/link.log", "\(page)/logs?log=out/secret.txt",
          "\(page)/logs?log=../../../../secret.txt", "\(page)/logs?log=n2/pipe.log",
          "/runs/register-raft-node/linked", "\(page)/files/..%2f..%2f..%2fsecret.txt",
          "/runs/..%2f../secret.txt", "/runs/../../secret.txt", "/campaigns/..%2f..",
        ] {
          let answer = try await server.get(address)
          #expect(!answer.body.contains("the secret of"), "\(address)")
        }
        let title = try await server.drawn("\(page)/timeline")
        #expect(!title.contains("<title>broken"), "\(title.prefix(500))")
        #expect(title.contains("data-ready=\"true\""), "\(title.prefix(500))")
      }
    }
  }

  @Test("other names, other origins, and callers without the token are turned away")
  func gate() async throws {
    try await CommandLineFolder.with { folder in
      _ = try folder.file("w.yaml", workload)
      _ = try await folder.gauntlet("run", "w.yaml", "--seed", "3")
      let run =
        "/runs/" + (try FileManager.default.destinationOfSymbolicLink(atPath: folder.latest))
      try await DashboardServer.with(folder) { server in
        let stranger = try await server.get("/", "-H", "Host: evil.example")
        #expect(stranger.code == 403)
        let change = try await server.get("\(run)/remove", "-X", "POST")
        #expect(change.code == 403)
        let page = try await server.get("/")
        for name in ["content-security-policy", "x-content-type-options", "x-frame-options"] {
          #expect(!page.header(name).isEmpty, "\(name)")
        }
      }
      let token = "0123456789abcdef0123"
      try await DashboardServer.with(folder, ["--writable"], token: token) { server in
        let cookie = "Cookie: gauntlet-token=\(token)"
        let bearer = "Authorization: Bearer \(token)"
        let remove = ["\(run)/remove", "-X", "POST", "-H", cookie, "-H"]
        let asked: [([String], Int)] = [
          (["/"], 401), (["/?token=0123456789abcdef0124"], 401), (["/", "-H", bearer], 200),
          (["/", "-H", cookie], 200), (Array(remove.dropLast()), 403),
          (remove + ["Sec-Fetch-Site: cross-site"], 403),
          (remove + ["Sec-Fetch-Site: same-origin"], 303), ([run, "-H", cookie], 404),
        ]
        for (words, code) in asked {
          let answer = try await server.get(words: words)
          #expect(answer.code == code, "\(words)")
        }
        let welcome = try await server.get("/?token=\(token)")
        #expect(welcome.code == 303)
        #expect(welcome.header("set-cookie").contains("HttpOnly"))
      }
      let open = try await folder.gauntlet("serve", "--host", "0.0.0.0")
      #expect(open.code == 64 && open.errors.contains("GAUNTLET_TOKEN"), "\(open.errors)")
      let none = try await folder.gauntlet("serve", "--store", "nowhere")
      #expect(none.code == 65 && none.errors.contains("nowhere"), "\(none.errors)")
    }
  }
}

/// A server that runs, and how it is asked.
struct DashboardServer {
  let address: String
  private let folder: String

  /// What came back.
  struct Answer {
    var code: Int
    var head: String
    var body: String

    /// The value of that header; empty when there is none.
    func header(_ name: String) -> String {
      let line = head.split(whereSeparator: \.isNewline)
        .first { $0.lowercased().hasPrefix("\(name):") }
      return line.map { $0.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces) } ?? ""
    }

    /// Addresses that begin so, each once.
    func links(_ beginning: String) -> [String] {
      let parts = body.components(separatedBy: "href=\"").dropFirst()
      var seen: [String] = []
      for part in parts {
        let link = String(part.prefix { $0 != "\"" })
        if link.hasPrefix(beginning), !seen.contains(link) { seen.append(link) }
      }
      return seen
    }
  }

  /// Serves the store of `folder` while `body` goes on.
  static func with(
    _ folder: CommandLineFolder, _ options: [String] = [], token: String? = nil,
    _ body: (DashboardServer) async throws -> Void
  ) async throws {
    if let token { setenv("GAUNTLET_TOKEN", token, 1) }
    let running = try folder.start(["serve", "--port", "0"] + options)
    unsetenv("GAUNTLET_TOKEN")
    defer { kill(running.process.processIdentifier, SIGTERM) }
    var said = ""
    for _ in 0..<300 where !said.contains("until Ctrl-C") {
      try await Task.sleep(for: .milliseconds(20))
      said = try String(contentsOfFile: running.errors, encoding: .utf8)
    }
    let address = try #require(
      said.split(separator: " ").first { $0.hasPrefix("http://") }, "it says: \(said)")
    let base = address.split(separator: "?")[0].dropLast()
    try await body(DashboardServer(address: String(base), folder: folder.path))
    kill(running.process.processIdentifier, SIGTERM)
    #expect(try await running.finish().code == 0)
  }

  func get(_ path: String, _ options: String...) async throws -> Answer {
    try await get(words: [path] + options)
  }

  /// What `curl` gets: the path first, then its options.
  func get(words: [String]) async throws -> Answer {
    let head = "\(folder)/head.\(UUID())"
    let body = try await run(
      "/usr/bin/curl",
      ["-sS", "--path-as-is", "--max-time", "30", "-D", head] + words.dropFirst()
        + [address + words[0]])
    let lines = try String(contentsOfFile: head, encoding: .utf8)
    let code = lines.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    return Answer(code: code, head: lines, body: body)
  }

  /// The document once its scripts have run.
  func drawn(_ path: String) async throws -> String {
    try await run(
      "/usr/bin/timeout",
      [
        "60", "/usr/bin/chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
        "--user-data-dir=\(folder)/profile", "--virtual-time-budget=5000", "--dump-dom",
        address + path,
      ])
  }

  private func run(_ program: String, _ arguments: [String]) async throws -> String {
    let process = Process()
    process.executableURL = URL(filePath: program)
    process.arguments = arguments
    let output = "\(folder)/answer.\(UUID())"
    try Data().write(to: URL(filePath: output))
    process.standardOutput = FileHandle(forWritingAtPath: output)
    process.standardError = FileHandle.nullDevice
    try process.run()
    while process.isRunning { try await Task.sleep(for: .milliseconds(10)) }
    return String(decoding: try Data(contentsOf: URL(filePath: output)), as: UTF8.self)
  }
}
