// Campaigns, comparisons, bisecting and shrinking, from the outside: real runs of real nodes, sound ones
// and broken ones.

import Foundation
import Testing

@Suite(.tags(.integration), .serialized, .timeLimit(.minutes(4)))
struct CampaignIntegrationTests {
  /// Without compare-and-set, two leaders are stale reads in every run, and never a lost update.
  private let workload = """
    nodes: 3
    clients: 6
    rate: 300
    time: 2s
    workload: {name: register, mix: {read: 5, write: 5}}
    faults:
      - {kill: [one], every: 900ms, for: 200ms}
    check: [linearizable, availability, crashes, elections]

    """

  /// What the journal says of how runs ended, by the run.
  private func ends(_ folder: CommandLineFolder) throws -> [String: [String]] {
    let journal = try String(
      contentsOfFile: "\(folder.path)/runs/campaigns/latest/journal.jsonl", encoding: .utf8)
    var ends: [String: [String]] = [:]
    for line in journal.split(separator: "\n") {
      let event = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      guard let end = event?["end"] as? [String: Any], let run = end["run"] as? [String: Any],
        let cell = run["cell"] as? [String: Any], let record = end["_2"] as? [String: Any]
      else { continue }
      let name = "\(cell["build"] ?? "") \(cell["faults"] ?? "") \(run["seed"] ?? "")"
      ends[name, default: []].append(record["outcome"] as? String ?? "")
    }
    return ends
  }

  @Test("killed at any moment and resumed, every cell is run once, and each outcome is told apart")
  func campaign() async throws {
    try await CommandLineFolder.with { folder in
      _ = try folder.file("w.yaml", workload)
      _ = try folder.brokenNode("broken")
      _ = try folder.program("dying", "#!/bin/bash\nsleep 1\nexit 3\n")
      let file = try folder.file(
        "c.yaml",
        """
        workloads: w.yaml
        faults: [none, kill]
        builds: [raft-node, broken, dying]
        seeds: 2
        findings: 9
        """)
      var words = ["campaign", "run", file]
      for _ in 0..<3 {
        let running = try folder.start(words)
        // Nothing can be resumed before there is one.
        let journal = "\(folder.path)/runs/campaigns/latest/journal.jsonl"
        _ = try await eventually { FileManager.default.fileExists(atPath: journal) }
        try await Task.sleep(for: .milliseconds(Int.random(in: 0...5000)))
        kill(running.process.processIdentifier, SIGKILL)
        let killed = try await running.finish()
        #expect(killed.code == 128 + SIGKILL, "\(killed.errors)")
        #expect(FileManager.default.fileExists(atPath: journal))
        words = ["campaign", "resume"]
      }
      let resumed = try await folder.gauntlet("campaign", "resume", "--json")
      #expect(resumed.code == 1, "\(resumed.errors)")
      #expect(try await folder.differences(of: resumed.output, from: "campaign") == "")
      let summary = try resumed.json()
      #expect(summary["done"] as? Int == 12 && summary["left"] as? Int == 0, "\(summary)")
      let outcomes = try #require(summary["outcomes"] as? [String: Int])
      #expect(outcomes["violation"] == 4, "\(outcomes) \(resumed.errors)")
      #expect((outcomes["crash"] ?? 0) + (outcomes["bench-failure"] ?? 0) == 4, "\(outcomes)")
      #expect((outcomes["valid"] ?? 0) + (outcomes["inconclusive"] ?? 0) == 4, "\(outcomes)")
      for (run, outcomes) in try ends(folder) {
        let counted = outcomes.filter { $0 != "interrupted" && $0 != "bench-failure" }
        #expect(counted.count <= 1, "\(run): \(outcomes)")
      }
      let findings = try #require(summary["findings"] as? [[String: Any]])
      let violations = findings.filter { $0["outcome"] as? String == "violation" }
      #expect(violations.count == 1, "two leaders in a term are one finding: \(findings)")
      let status = try await folder.gauntlet("campaign", "status")
      #expect(status.code == 0 && status.output.contains("12 of 12 runs done"))
      try await index(folder)
    }
  }

