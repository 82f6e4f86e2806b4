// Where a campaign stands after its events, and what comes next.

import Bench
import Foundation
import Support
import Testing

@testable import Campaigns

@Suite struct CampaignStateTests {
  private func campaign(seeds: Int, _ change: (inout Campaign) -> Void = { _ in }) -> Campaign {
    var campaign = Campaign(
      name: "c",
      workloads: ["a", "b"].map {
        Campaign.Source(name: $0, text: "", system: .raftNode, kinds: ["kill"])
      },
      faults: [.all, .none], builds: [Campaign.Build(name: "x", path: "/x", sum: "1")], nodes: [],
      seeds: seeds, firstSeed: 1, settings: [], cover: .full, retries: 1, quarantine: 2,
      findings: 1)
    change(&campaign)
    return campaign
  }

  private func record(_ outcome: RunOutcome) -> RunRecord {
    RunRecord(folder: "f", outcome: outcome, summary: "", seconds: 10, loadSeconds: 8)
  }

  /// Does what comes next, `outcome` by `outcome`, and returns what was done.
  private func play(
    _ state: inout CampaignState, _ outcome: (CellRun, Int) -> RunOutcome?,
    pasts: [Cell: CellPast] = [:]
  ) -> [Order.Choice] {
    let order = Order(state.campaign, pasts: pasts)
    var done: [Order.Choice] = []
    while state.runsLeft > 0, let next = order.next(in: state), done.count < 1000 {
      done.append(next)
      state.apply(
        .begin(run: next.run, attempt: next.attempt, folder: "f", reason: next.reason))
      guard let outcome = outcome(next.run, next.attempt) else { break }
      state.apply(.end(run: next.run, attempt: next.attempt, record(outcome)))
    }
    return done
  }

  @Test("every planned run is done once, all cells before any again")
  func once() {
    var state = CampaignState(campaign(seeds: 3))
    let done = play(&state) { _, _ in .valid }
    #expect(done.map(\.run) == state.planned)
    #expect(state.outcomes == [.valid: 12] && state.worst == .valid)
  }

  @Test("only the bench's failures are tried again; a cell of them is left alone")
  func failures() {
    var state = CampaignState(campaign(seeds: 4) { $0.findings = 99 })
    let bad = Cell(workload: "a", faults: .all, build: "x", nodes: nil)
    let done = play(&state) { run, _ in
      run.cell == bad ? .benchFailure : run.seed == 2 ? .inconclusive : .valid
    }
    // Two seeds with two tries each, then quarantine.
    #expect(done.count { $0.run.cell == bad } == 4)
    #expect(done.count { $0.run.cell != bad } == 12)
    #expect(state.outcomes == [.benchFailure: 2, .inconclusive: 3, .valid: 9])
    let left = state.standings.compactMap {
      if case .left(let reason) = $0 { return reason }
      return nil
    }
    #expect(left.count == 2 && left.allSatisfy { $0.contains("quarantined") })
    #expect(state.worst == .benchFailure)
  }

  @Test("a failure that does not come again counts for nothing")
  func passing() {
    var state = CampaignState(campaign(seeds: 1))
    let first = state.planned[0]
    let done = play(&state) { run, attempt in
      run == first && attempt == 1 ? .benchFailure : .valid
    }
    #expect(done.count == 5 && state.outcomes == [.valid: 4] && state.retried.count == 1)
  }

  @Test("a finding ends its cell, and what was interrupted is done again")
  func findings() {
    var state = CampaignState(campaign(seeds: 3))
    let bad = Cell(workload: "b", faults: .none, build: "x", nodes: nil)
    var interrupted = false
    let done = play(&state) { run, _ in
      if run.cell == bad { return .violation }
      if run.seed == 2, !interrupted {
        interrupted = true
        return .interrupted
      }
      return .valid
    }
    #expect(state.outcomes == [.violation: 1, .valid: 9])
    #expect(done.count == 11 && Set(done.map(\.run)).count == 10)
  }

  @Test("the budget of runs ends it, and nothing more is begun")
  func budget() {
    var state = CampaignState(campaign(seeds: 3) { $0.runs = 5 })
    #expect(play(&state) { _, _ in .valid }.count == 5)
  }

