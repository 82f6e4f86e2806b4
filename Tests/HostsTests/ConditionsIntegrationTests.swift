// A bad network and cut ports, seen from outside by datagrams and connections.

import Foundation
import Hosts
import Testing

@Suite("link conditions") struct LinkConditionsTests {
  @Test("what is said is read, and says the same again")
  func roundTrip() throws {
    let text = "delay=50ms,jitter=10ms,loss=5%,duplicate=1.5%,reorder=25%,corrupt=0.1%,rate=512kbit"
    let conditions = try #require(LinkConditions(rawValue: text))
    #expect(conditions.rawValue == text)
    #expect(conditions.delay == .milliseconds(50) && conditions.loss == 0.05)
    #expect(conditions.bitsPerSecond == 512_000)
    #expect(
      LinkConditions(rawValue: "delay=1s,rate=2mbit")?.rawValue == "delay=1000ms,rate=2000kbit")
  }

  @Test(
    "what says nothing sensible is nothing",
    arguments: [
      "", "delay", "delay=", "delay=-1ms", "delay=nanms", "delay=1h", "loss=101%", "loss=5",
      "rate=0mbit", "rate=inf mbit", "jitter=5ms", "reorder=5%", "lag=5ms", "delay=5ms,",
      "delay=99999999999999999999s", "rate=1e300gbit",
    ])
  func refusals(text: String) {
    #expect(LinkConditions(rawValue: text) == nil)
  }
}

@Suite(.tags(.integration), .serialized, .timeLimit(.minutes(2)))
struct ConditionsIntegrationTests {
  /// What `lab-probe conditions` prints for each.
  struct TrafficReport: Decodable {
    var conditions: String
    var sent, arrived, twice, overtaken, afterwards: Int
    var medianMilliseconds, leastMilliseconds, mostMilliseconds, bitsPerSecond: Double
    var counts: PacketCounts
  }

  private func traffic(_ starter: Starter, _ wanted: String...) async throws -> [TrafficReport] {
    let result = try await LabProbe.with(starter) { probe in
      switch wanted.count {
      case 1: try await probe.run("conditions", wanted[0])
      default:
        try await probe.run(
          "conditions", wanted[0], wanted[1], wanted[2], wanted[3], wanted[4], wanted[5])
      }
    }
    try #require(result.0 == .exited(0), "\(result.errors)")
    return try result.output.split(separator: "\n").map {
      try JSONDecoder().decode(TrafficReport.self, from: Data($0.utf8))
    }
  }

  /// Whether `value` is within a tenth of `wanted`.
  private func isClose(_ value: Double, to wanted: Double) -> Bool {
    abs(value - wanted) <= wanted / 10
  }

  @Test("delay, jitter, loss, duplication, reordering, corruption and rate are what was asked for")
  func figures() async throws {
    // The conditions; how many datagrams, how many seconds apart, of how many bytes.
    let reports = try await traffic(
      .root, "delay=50ms 200 0.002 100", "delay=40ms,jitter=20ms 2000 0.0005 100",
      "loss=10%,duplicate=20% 20000 0.00002 100", "delay=10ms,reorder=25% 2000 0.001 100",
      "corrupt=30% 5000 0.0001 100", "rate=8mbit 1500 0.0005 972")
    let (delay, jitter, loss) = (reports[0], reports[1], reports[2])
    let (reorder, corrupt, rate) = (reports[3], reports[4], reports[5])
    #expect(delay.arrived == 200 && delay.overtaken == 0)
    #expect(isClose(delay.medianMilliseconds, to: 50), "\(delay)")
    #expect(delay.leastMilliseconds >= 50)

    #expect(isClose(jitter.medianMilliseconds, to: 40), "\(jitter)")
    #expect(jitter.leastMilliseconds >= 20 && jitter.leastMilliseconds < 22, "\(jitter)")
    #expect(jitter.mostMilliseconds > 58 && jitter.overtaken > 500, "\(jitter)")

    #expect(isClose(Double(loss.sent - loss.arrived), to: 2000), "\(loss)")
    #expect(isClose(Double(loss.twice), to: 0.2 * 18_000), "\(loss)")

    #expect(isClose(Double(reorder.counts.reordered), to: 500), "\(reorder)")
    #expect(reorder.overtaken > 1000, "\(reorder)")  // by whoever did not wait

    // What has a wrong bit has a wrong checksum, and nobody is given it.
    #expect(isClose(Double(corrupt.sent - corrupt.arrived), to: 1500), "\(corrupt)")
    #expect(corrupt.counts.corrupted == corrupt.sent - corrupt.arrived, "\(corrupt)")

    // Twice as much is sent as can go.
    #expect(isClose(rate.bitsPerSecond, to: 8e6), "\(rate)")
    for report in reports {
      #expect(report.counts.seen >= report.sent, "\(report)")
      #expect(report.afterwards == 100, "\(report)")
    }
  }

  @Test("an ordinary user's lab can do it as well")
  func asOrdinaryUser() async throws {
    let report = try await traffic(.ordinaryUser, "delay=30ms,loss=50% 400 0.001 100")[0]
    #expect(isClose(report.medianMilliseconds, to: 30), "\(report)")
    #expect(report.arrived > 140 && report.arrived < 260, "\(report)")
    #expect(report.afterwards == 100)
  }

  @Test("many packets a second go through the queue")
  func throughput() async throws {
    let result = try await LabProbe.with(.root) { try await $0.run("throughput") }
    let report = try JSONDecoder().decode([String: Int].self, from: Data(result.output.utf8))
    let (without, through) = (try #require(report["without"]), try #require(report["through"]))
    // Beside what goes without it: a machine that is busy is slow in both.
    #expect(through > without / 10, "\(report)")
    #expect(report["delayed"] ?? 0 > through, "\(report)")
  }

  /// What `lab-probe cuts` prints.
  struct CutReport: Decodable {
    var open, dropped, reset, peers, healed: String
    var rules: [String]
  }

  @Test("a port that is cut is silent or refuses, and others go on")
  func cuts() async throws {
    let result = try await LabProbe.with(.root) { try await $0.run("cuts") }
    try #require(result.0 == .exited(0), "\(result.errors)")
    let report = try JSONDecoder().decode(CutReport.self, from: Data(result.output.utf8))
    #expect(report.open == "connected" && report.healed == "connected")
    #expect(report.dropped == "silent" && report.reset == "refused")
    #expect(report.peers == "connected")
    #expect(
      report.rules == [
        "-A GAUNTLET -p tcp -m tcp --dport 6379 -j REJECT --reject-with tcp-reset",
        "-A GAUNTLET -p tcp -m tcp --dport 6379 -j DROP",
      ])
  }
}
