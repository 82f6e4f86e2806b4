// What lab-probe does in a lab: cutting the network, parking processes, watching their exits.

import Foundation
import Hosts

extension Main {
  struct PartitionReport: Codable {
    var createSeconds: Double
    var firstProbe: [Link]
    var probeSeconds: Double
    var expected: [Link]
    var cut: [Link]
    var rulesAfterCut: [String: [String]]
    var cutTwice: [Link]
    var replaced: [Link]
    var healed: [Link]
    var rulesAfterHeal: [String: [String]]
    var foreignRules: String
    var applySeconds: Double
    var runSeconds: Double
  }

  static func seconds<R>(_ body: () async throws -> R) async rethrows -> (R, Double) {
    let start = ContinuousClock.now
    let result = try await body()
    return (result, (ContinuousClock.now - start) / .seconds(1))
  }

  static func partition(_ family: LabNetwork.Family) async throws {
    let (hosts, createSeconds) = try await seconds {
      try await LabNetwork.create(nodes: 5, family: family)
    }
    let (tool, stranger) =
      family == .ipv4 ? ("iptables", "192.0.2.1") : ("ip6tables", "2001:db8::1")
    let probe = try ReachabilityProbe(hosts)
    let first = try await probe.matrix()
    let (_, probeSeconds) = try await seconds { try await probe.matrix() }

    let foreign = Command(tool, ["-I", "INPUT", "1", "-s", stranger, "-j", "ACCEPT"])
    _ = try await hosts[0].run(foreign, deadline: .seconds(5))
    let grudge = Grudge(["n1": ["n2"], "n3": ["n1", "n2", "n4", "n5"], "n5": ["n4"]])
    let (_, applySeconds) = try await seconds { try await NetworkRules.apply(grudge, to: hosts) }
    let cut = try await probe.matrix()
    let rulesAfterCut = try await remaining(hosts)
    try await NetworkRules.apply(grudge, to: hosts)
    let cutTwice = try await probe.matrix()
    let other = Grudge(groups: [["n1", "n2"], ["n3", "n4", "n5"]])
    try await NetworkRules.apply(other, to: hosts)
    let replaced = try await probe.matrix()
    precondition(replaced.cuts == other.cuts, "\(replaced.cuts.sorted())")
    try await NetworkRules.heal(hosts)
    try await NetworkRules.heal(hosts)
    let healed = try await probe.matrix()
    let list = Command(tool, ["-S", "INPUT"])
    let foreignRules = try await hosts[0].run(list, deadline: .seconds(5)).text
    let (_, runSeconds) = try await seconds {
      for _ in 0..<10 { _ = try await hosts[0].run(Command("true"), deadline: .seconds(5)) }
    }
    try say(
      PartitionReport(
        createSeconds: createSeconds, firstProbe: first.cuts.sorted(),
        probeSeconds: probeSeconds, expected: grudge.cuts.sorted(), cut: cut.cuts.sorted(),
        rulesAfterCut: rulesAfterCut, cutTwice: cutTwice.cuts.sorted(),
        replaced: replaced.cuts.sorted(), healed: healed.cuts.sorted(),
        rulesAfterHeal: try await remaining(hosts), foreignRules: foreignRules,
        applySeconds: applySeconds, runSeconds: runSeconds / 10))
  }

  static func remaining(_ hosts: [LocalHost]) async throws -> [String: [String]] {
    var result: [String: [String]] = [:]
    for host in hosts { result[host.name] = try await NetworkRules.remaining(on: host) }
    return result
  }

  /// Starts a process in each node that only SIGKILL ends, says so, and waits for ever.
  static func park(marker: String) async throws {
    let hosts = try await LabNetwork.create(nodes: 5)
    try await NetworkRules.apply(Grudge(["n1": ["n2"]]), to: hosts)
    try await withThrowingTaskGroup(of: Void.self) { group in
      let (running, note) = AsyncStream.makeStream(
        of: Int32.self, bufferingPolicy: .bufferingOldest(9))
      for host in hosts {
        group.addTask {
          let sleep = Command("sleep", ["86399.\(marker)"])
          _ = try await host.withProcess(sleep, log: "/dev/null") { process in
            note.yield(process.pid)
            _ = await process.exit
          }
        }
      }
      var seen: [Int32] = []
      for await pid in running {
        seen.append(pid)
        if seen.count == hosts.count { break }
      }
      try say(["parked": seen.count])
      try await group.waitForAll()
    }
  }

  /// Counts the interrupts and terminations that reach the controller, and those that reach a
  /// node, until the first termination.
  static func reportSignals() async throws {
    let hosts = try await LabNetwork.create(nodes: 1)
    let (signals, note) = AsyncStream.makeStream(
      of: Int32.self, bufferingPolicy: .bufferingOldest(9))
    var sources: [any DispatchSourceSignal] = []
    for number in [SIGINT, SIGTERM] {
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .main)
      source.setEventHandler { note.yield(number) }
      source.activate()
      sources.append(source)
    }
    _ = try await hosts[0].withProcess(Command("sleep", ["1000"]), log: "/dev/null") { node in
      try say(["ready": 1])
      for await number in signals {
        // `signal` says whether the node still runs: an interrupt must not reach it.
        try say(["got": number, "nodeRuns": try await node.signal(.resume) ? 1 : 0])
        if number == SIGTERM { break }
      }
    }
    withExtendedLifetime(sources) { exit(130) }
  }
}