  @Test("shards are the whole, each run in one", arguments: [1, 2, 3, 7, 50])
  func shards(count: Int) {
    let campaign = campaign(seeds: 3)
    let parts = (1...count).map {
      CampaignState(campaign, shard: Shard(number: $0, count: count)).planned
    }
    #expect(parts.joined().count == 12 && Set(parts.joined()) == Set(campaign.planned))
    #expect(Shard("2/8") == Shard(number: 2, count: 8))
    for text in ["0/8", "9/8", "2", "2/", "/8", "a/b", "2/8/9", "-1/2"] {
      #expect(Shard(text) == nil, "\(text)")
    }
  }

  @Test("what found something lately comes first, then what is new, then what was least run")
  func order() {
    var state = CampaignState(campaign(seeds: 2))
    let cells = state.campaign.cells
    var pasts: [Cell: CellPast] = [:]
    for (place, cell) in cells.enumerated() {
      var past = CellPast()
      (past.runs, past.build) = (10 - place, "1")
      if place == 2 { past.findings = 3 }
      if place == 1 { past.build = "0" }
      pasts[cell] = past
    }
    let done = play(&state, { _, _ in .valid }, pasts: pasts)
    #expect(done.prefix(2).map(\.run.cell) == [cells[2], cells[1]])
    #expect(done[0].reason == "3 of its last ten runs found something")
    #expect(done[1].reason == "its build has changed since it was last run")
    #expect(done.count == 8)
    #expect(Set(done.prefix(6).map(\.run.cell)) == Set(cells))
  }

  @Test(
    "wherever a controller is killed, the same runs are done, each once", arguments: Seed.some(50))
  func resumed(seed: Seed) throws {
    var random = SplitMix64(seed)
    let campaign = campaign(seeds: 3) { $0.findings = 99 }
    let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    var finished: [CellRun] = []
    for _ in 0..<100 {
      let (journal, events) = try Journal.open(path)
      var state = CampaignState(campaign, after: events)
      for (run, attempt, _) in state.unfinished {
        // Half of those that were cut off had stored their results.
        let isStored = Bool.random(using: &random)
        let event = CampaignEvent.end(
          run: run, attempt: attempt, record(isStored ? .valid : .interrupted))
        try journal.append(event)
        state.apply(event)
        if isStored { finished.append(run) }
      }
      let order = Order(campaign, pasts: [:])
      var isKilled = false
      while !isKilled, let next = order.next(in: state) {
        let begin = CampaignEvent.begin(
          run: next.run, attempt: next.attempt, folder: "f", reason: "")
        try journal.append(begin)
        state.apply(begin)
        isKilled = Int.random(in: 0..<4, using: &random) == 0
        if isKilled { break }
        let end = CampaignEvent.end(run: next.run, attempt: next.attempt, record(.valid))
        try journal.append(end)
        state.apply(end)
        finished.append(next.run)
      }
      if !isKilled { break }
      // A line that was being written as the controller was killed.
      if Bool.random(using: &random), let file = FileHandle(forWritingAtPath: path) {
        try file.seekToEnd()
        try file.write(contentsOf: Data("{\"begin\":{\"run\"".utf8))
        try file.close()
      }
    }
    #expect(finished.count == 12 && Set(finished) == Set(campaign.planned))
  }

