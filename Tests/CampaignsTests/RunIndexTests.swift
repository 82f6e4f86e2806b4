// The index asked in the ways in which the dashboard asks it.

import Bench
import Foundation
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