  /// The index lists what was run, and can be made again from the folders.
  private func index(_ folder: CommandLineFolder) async throws {
    let list = try await folder.gauntlet(
      "runs", "--json", "--limit", "1000", "--campaign", "latest")
    let again = try await folder.gauntlet("runs", "reindex")
    let relisted = try await folder.gauntlet(
      "runs", "--json", "--limit", "1000", "--campaign", "latest")
    let lines = list.output.split(separator: "\n")
    #expect(list.code == 0 && again.code == 0 && lines.count >= 12, "\(again.errors)")
    #expect(Set(lines).isSubset(of: relisted.output.split(separator: "\n")))
    #expect(try await folder.differences(of: list.output, from: "entry") == "")
    let broken = try await folder.gauntlet("runs", "--outcome", "violation", "--build", "broken")
    #expect(broken.output.split(separator: "\n").count == 4)
    let gone = try await folder.gauntlet("runs", "gc", "--days", "0", "--keep", "0")
    #expect(gone.code == 0, "\(gone.errors)")
    // What was run today is not older than today.
    #expect(gone.output.hasSuffix("0 runs, 0 MB\n"), "\(gone.output)")
    // Nobody knows any more what this one found.
    let valid = try await folder.gauntlet("runs", "--json", "--outcome", "valid")
    let oldest = try #require(valid.output.split(separator: "\n").last)
    let unread = try #require(oldest.firstMatch(of: /"folder":"([^"]+)"/)).output.1
    let torn = "\(folder.path)/runs/\(unread)"
    try Data("{".utf8).write(to: URL(filePath: "\(torn)/results.json"))
    let small = try await folder.gauntlet("runs", "gc", "--size", "0", "--keep", "1")
    #expect(small.code == 0 && small.errors.contains("\(unread): left alone"), "\(small.errors)")
    #expect(FileManager.default.fileExists(atPath: "\(torn)/history.jsonl"))
    try await names(folder, run: String(unread))
    let left = try await folder.gauntlet("runs", "--json", "--limit", "1000")
    let outcomes = left.output.matches(of: /"outcome":"([a-z-]+)"/).map { String($0.output.1) }
    #expect(outcomes.count { $0 == "violation" } == 4 && outcomes.count <= 10, "\(outcomes)")
  }

  /// What names no run removes none, `latest` stays one, and a damaged index is made again.
  private func names(_ folder: CommandLineFolder, run: String) async throws {
    let before = try await folder.gauntlet("runs", "--json", "--limit", "1000").output
    for name in ["", ".", "..", "/"] {
      let run = try await folder.gauntlet("runs", "rm", name)
      #expect(run.code == 65 && run.errors.contains("no run of"), "\(name): \(run)")
    }
    let wrong = try await folder.gauntlet("compare", "nope", run)
    #expect(wrong.code == 65 && wrong.errors.contains("nope: no run of"), "\(wrong)")
    #expect(try await folder.gauntlet("runs", "--json", "--limit", "1000").output == before)
    let index = "\(folder.path)/runs/index.sqlite"
    try Data("no index".utf8).write(to: URL(filePath: index))
    let damaged = try await folder.gauntlet("runs")
    #expect(damaged.code == 65 && damaged.errors.contains("runs reindex"), "\(damaged)")
    #expect(try await folder.gauntlet("runs", "reindex").code == 0)
    let newest = try await folder.gauntlet("runs", "show", "latest", "--json").json()
    let name = try #require(newest["folder"] as? String)
    #expect(try await folder.gauntlet("runs", "rm", "latest").code == 0)
    let next = try await folder.gauntlet("runs", "show", "latest", "--json")
    #expect(next.code == 0 && !next.output.contains(name), "\(next)")
  }

