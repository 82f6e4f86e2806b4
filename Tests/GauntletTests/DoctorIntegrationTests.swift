// gauntlet doctor, from the outside.

import Foundation
import Testing

@Suite(.tags(.integration), .timeLimit(.minutes(1))) struct DoctorIntegrationTests {
  @Test("the lab's abilities are found out for any user, as a table and as JSON")
  func lab() async throws {
    try await CommandLineFolder.with { folder in
      for isOrdinary in [false, true] {
        let table = try await folder.gauntlet("doctor", asOrdinaryUser: isOrdinary)
        #expect(table.code == 0, "\(table.errors)")
        let iptables = table.output.split(separator: "\n").first { $0.hasPrefix("iptables ") }
        #expect(iptables?.contains("partitions") == true && iptables?.contains("yes") == true)
      }
      let json = try await folder.gauntlet("doctor", "--json").json()
      let capabilities = try #require(json["capabilities"] as? [String: Any])
      let abilities = try #require(capabilities["abilities"] as? [[String: Any]])
      #expect(
        abilities.contains { $0["name"] as? String == "iptables" && $0["isThere"] as? Bool == true }
      )
      // What a lab does to its own network it does not do to ours.
      let links = try await folder.gauntlet("doctor", "--json")
      #expect(links.code == 0 && links.errors.isEmpty)
    }
  }

  @Test("hosts that cannot be reached are each named on a line, and end with 10; bad files with 65")
  func unreachable() async throws {
    try await CommandLineFolder.with { folder in
      let hosts = try folder.file(
        "hosts.yaml", "hosts: [nowhere.invalid, {host: 127.0.0.1, port: 1, name: two}]\n")
      let result = try await folder.gauntlet("doctor", "--hosts", hosts)
      #expect(result.code == 10)
      #expect(result.errors.contains("gauntlet: nowhere.invalid: cannot be reached"))
      #expect(result.errors.contains("gauntlet: 127.0.0.1: refuses connections to port 1"))
      let json = try await folder.gauntlet("doctor", "--hosts", hosts, "--json")
      #expect(json.code == 10 && json.output.split(separator: "\n").count == 2)
      let bad = try folder.file("bad.yaml", "hosts: []\n")
      let refused = try await folder.gauntlet("doctor", "--hosts", bad)
      #expect(refused.code == 65 && refused.errors.hasPrefix("gauntlet: \(bad):1: hosts"))
    }
  }
}
