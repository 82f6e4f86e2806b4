// The lab's network, its rules, its probe and its processes, as lab-probe saw them inside.

import Foundation
import Hosts
import Testing

@Suite(.tags(.integration), .serialized, .timeLimit(.minutes(2)))
struct NetworkIntegrationTests {
  /// What `lab-probe partition` prints.
  struct PartitionReport: Decodable {
    var createSeconds, probeSeconds: Double
    var firstProbe, expected, cut, cutTwice, replaced, healed: [Link]
    var rulesAfterCut, rulesAfterHeal: [String: [String]]
    var foreignRules: String
  }

  @Test(
    "a grudge cuts what it says, one-way too, and healing undoes it",
    arguments: [
      (Starter.root, LabNetwork.Family.ipv4), (.ordinaryUser, .ipv4), (.root, .ipv6),
    ])
  func cutsAndHeals(starter: Starter, family: LabNetwork.Family) async throws {
    let report: PartitionReport = try await LabProbe.with(starter) { probe in
      let result = try await probe.run("partition", family.rawValue)
      #expect(result.0 == .exited(0), "\(result.errors)")
      return try JSONDecoder().decode(PartitionReport.self, from: Data(result.output.utf8))
    }
    #expect(report.firstProbe.isEmpty)
    #expect(report.expected.count == 6)
    #expect(report.cut == report.expected)
    #expect(report.cutTwice == report.expected)
    #expect(report.replaced.count == 12)
    #expect(report.healed.isEmpty)
    // With IPv6 it is first let through who asks for addresses, and who answers.
    let cuts = report.rulesAfterCut["n1"]?.filter { !$0.contains("icmp6") }
    let (other, stranger) =
      family == .ipv4 ? ("10.77.0.2/32", "192.0.2.1/32") : ("fd77::2/128", "2001:db8::1/128")
    #expect(cuts == ["-A GAUNTLET -s \(other) -j DROP"])
    #expect(report.rulesAfterCut["n1"]?.count == (family == .ipv4 ? 1 : 3))
    #expect(report.rulesAfterCut["n2"] == [])
    #expect(report.rulesAfterHeal.values.joined().isEmpty)
    // Ours first, though the other rule was put before it, and the other still there.
    #expect(
      report.foreignRules == """
        -P INPUT ACCEPT
        -A INPUT -j GAUNTLET
        -A INPUT -s \(stranger) -j ACCEPT

        """)
    // Ten times what was measured alone, for a machine that does other things as well.
    #expect(report.createSeconds < 2)
    #expect(report.probeSeconds < 0.1)
  }

  /// What `lab-probe processes` prints.
  struct ProcessReport: Decodable {
    var unread, echoed, address, exitCode, missing, deadline, exited, killed, dumped, log: String
    var ignoredSignals: String
    var deadlineSeconds, cancelledSeconds: Double
    var signalAfterExit, sessionIsOwn: Bool
    var leftRunning: [String]
  }

  @Test(
    "processes of a node run in its network, end, and are killed with their children",
    arguments: Starter.allCases)
  func runsProcesses(starter: Starter) async throws {
    let report: ProcessReport = try await LabProbe.with(starter) { probe in
      let result = try await probe.run("processes", probe.folder)
      #expect(result.0 == .exited(0), "\(result.errors)")
      return try JSONDecoder().decode(ProcessReport.self, from: Data(result.output.utf8))
    }
    // A command that leaves a megabyte of input unread is no error, nor a SIGPIPE.
    #expect(report.unread == "no error")
    #expect(report.echoed == "ab")
    #expect(report.address.contains("inet 10.77.0.2/24"))
    #expect(report.exitCode == "exited with 3: no\n")
    #expect(
      report.missing == "n2: `/no/such/command` did not start: "
        + "cannot execute /no/such/command: No such file or directory; is it installed?")
    #expect(report.deadline.contains("was killed after 0.1 seconds"))
    #expect(report.deadlineSeconds < 5)
    #expect(report.exited == "exited with 7")
    #expect(report.killed == "was ended by signal 9")
    #expect(report.dumped == "was ended by signal 11, dumping core")
    #expect(!report.signalAfterExit)
    #expect(report.cancelledSeconds < 5)
    #expect(report.leftRunning == [])
    #expect(report.log == "hello\n")
    #expect(report.sessionIsOwn)
    let mask = try #require(UInt64(report.ignoredSignals.suffix(17).dropLast(), radix: 16))
    #expect(mask & (1 << 12) == 0, "a node inherited the controller's ignored SIGPIPE")
  }
}