  @Test("a journal that is damaged, or that somebody has, is refused")
  func damaged() throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let (journal, _) = try Journal.open(path)
    try journal.append(.session(time: "t"))
    #expect(throws: BenchError.self) { _ = try Journal.open(path) }
    withExtendedLifetime(journal) {}
    let other = "\(path)-2"
    defer { try? FileManager.default.removeItem(atPath: other) }
    try Data("{\"session\":{\"time\":\"t\"}}\nnonsense\n".utf8).write(to: URL(filePath: other))
    #expect(throws: BenchError.self) { _ = try Journal.open(other) }
  }

  @Test("an estimate is a range that holds the truth, and none is made of nothing")
  func estimate() throws {
    #expect(Estimate(left: 10, labs: 2, after: [5]) == nil)
    let estimate = try #require(Estimate(left: 10, labs: 2, after: [9, 10, 11, 10]))
    #expect(estimate.seconds.contains(50) && estimate.seconds.upperBound < 60)
    #expect(try #require(Estimate(left: 0, labs: 2, after: [9, 10])).text == "0 to 0 s")
  }

  @Test("a run that is interrupted after its cell was left is left too")
  func leftMeanwhile() throws {
    var state = CampaignState(campaign(seeds: 3))
    let own = state.planned.filter { $0.cell == state.planned[0].cell }
    for run in own.prefix(2) {
      state.apply(.begin(run: run, attempt: 1, folder: "f", reason: ""))
    }
    state.apply(.end(run: own[0], attempt: 1, record(.violation)))
    state.apply(.end(run: own[1], attempt: 1, record(.interrupted)))
    #expect(!state.waiting.contains { $0.run.cell == own[0].cell })
    #expect(state.outcomes == [.violation: 1])
  }

  @Test("of several campaigns' parts the last are those that began last, whatever their names")
  func names() {
    let names = [
      "weekly-20261122T020000-1of2", "nightly-20261129T020000-1of2", "by-hand",
      "nightly-20261128T020000-1of2",
    ]
    let folders = names.map { CampaignFolder(store: "/s", name: "campaigns/\($0)") }
    #expect(
      CampaignCollection.inOrder(folders).map(\.name) == [2, 0, 3, 1].map { folders[$0].name })
  }

  @Test("parts of the night before are no parts of this one, and a part that was begun again is")
  func nights() {
    func folder(_ stamp: String, _ part: Int) -> CampaignFolder {
      CampaignFolder(store: "s", name: "campaigns/n-\(stamp)-\(part)of3")
    }
    let nights: [Int: [CampaignFolder]] = [
      1: [folder("20261127T020001", 1), folder("20261128T020003", 1)],
      2: [folder("20261127T020002", 2)],
      3: [folder("20261127T020000", 3), folder("20261128T020001", 3)],
    ]
    let tonight = CampaignCollection.withoutEarlierNights(nights)
    #expect(tonight == [folder("20261128T020003", 1), folder("20261128T020001", 3)])
    var again = nights.mapValues { [$0[0]] }
    again[2]?.append(folder("20261127T090000", 2))
    #expect(CampaignCollection.withoutEarlierNights(again).count == 3)
    again[2]?.append(folder("20261128T090000", 2))
    #expect(CampaignCollection.withoutEarlierNights(again).count == 3)
  }

  @Test("what is still to be done is not more than the budget has time for")
  func budgets() throws {
    for (seconds, runs, words) in [
      (nil, nil, "36 left, 3 to 3 min"),
      (150, nil, "36 left, of which the budget has time for 90 s"),
      (150, 8, "36 left, 20 to 20 s"), (9000, nil, "36 left, 3 to 3 min"),
    ] as [(Double?, Int?, String)] {
      var state = CampaignState(
        campaign(seeds: 10) { ($0.seconds, $0.runs) = (seconds, runs) })
      for run in state.planned.prefix(4) {
        state.apply(.begin(run: run, attempt: 1, folder: "f", reason: ""))
        state.apply(.end(run: run, attempt: 1, record(.valid)))
      }
      state.apply(.elapsed(seconds: 60))
      let line = CampaignProgress.line(state.planned[3], record(.valid), state, labs: 2)
      #expect(line.hasSuffix(words), "\(line)")
      #expect(!state.isOver)
    }
  }

  @Test(
    "a campaign is over when nothing waits, or the budget is spent, and not while a run goes on")
  func over() throws {
    for (seconds, runs, isOver) in [
      (nil, nil, false), (65, nil, true), (nil, 4, true), (100, 9, false),
    ] as [(Double?, Int?, Bool)] {
      var state = CampaignState(
        campaign(seeds: 10) { ($0.seconds, $0.runs) = (seconds, runs) })
      for run in state.planned.prefix(4) {
        state.apply(.begin(run: run, attempt: 1, folder: "f", reason: ""))
        #expect(!state.isOver)
        state.apply(.end(run: run, attempt: 1, record(.valid)))
      }
      state.apply(.elapsed(seconds: 60))
      #expect(state.isOver == isOver, "\(String(describing: seconds)) \(String(describing: runs))")
    }
  }
}
