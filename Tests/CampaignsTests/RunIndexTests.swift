// The index asked in the ways in which the dashboard asks it.

import Bench
import Foundation
import Glibc
import Testing

@testable import Campaigns

@Suite struct RunIndexTests {
  private func with(_ count: Int, _ body: (RunIndex) async throws -> Void) async throws {
    let store = "/tmp/gauntlet-index-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: store, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: store) }
    let index = try RunIndex(store: store)
    try await index.fill((0..<count).map { RunEntry.made($0) })
    try await body(index)
  }

  @Test("runs are searched, sorted and passed over, and counted whatever the page")
  func pages() async throws {
    try await with(500) { index in
      var filter = RunFilter()
      (filter.limit, filter.offset) = (100, 450)
      #expect(try await index.runs(filter).count == 50)
      #expect(try await index.count(filter) == 500)
      (filter.order, filter.isAscending, filter.offset) = (.ok, true, 0)
      let ordered = try await index.runs(filter).map(\.ok)
      #expect(ordered == ordered.sorted() && ordered.first == 0)
      filter.text = "STALE"
      #expect(try await index.count(filter) == 50)
      filter.text = "100%_'"
      #expect(try await index.count(filter) == 0)
      (filter.text, filter.fingerprint) = (nil, "8d86")
      #expect(try await index.count(filter) == 50)
      filter.fingerprint = "d86"
      #expect(try await index.count(filter) == 0)
      #expect(try await index.names(.build) == ["b0", "b1"])
    }
  }

  @Test("an index that is made again while runs end has them all")
  func rebuiltBeside() async throws {
    let store = "/tmp/gauntlet-index-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: store) }
    let folders = (100..<400).map { "g/20261128T021500-\($0)" }
    for folder in folders {
      let run = RunFolder(path: "\(store)/\(folder)")
      try FileManager.default.createDirectory(
        atPath: run.path, withIntermediateDirectories: true)
      let text = "system: raft-node\nnodes: 3\ntime: 1s\nworkload: {name: register}\n"
      try RunFolder.write(Data(text.utf8), to: run.workload)
      try RunFolder.write(Data(), to: run.history)
    }
    let (index, other) = (try RunIndex(store: store), try RunIndex(store: store))
    let made = Task { try await index.rebuild() }
    for folder in folders {
      let results = RunFolder(path: "\(store)/\(folder)").results
      try RunFolder.write(Data(RunResults.made(build: "ab").utf8), to: results)
      try await other.add(folder)
    }
    _ = try await made.value
    let runs = try await index.runs()
    #expect(Set(folders).subtracting(runs.map(\.folder)) == [])
    #expect(runs.allSatisfy { $0.outcome == "violation" })
  }

  @Test("a run that goes on is not removed")
  func held() async throws {
    try await with(1) { index in
      let name = try #require(try await index.runs().first?.folder)
      let run = RunFolder(path: "\(index.store)/\(name)")
      try FileManager.default.createDirectory(
        atPath: run.path, withIntermediateDirectories: true)
      try RunFolder.write(Data(), to: run.history)
      let holder = open(run.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      #expect(flock(holder, LOCK_EX) == 0)
      await #expect(throws: BenchError.self) { try await index.remove([name]) }
      #expect(RunFolder.isRun(run.path))
      close(holder)
      try await index.remove([name])
      #expect(!RunFolder.isRun(run.path))
      #expect(try await index.count() == 0)
    }
  }

  @Test("sizes that no integer holds together are none to trip over")
  func sizes() throws {
    let runs = (1..<9).map { number in
      var run = RunEntry.made(number)
      run.bytes = .max / 2
      return run
    }
    #expect(Retention(keep: 1, oldest: nil, bytes: 1).going(of: runs).count == 7)
  }

  @Test("each cell of each day is summed up, unfinished runs left out")
  func nights() async throws {
    try await with(500) { index in
      let nights = try await index.nights(60)
      #expect(nights.reduce(0) { $0 + $1.runs } == 500)
      #expect(nights.reduce(0) { $0 + $1.findings } == 50)
      #expect(Set(nights.map(\.day)).count == 10)
      #expect(Set(try await index.nights(3).map(\.day)).count == 3)
    }
  }
}

extension RunResults {
  /// What a run of that build has stored that found a violation, and nothing else.
  static func made(build: String) -> String {
    """
    {"outcome": "violation", "verdict": "invalid", "summary": "A stale read.", "checks": [],
     "functions": [], "availability": {"available": 1, "isMeasured": true, "longestGap": 0,
     "recoveries": []}, "faults": [], "phases": [], "leaders": [], "crashes": [], "problems": [],
     "missing": [], "worstLag": 0, "build": "\(build)"}
    """
  }
}

extension RunEntry {
  /// Run `number` of many: ten days, two builds, every tenth with a finding.
  fileprivate static func made(_ number: Int) -> RunEntry {
    let isFinding = number.isMultiple(of: 10)
    let day = 10 + number % 10
    let json = """
      {"folder": "register-raft-node/202611\(day)T021500-\(number)", "started": "202611\(day)T021500",
       "workload": "register", "faults": "kill", "build": "b\(number % 2)", "sum": "ab", "nodes": 5,
       "clients": 8, "seed": "\(number)", "outcome": "\(isFinding ? "violation" : "valid")",
       "summary": "\(isFinding ? "A stale read." : "All is well.")", "seconds": 12, "loadSeconds": 10,
       "ok": \(number), "fail": 0, "info": 1, "available": 1, "longestGap": 0.5, "bytes": 1000\(isFinding ? ", \"fingerprint\": \"8d86aef857fb\"" : "")}
      """
    // swift-format-ignore: NeverUseForceTry
    return try! JSONDecoder().decode(RunEntry.self, from: Data(json.utf8))
  }
}