  @Test("Ctrl-C ends the runs in order; what they had is kept, and they are done again")
  func interrupted() async throws {
    try await CommandLineFolder.with { folder in
      _ = try folder.file("w.yaml", workload)
      let file = try folder.file("c.yaml", "workloads: w.yaml\nfaults: none\nseeds: 2\ntime: 4s\n")
      let running = try folder.start(["campaign", "run", file])
      #expect(
        try await eventually {
          let path = "\(folder.path)/runs/campaigns/latest/journal.jsonl"
          return (try? String(contentsOfFile: path, encoding: .utf8))?.contains("begin") ?? false
        })
      try await Task.sleep(for: .seconds(2))
      kill(running.process.processIdentifier, SIGINT)
      let ended = try await running.finish()
      #expect(ended.code == 130, "\(ended.errors)")
      #expect(ended.output.contains("0 of 2 runs done, 2 left"), "\(ended.output)")
      let resumed = try await folder.gauntlet(
        "campaign", "resume", "--notify", "cat > told; echo $GAUNTLET_CAMPAIGN >> told")
      #expect([0, 2].contains(resumed.code), "\(resumed.output) \(resumed.errors)")
      #expect(resumed.output.contains("2 of 2 runs done"), "\(resumed.output)")
      let told = try String(contentsOfFile: "\(folder.path)/told", encoding: .utf8)
      #expect(told.contains("\"campaign\":\"c\",\"done\":2,") && told.hasSuffix("}\nc\n"))
      for name in ["c.html", "c.xml", "c.md", "c.sarif", "c.prom", "c.json"] {
        let path = "\(folder.path)/\(name)"
        let report = try await folder.gauntlet("report", "--output", path)
        let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
        #expect(report.code == 0 && size ?? 0 > 100, "\(name): \(report.errors)")
      }
    }
  }

  @Test(
    "parts that were run apart are one campaign together, and a lost part is done by resuming it")
  func shards() async throws {
    try await CommandLineFolder.with { folder in
      _ = try folder.file("w.yaml", workload)
      let file = try folder.file("c.yaml", "workloads: w.yaml\nfaults: none\nseeds: 4\ntime: 1s\n")
      func stores() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/shards")
          .map { "shards/\($0)" }
      }
      // Collected as each comes in; what is there stays as it is.
      let collections = [("1/3", "2 of 4 runs done, 2 left"), ("3/3", "3 of 4 runs done, 1 left")]
      for (shard, said) in collections {
        let part = try await folder.gauntlet(
          "campaign", "run", file, "--shard", shard, "--store", "shards/\(shard.prefix(1))")
        #expect([0, 2].contains(part.code), "\(part.output) \(part.errors)")
        let collected = try await folder.gauntlet(
          words: ["campaign", "collect", "--store", "night"] + (try stores()))
        #expect(collected.code == 2 && collected.output.contains(said), "\(collected.output)")
      }
      let resumed = try await folder.gauntlet("campaign", "resume", "--store", "night")
      #expect(resumed.output.contains("4 of 4 runs done"), "\(resumed.output) \(resumed.errors)")
      let runs = try await folder.gauntlet(
        "runs", "--json", "--campaign", "latest", "--store", "night")
      let seeds = runs.output.matches(of: /"seed":"([0-9]+)"/).map { String($0.output.1) }
      #expect(seeds.sorted() == ["1", "2", "3", "4"])
      let again = try await folder.gauntlet(
        words: ["campaign", "collect", "--store", "night"] + (try stores()))
      #expect(again.output.contains("4 of 4 runs done"), "\(again.output) \(again.errors)")
      let all = try await folder.gauntlet("runs", "--json", "--store", "night")
      #expect(all.output.matches(of: /"seed":"/).count == 4, "\(all.output)")
    }
  }

  @Test("a build that comes back too late misses its objective, which is a regression that holds")
  func lateBuild() async throws {
    try await CommandLineFolder.with { folder in
      let file = try folder.file(
        "w.yaml",
        """
        nodes: 3
        clients: 6
        rate: 300
        time: 2s
        faults:
          - {kill: [majority], every: 1200ms, for: 200ms}
        check: [linearizable, availability, crashes]
        objectives: {recovery: 2s, gap: 60s, latency: 2s}

        """)
      let late = try folder.program(
        "late", "#!/bin/sh\nsleep 3\nexec \(folder.path)/raft-node \"$@\"\n")
      let run = try await folder.undisturbed("run", file, "--build", late, "--seed", "1")
      #expect(run.code == 3, "\(run.output) \(run.errors)")
      #expect(run.output.contains("missed: recovery."), "\(run.output)")
      let worse = try await folder.gauntlet(
        "compare", "\(folder.path)/raft-node", late, "--workload", file, "--faults", "kill",
        "--pairs", "7", "--time", "2s", "--json")
      // Also if one of the seven says nothing.
      #expect(worse.code == 4, "\(worse.output) \(worse.errors)")
      let findings = try #require(try worse.json()["findings"] as? [[String: Any]])
      #expect(findings.contains { $0["outcome"] as? String == "objective" }, "\(worse.output)")
    }
  }

  @Test("a build beside itself is no regression, a broken one is a new violation")
  func compares() async throws {
    try await CommandLineFolder.with { folder in
      let file = try folder.file("w.yaml", workload)
      let node = "\(folder.path)/raft-node"
      let same = try await folder.gauntlet(
        "compare", node, node, "--workload", file, "--pairs", "2", "--time", "1s", "--json")
      // Two pairs say nothing of any figure, and it is not called sound for that.
      #expect(same.code == 2, "\(same.output) \(same.errors)")
      let figures = try #require(try same.json()["differences"] as? [[String: Any]])
      let processor = try #require(
        figures.first { $0["measure"] as? String == "processor time an operation" })
      #expect(try #require(processor["first"] as? Double) > 1)
      let worse = try await folder.gauntlet(
        "compare", node, try folder.brokenNode(), "--workload", file, "--pairs", "2", "--time",
        "1s", "--json")
      #expect(worse.code == 1, "\(worse.output) \(worse.errors)")
      #expect(try await folder.differences(of: worse.output, from: "comparison") == "")
      let findings = try #require(try worse.json()["findings"] as? [[String: Any]])
      #expect(findings.contains { $0["verdict"] as? String == "new" })
      // The campaign that it was can be looked at again, and a page that cannot be written hides nothing.
      try FileManager.default.createDirectory(
        atPath: "\(folder.path)/taken.html", withIntermediateDirectories: true)
      let again = try await folder.gauntlet(
        "compare", "A", "B", "--campaign", "compare", "--output", "taken.html", "--output",
        "c.html", "--output", "c.md")
      #expect(again.code == 1 && again.output.contains("new: violation"), "\(again.output)")
      let page = try String(contentsOfFile: "\(folder.path)/c.html", encoding: .utf8)
      #expect(page.contains("processor time an operation") && page.hasSuffix("</html>\n"))
      let text = try String(contentsOfFile: "\(folder.path)/c.md", encoding: .utf8)
      #expect(text.hasPrefix("## Gauntlet: B over A") && text.contains("**new**: violation"))
    }
  }

  @Test(
    "of eight commits that is named which broke the node, and unbuildable ones are passed over")
  func bisects() async throws {
    try await CommandLineFolder.with { folder in
      let file = try folder.file("w.yaml", workload)
      _ = try folder.brokenNode()
      let repository = "\(folder.path)/repository"
      let script = try folder.program(
        "history",
        """
        #!/bin/bash
        set -e
        git init -q -b main \(repository) && cd \(repository)
        git config user.email a@b.c && git config user.name n
        for k in $(seq 0 8); do
          [ $k -lt 5 ] && n=raft-node || n=alone
          [ $k -eq 3 ] && echo 'cp no/such node' > make || echo "cp \(folder.path)/$n node" > make
          echo $k > number && git add . && git commit -q -m "commit $k"
        done
        """)
      let made = Process()
      made.executableURL = URL(filePath: script)
      try made.run()
      made.waitUntilExit()
      #expect(made.terminationStatus == 0)
      let found = try await folder.gauntlet(
        "bisect", "--good", "main~8", "--bad", "main", "--source", repository, "--make",
        "sh make", "--program", "node", "--workload", file, "--time", "1s", "--error", "0.6",
        "--json")
      #expect(found.code == 0, "\(found.output) \(found.errors)")
      let nowhere = try await folder.gauntlet(
        "bisect", "--good", "a", "--bad", "b", "--source", folder.path, "--make", "true",
        "--program", "node", "--workload", file)
      #expect(nowhere.code == 65 && nowhere.errors.contains("not a git repository"), "\(nowhere)")
      let typo = try await folder.gauntlet(
        "bisect", "--good", "mian~8", "--bad", "main", "--source", repository, "--make", "true",
        "--program", "node", "--workload", file)
      #expect(typo.code == 65 && typo.errors.contains("mian~8: no revision of"), "\(typo)")
      let first = try #require(try found.json()["first"] as? [[String: Any]])
      #expect(first.map { $0["subject"] as? String } == ["commit 5"], "\(found.output)")
    }
  }

  @Test("a build that outlives who began it keeps its tree to itself")
  func orphanedBuild() async throws {
    try await CommandLineFolder.with { folder in
      let file = try folder.file("w.yaml", workload)
      let script = try folder.program(
        "history",
        """
        #!/bin/bash
        set -e
        git init -q -b main repository && cd repository
        git config user.email a@b.c && git config user.name n
        for k in 0 1; do echo $k > number && git add . && git commit -q -m "commit $k"; done
        """)
      #expect(try await folder.start([], program: [script]).finish().code == 0)
      let words = [
        "bisect", "--good", "main~1", "--bad", "main", "--source", "repository", "--make",
        "touch \(folder.path)/begun; sleep 4; exit 3", "--program", "node", "--workload", file,
      ]
      let first = try folder.start(words)
      #expect(
        try await eventually { FileManager.default.fileExists(atPath: "\(folder.path)/begun") })
      kill(first.process.processIdentifier, SIGKILL)
      _ = try await first.finish()
      let second = try await folder.gauntlet(words: words)
      #expect(second.code == 10 && second.errors.contains("being built there"), "\(second)")
      try await Task.sleep(for: .seconds(5))
      let third = try await folder.gauntlet(words: words)
      #expect(third.errors.contains("failed"), "\(third)")
    }
  }

  @Test("a new violation that needs no fault is shrunk to none, and what is left can be packed")
  func shrinks() async throws {
    try await CommandLineFolder.with { folder in
      let file = try folder.file("w.yaml", workload)
      let node = try folder.brokenNode()
      let run = try await folder.gauntlet("run", file, "--build", node, "--seed", "1", "--json")
      #expect(run.code == 1, "\(run.errors)")
      #expect(try await folder.differences(of: run.output, from: "run") == "")
      let results = "\(folder.latest)/results.json"
      #expect(try await folder.differences(of: results, from: "results") == "")
      let worse = try await folder.gauntlet(
        "compare", "\(folder.path)/raft-node", node, "--workload", file, "--faults", "all",
        "--pairs", "1", "--time", "1s", "--shrink", "--json")
      #expect(worse.code == 1, "\(worse.output) \(worse.errors)")
      #expect(try await folder.differences(of: worse.output, from: "comparison") == "")
      let findings = try #require(try worse.json()["findings"] as? [[String: Any]])
      let least = try #require(findings.first?["reproduction"] as? [String: Any], "\(worse.errors)")
      #expect((least["faults"] as? [String])?.isEmpty == true, "\(least)")
      #expect(least["nodes"] as? Int == 3 && (least["clients"] as? Int ?? 9) <= 3)
      #expect((least["rate"] as? [Int])?.first ?? 0 >= 3, "\(least)")
      let small = try #require(least["run"] as? String)
      let shrunk = try await folder.gauntlet(
        "shrink", small, "--build", node, "--json", "--tries", "3", "--error", "0.6")
      #expect(shrunk.code == 0, "\(shrunk.output) \(shrunk.errors)")
      #expect(try shrunk.json()["fingerprint"] as? String == least["fingerprint"] as? String)
      // What a maintainer is sent can be done again where nothing else is.
      let packed = try await folder.gauntlet(
        "report", folder.latest, "--bundle", "bug.tar.gz", "--build", node)
      #expect(packed.code == 0, "\(packed.errors)")
      let unpack = Process()
      unpack.executableURL = URL(filePath: "/usr/bin/tar")
      unpack.arguments = ["-C", folder.path, "-xzf", "\(folder.path)/bug.tar.gz"]
      try unpack.run()
      unpack.waitUntilExit()
      let name = URL(filePath: folder.latest).resolvingSymlinksInPath().lastPathComponent
      let again = try await folder.gauntlet(
        "replay", name, "--build", "\(name)/program", "--store", "elsewhere")
      #expect(again.code == 1, "\(again.output) \(again.errors)")
    }
  }
}
