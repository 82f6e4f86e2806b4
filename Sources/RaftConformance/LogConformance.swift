// The suite: what every log storage must do, one case at a time.

import Raft

/// Something that every `LogStorage` must do.
///
/// Run all of `LogConformance.all` on a storage of your own before you trust a cluster to it:
///
///     @Test("my log keeps its contract", arguments: LogConformance.all)
///     func conforms(conformance: LogConformance) async throws { try await conformance.check(MyLog()) }
public struct LogConformance: Sendable, CustomStringConvertible {
  /// The claim.
  public let description: String
  /// Checks it.
  ///
  /// - Throws: `ConformanceFailure`, or what the storage threw.
  public let check: @Sendable (any StorageUnderTest) async throws -> Void

  /// Every case.
  public static let all: [LogConformance] = [
    .init(description: "a fresh log holds nothing") { storage in
      let log = try await storage.fresh()
      try expect(log, purged: nil, [])
      try expect(log.recovered, vote: .none, purged: nil, [])
      let again = try await storage.reopened()
      try expect(again.recovered, vote: .none, purged: nil, [])
    },
    .init(description: "what is written can be read at once, durable or not") { storage in
      let log = try await storage.fresh()
      let entries = (1...9).map { command(1, $0) }
      _ = log.append(Array(entries[..<4]))
      _ = log.append(Array(entries[4...]))
      try expect(log, purged: nil, entries)
      try expect("one entry", log.entries(in: 3...3, maxBytes: .max), [entries[2]])
    },
    .init(description: "a limit of bytes gives a first part, never nothing") { storage in
      let log = try await storage.fresh()
      let entries = (1...9).map { command(1, $0, 1000) }
      _ = log.append(entries)
      try expect("with no room", log.entries(in: 2...9, maxBytes: 0), [entries[1]])
      let some = log.entries(in: 2...9, maxBytes: 3500)
      guard (1...7).contains(some.count), some == Array(entries[1..<(1 + some.count)]) else {
        throw ConformanceFailure(description: "3500 bytes gave \(some.count) of 8 entries of 1000")
      }
    },
    .init(description: "what was reported durable is there after a loss of power") { storage in
      let log = try await storage.fresh()
      let vote = Vote(term: 3, node: NodeID(2), committed: true)
      let member = Entry(
        id: LogID(term: 2, index: 3),
        payload: .membership(
          Membership(voters: [NodeID(1)], members: [Member(id: NodeID(1), address: "a:1")])))
      let entries = [
        command(1, 1), Entry(id: LogID(term: 2, index: 2), payload: .blank), member, command(3, 4),
      ]
      _ = log.save(vote)
      try await settle(log, log.append(entries))
      let again = try await storage.reopened()
      try expect(again.recovered, vote: vote, purged: nil, entries)
      try expect(again, purged: nil, entries)
    },
    .init(description: "the last vote holds") { storage in
      let log = try await storage.fresh()
      _ = log.save(Vote(term: 1, node: NodeID(1)))
      _ = log.save(Vote(term: 2, node: NodeID(2)))
      try await settle(log, log.save(Vote(term: 2, node: NodeID(2), committed: true)))
      let again = try await storage.reopened()
      try expect(
        again.recovered, vote: Vote(term: 2, node: NodeID(2), committed: true), purged: nil, [])
    },
    .init(description: "a cut removes the entries from there on, with their memberships") {
      storage in
      let log = try await storage.fresh()
      let member = Entry(
        id: LogID(term: 1, index: 3), payload: .membership(Membership(voters: [NodeID(1)])))
      _ = log.append([command(1, 1), command(1, 2), member, command(1, 4)])
      _ = log.truncate(from: 3)
      try expect(log, purged: nil, [command(1, 1), command(1, 2)])
      try await settle(log, log.append([command(2, 3)]))
      let entries = [command(1, 1), command(1, 2), command(2, 3)]
      try expect(log, purged: nil, entries)
      try expect(try await storage.reopened().recovered, vote: .none, purged: nil, entries)
    },
    .init(description: "a cut at the first entry leaves an empty log") { storage in
      let log = try await storage.fresh()
      _ = log.append([command(1, 1), command(1, 2)])
      try await settle(log, log.truncate(from: 1))
      try expect(log, purged: nil, [])
      let again = try await storage.reopened()
      try await settle(again, again.append([command(2, 1)]))
      try expect(again, purged: nil, [command(2, 1)])
    },
    .init(description: "a purge removes the entries up to there, and keeps the last one's name") {
      storage in
      let log = try await storage.fresh()
      let entries = (1...9).map { command($0 < 4 ? 1 : 2, $0) }
      _ = log.append(entries)
      let last = LogID(term: 2, index: 5)
      try await settle(log, log.purge(upTo: last))
      try expect(log, purged: last, Array(entries[5...]))
      let again = try await storage.reopened()
      try expect(again.recovered, vote: .none, purged: last, Array(entries[5...]))
      try await settle(again, again.append([command(2, 10)]))
      try expect(again, purged: last, entries[5...] + [command(2, 10)])
    },
    .init(description: "a purge to the end leaves nothing but the name, and the log goes on") {
      storage in
      let log = try await storage.fresh()
      _ = log.append([command(1, 1), command(1, 2)])
      let last = LogID(term: 1, index: 2)
      try await settle(log, log.purge(upTo: last))
      try expect(log, purged: last, [])
      let again = try await storage.reopened()
      try expect(again.recovered, vote: .none, purged: last, [])
      try await settle(again, again.append([command(2, 3)]))
      try expect(try await storage.reopened(), purged: last, [command(2, 3)])
    },
    .init(description: "a purge past the end begins the log anew after it") { storage in
      let log = try await storage.fresh()
      _ = log.append([command(1, 1), command(1, 2)])
      let last = LogID(term: 4, index: 100)
      _ = log.purge(upTo: last)
      try expect(log, purged: last, [])
      try await settle(log, log.append([command(4, 101)]))
      let again = try await storage.reopened()
      try expect(again.recovered, vote: .none, purged: last, [command(4, 101)])
      try expect(again, purged: last, [command(4, 101)])
    },
    .init(description: "a purge to a name that another entry has takes all entries") { storage in
      let log = try await storage.fresh()
      _ = log.append((1...5).map { command(1, $0) })
      let last = LogID(term: 2, index: 3)
      try await settle(log, log.purge(upTo: last))
      try expect(log, purged: last, [])
      try expect(try await storage.reopened(), purged: last, [])
    },
    .init(description: "a purge of what is purged changes nothing") { storage in
      let log = try await storage.fresh()
      _ = log.append((1...5).map { command(1, $0) })
      let last = LogID(term: 1, index: 3)
      _ = log.purge(upTo: last)
      try await settle(log, log.purge(upTo: LogID(term: 1, index: 2)))
      let rest = [command(1, 4), command(1, 5)]
      try expect(log, purged: last, rest)
      try expect(try await storage.reopened(), purged: last, rest)
    },
    .init(description: "of what was not durable a first part is there, votes and entries alike") {
      storage in
      let log = try await storage.fresh()
      _ = log.append([command(1, 1)])
      _ = log.save(Vote(term: 2, node: NodeID(1)))
      _ = log.append([command(2, 2)])
      _ = log.save(Vote(term: 3, node: NodeID(1)))
      _ = log.append([command(3, 3)])
      let found = try await storage.reopened().recovered
      // Each write is there only with all before it.
      let writes = [
        found.log.lastIndex >= 1, found.vote.term >= 2, found.log.lastIndex >= 2,
        found.vote.term >= 3, found.log.lastIndex >= 3,
      ]
      try expect("the first part", writes, writes.sorted { $0 && !$1 })
    },
    .init(description: "through ten thousand entries, and entries of a megabyte") { storage in
      let log = try await storage.fresh()
      var entries = (1...10_000).map { command(1, $0, 64) }
      for start in stride(from: 0, to: entries.count, by: 100) {
        _ = log.append(Array(entries[start..<(start + 100)]))
      }
      let large = (10_001...10_004).map { command(1, $0, 1 << 20) }
      entries += large
      try await settle(log, log.append(large))
      let again = try await storage.reopened()
      try expect(again.recovered, vote: .none, purged: nil, entries)
      try expect("a large entry", again.entries(in: 10_002...10_002, maxBytes: 1), [large[1]])
    },
  ]
}
