// What ends a run that does not end, and what a run's outcome is called.

import Foundation
import History
import Nemesis
import Synchronization
import Testing
import Workloads

@testable import Bench

@Suite(.timeLimit(.minutes(1))) struct WatchdogTests {
  @Test("a phase that does not end is reported with what every part was doing")
  func reports() async throws {
    let activity = Activity()
    activity.set("worker 3", "write of key 7 at n2")
    activity.set("nemesis", "carries out the plan")
    activity.set("nemesis", nil)
    let path = FileManager.default.temporaryDirectory.appending(path: "hang-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let reports = AsyncStream.makeStream(of: String.self)
    let watchdog = Watchdog(activity: activity) { reports.continuation.yield($0) }
    watchdog.expect("deploy", within: .seconds(60), dump: path)
    watchdog.expect("load", within: .milliseconds(1), dump: path)
    for await report in reports.stream {
      #expect(report.contains("phase load did not end"))
      #expect(report.contains("worker 3: write of key 7 at n2"))
      #expect(!report.contains("nemesis"))
      #expect(try String(contentsOfFile: path, encoding: .utf8) == report)
      break
    }
  }

  @Test("a phase that ended in time is not reported")
  func rests() async throws {
    let reported = Mutex(false)
    let watchdog = Watchdog(activity: Activity()) { _ in reported.withLock { $0 = true } }
    let sure = AsyncStream.makeStream(of: Void.self)
    let later = Watchdog(activity: Activity()) { _ in sure.continuation.finish() }
    watchdog.expect("load", within: .milliseconds(5), dump: nil)
    watchdog.rest()
    later.expect("later", within: .milliseconds(50), dump: nil)
    for await _ in sure.stream {}
    #expect(!reported.withLock { $0 })
  }
}

@Suite struct RunOutcomeTests {
  /// `DESIGN.md`: where several hold, the first of 1, 130, 10, 65, 3, 4, 2, 0.
  @Test("the precedence of outcomes is that of their exit codes")
  func precedence() {
    let codes = RunOutcome.byPrecedence.map(\.exitCode)
    let order: [Int32] = [1, 130, 10, 65, 3, 4, 2, 0]
    #expect(codes.compactMap(order.firstIndex).sorted() == codes.compactMap(order.firstIndex))
    #expect(Set(RunOutcome.byPrecedence) == Set(RunOutcome.allCases))
  }

  @Test("figures are short")
  func figures() {
    #expect(Figures.count(1_234_567) == "1,234,567" && Figures.count(12) == "12")
    #expect(Figures.seconds(0.01234) == "12.3 ms" && Figures.seconds(2.346) == "2.35 s")
    #expect(Figures.percent(0.9999) == "99.9 %")
  }
}

@Suite struct JudgementTests {
  @Test("two leaders in one term are a violation, two in two terms are none")
  func elections() async throws {
    let workload = try WorkloadFile.parse("check: [elections]\nfaults: []", file: "w")
    var circumstances = Circumstances()
    func judge() async throws -> RunResults {
      try await Judgement.judge(History(), of: workload, circumstances)
    }
    #expect(try await judge().checks.map(\.verdict) == ["unknown"])
    #expect(try await judge().outcome == .inconclusive)
    circumstances.claims = [("n1", 1), ("n2", 2), ("n1", 3)].map {
      RunResults.LeaderSeen(time: 0, node: $0.0, term: $0.1)
    }
    #expect(try await judge().outcome != .violation)
    #expect(try await judge().checks.map(\.verdict) == ["valid"])
    circumstances.claims.append(RunResults.LeaderSeen(time: 9, node: "n3", term: 2))
    let results = try await judge()
    #expect(results.outcome == .violation)
    #expect(results.summary == "Two leaders in one term: n2 and n3 both led in term 2.")
    // As it is judged again from what was stored.
    let again = try await Judgement.judge(History(), of: workload, Circumstances(results))
    #expect(again.outcome == .violation)
  }
}

extension JudgementTests {
  @Test("a recipe of which none took hold is said, with what became of it")
  func recipes() async throws {
    let workload = try WorkloadFile.parse(
      "time: 60s\nfaults: [{recipe: [leader-flip, hung-leader], every: 5s, for: 1s}]", file: "w")
    var circumstances = Circumstances()
    circumstances.faults = [
      FaultOutcome(fault: 1, kind: "recipe", choice: "leader-flip", result: .installed),
      FaultOutcome(
        fault: 2, kind: "recipe", choice: "hung-leader", result: .skipped, reason: "step 1: no shim"
      ),
    ]
    func missing() async throws -> [String] {
      try await Judgement.judge(History(), of: workload, circumstances).missing.filter {
        $0.contains("recipe")
      }
    }
    #expect(
      try await missing().contains("the recipe hung-leader did not take hold: step 1: no shim"))
    #expect(try await !missing().contains { $0.contains("leader-flip") })
    circumstances.faults[1].result = .installed
    #expect(try await !missing().contains { $0.contains("did not take hold") })
  }
}

@Suite struct RunFolderTests {
  @Test("a folder is made once, and latest points to the newest")
  func folders() throws {
    let store = FileManager.default.temporaryDirectory.appending(path: "store-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: store) }
    let workload = try Workloads.WorkloadFile.parse("nodes: 3", file: "w")
    let first = try RunFolder.make(in: store, for: workload, seed: 7)
    let second = try RunFolder.make(in: store, for: workload, seed: 7)
    #expect(first != second)
    try RunFolder.write(Data("x".utf8), to: second.history)
    #expect(RunFolder.isRun("\(store)/latest") && !RunFolder.isRun(first.path))
    #expect(throws: BenchError.self) {
      try RunFolder.make(in: "/proc/none", for: workload, seed: 1)
    }
  }
}

extension JudgementTests {
  @Test("calls that are answered too late miss the objective of latency, and the line says so")
  func latency() async throws {
    // A hundred reads of ten milliseconds each.
    let lines = (0..<100).map { place in
      let start = place * 1_000_000_000
      return """
        {"index":\(2 * place),"type":"invoke","process":0,"f":"read","key":"0","value":null,"time":\(start)}
        {"index":\(2 * place + 1),"type":"ok","process":0,"f":"read","key":"0","value":null,"time":\(start + 10_000_000)}

        """
    }
    let history = try History(bytes: Array(lines.joined().utf8), name: "drawn")
    for (objective, missed) in [("9ms", [Objective.latency]), ("11ms", [])] {
      let workload = try WorkloadFile.parse(
        "check: [availability]\nfaults: []\nobjectives: {latency: \(objective)}", file: "w")
      let results = try await Judgement.judge(history, of: workload, Circumstances())
      let detail = try #require(results.checks.first?.detail)
      #expect(Objective.missed(in: detail) == missed, "\(detail)")
      #expect((results.outcome == .objective) == !missed.isEmpty, "\(results.summary)")
      #expect(detail.contains("99 of 100 calls of read within 10"), "\(detail)")
    }
  }
}
