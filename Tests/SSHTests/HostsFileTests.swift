// Hosts files: what they say, and the one line for those that say it wrong.

import Fleet
import Foundation
import Testing
import Workloads

@Suite struct HostsFileTests {
  private func refusal(_ text: String) -> String {
    do {
      return "accepted: \(try HostsFile.parse(text, file: "/etc/g/hosts.yaml"))"
    } catch {
      return "\(error)"
    }
  }

  @Test("what stands for all holds for each that says nothing else; keys lie beside the file")
  func entries() throws {
    let entries = try HostsFile.parse(
      """
      user: bench
      key: keys/id
      sudo: true
      port: 2200
      hosts:
        - db1
        - {host: 192.0.2.7, port: 2222, user: root, key: /k, sudo: false, name: two, address: 10.0.0.2}
        - {host: "fe80::1", key: ~/k}
      """, file: "/etc/g/hosts.yaml")
    #expect(entries.map(\.name) == ["n1", "two", "n3"])
    #expect(entries.map(\.host) == ["db1", "192.0.2.7", "fe80::1"])
    #expect(entries.map(\.user) == ["bench", "root", "bench"])
    #expect(entries.map(\.port) == [2200, 2222, 2200])
    #expect(entries.map(\.usesSudo) == [true, false, true])
    #expect(entries.map(\.address) == [nil, "10.0.0.2", nil])
    let home = FileManager.default.homeDirectoryForCurrentUser.path
    #expect(entries.map(\.key) == ["/etc/g/keys/id", "/k", "\(home)/k"])
  }

  @Test("what is wrong is said with its line, and what to do")
  func refusals() {
    let place = "/etc/g/hosts.yaml"
    #expect(refusal("").hasPrefix("\(place): is empty; begin with `hosts:`"))
    #expect(refusal("user: x").contains("hosts: is missing"))
    #expect(refusal("hosts: []").hasPrefix("\(place):1: hosts: must be a list"))
    #expect(refusal("hosts: db1").contains("must be a list"))
    #expect(refusal("hosts:\n  - {port: 3}").hasPrefix("\(place):2: hosts.host: is missing"))
    #expect(refusal("hosts:\n  - {host: a, hort: 3}").contains("unknown key hosts.hort"))
    #expect(refusal("hosts:\n  - {host: a, port: 70000}").contains("no whole number"))
    #expect(refusal("hosts:\n  - {host: a, sudo: maybe}").contains("true or false"))
    #expect(refusal("hosts: [a, {host: b, name: n1}]").contains("the name n1 stands twice"))
    #expect(refusal("hosts:\n  - -oProxyCommand=x").contains("is no name or address"))
    #expect(refusal("hosts:\n  - {host: a, name: ../x}").contains("letters, digits and dashes"))
    #expect(refusal("hosts: [a\n").hasPrefix("\(place):"))
    #expect(refusal("- a").contains("list of `name: value` pairs"))
  }
}
