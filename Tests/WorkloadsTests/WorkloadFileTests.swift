// Workload files: what they say, and the one line for those that say it wrong.

import Testing

@testable import Workloads

@Suite struct WorkloadFileTests {
  private func refusal(_ text: String, _ overrides: [Override] = []) -> String {
    do {
      _ = try WorkloadFile.parse(text, file: "w.yaml", overrides: overrides)
      return "accepted"
    } catch {
      return "\(error)"
    }
  }

  @Test("a resolved workload gives itself again")
  func roundTrip() throws {
    let text = """
      system: raft-node
      nodes: 3
      rate: 250.5
      time: 1500ms
      workload: {name: register, keys: 2, mix: {read: 1, write: 1}, values: 5, reads: lease}
      faults:
        - {partition: [one, one-way], every: 5s, for: 300ms}
        - {kill: leader}
        - {pause: [minority, all], every: 1m, for: 2}
        - {partition: halves, by: [drop, reset]}
        - {disconnect: [leader, all], by: reset}
        - {network: [{delay: 50ms, jitter: 10ms, loss: 2.5%}, {rate: 1mbit}], on: all}
        - {network: {loss: 10%}}
        - {starve: [cpu, descriptors, memory], on: leader}
        - {damage: [log-cut, stale], on: [held, last-to-vote], group: disks}
        - {pause: one, when: behind, within: 3s, heal-when: leader, group: disks}
        - {recipe: [forgotten-votes, "kill leader; until leader; wait 300ms; heal kill"], every: 9s}
      schedule: {at-once: 2, quiet: {every: 20s, for: 5s}}
      envelope: minority-durable
      network: ipv6
      capture: true
      check: [linearizable, availability]
      objectives: {recovery: 10s, latency: 250ms}
      seed: 18446744073709551615
      """
    let workload = try WorkloadFile.parse(text, file: "w.yaml")
    #expect(workload.nodes == 3 && workload.clients == 10 && workload.time == .milliseconds(1500))
    #expect(workload.faults[1].kind == .kill([.leader]))
    #expect(workload.faults[3].kind.choices == ["halves", "halves reset"])
    #expect(
      workload.faults[5].kind.choices == [
        "delay=50ms,jitter=10ms,loss=2.5% all", "rate=1000kbit all",
      ])
    #expect(workload.seed == .max && workload.load.values == .upTo(5))
    #expect(try WorkloadFile.parse(workload.yaml, file: "again") == workload)
  }

  @Test("flags go over the file")
  func overrides() throws {
    let workload = try WorkloadFile.parse(
      "system: raft-node", file: "w.yaml",
      overrides: [Override("workload.keys", "3"), Override("time", "7"), Override("seed", "1")])
    #expect(workload.load.keys == 3 && workload.time == .seconds(7) && workload.seed == 1)
  }

  @Test("what is wrong is said with its line, and what to do")
  func refusals() {
    #expect(refusal("nodes: 5\nclient: 3").hasPrefix("w.yaml:2: unknown key client; it takes"))
    #expect(refusal("nodes: 5\nrate: -3").hasPrefix("w.yaml:2: rate: \"-3\" is not above zero"))
    for faults in ["kill", "3", "true", "{kill: [one], every: 1s, for: 500ms}"] {
      #expect(refusal("nodes: 5\nfaults: \(faults)").hasPrefix("w.yaml:2: faults: must be a list"))
    }
    #expect(refusal("nodes: many").hasPrefix("w.yaml:1: nodes:"))
    #expect(refusal("nodes: 0").hasPrefix("w.yaml:1: nodes:"))
    #expect(refusal("time: soon").contains("is no time above zero"))
    #expect(refusal("system: etcd").contains("none of raft-node, redis"))
    #expect(refusal("workload:\n  mix: {read: 0}").contains("all weights are zero"))
    #expect(refusal("workload:\n  key: 3").hasPrefix("w.yaml:2: unknown key workload.key"))
    #expect(refusal("faults:\n  - {kil: [one]}").contains("unknown key faults.kil"))
    #expect(
      refusal("faults:\n  - {kill: [two]}").contains(
        "none of one, minority, majority, leader, followers, all"))
    #expect(
      refusal("faults:\n  - {every: 3s}").contains(
        "faults: each fault is one of partition, disconnect"))
    #expect(
      refusal("faults:\n  - network: {delay: long}").hasPrefix(
        "w.yaml:2: faults.network.delay: long is no time"))
    #expect(refusal("faults:\n  - {network: {lag: 5ms}}").contains("network.lag: lag is unknown"))
    #expect(refusal("faults:\n  - {network: {jitter: 5ms}}").contains("jitter is more than delay"))
    #expect(refusal("faults:\n  - {network: slow}").contains("write {delay: 50ms"))
    for (recipe, words) in [
      ("kill", "no step"), ("kill two", "`kill two` is no fault"), ("wait soon", "write wait 2s"),
      ("until later", "write until leader"), ("heal magic", "no kind of fault"),
      ("recipe leader-flip", "is no fault"), ("kill leader;", "no step"), ("", "no step"),
    ] {
      #expect(refusal("faults:\n  - {recipe: \"\(recipe)\"}").contains(words), "\(recipe)")
    }
    #expect(
      refusal("time: 2000h\nfaults:\n  - {kill: one, every: 1ms, for: 1ms}").contains("100,000"))
    for faults in [
      "clock: slow", "recipe: \"clock fast all; wait 1s\"", "recipe: \"wait 1s;  clock  slow  n1\"",
    ] {
      #expect(
        refusal("workload: {reads: lease}\nfaults:\n  - {\(faults)}").contains("lease rests on"))
    }
    #expect(refusal("system: redis\nworkload: {reads: lease}").contains("redis has no lease"))
    #expect(refusal("faults:\n  - {kill: one, on: all}").contains("leave `on` out"))
    #expect(refusal("faults:\n  - {kill: one, by: reset}").contains("leave `by` out"))
    #expect(refusal("system: redis\nfaults: [{network: {loss: 5%}}]").contains("nobody to be cut"))
    #expect(refusal("envelope: most").contains("none of quorum, minority-durable, anything"))
    #expect(
      refusal("schedule: {quiet: {every: 5s, for: 5s}}").contains("no fault would ever be on"))
    #expect(refusal("schedule: {at-once: 0}").contains("schedule.at-once"))
    #expect(refusal("faults: [{kill: one, group: a b}]").contains("letters, digits and dashes"))
    #expect(refusal("faults: [{kill: one, when: later}]").contains("none of leader, no-leader"))
    #expect(refusal("system: redis\nfaults: [{kill: one, when: leader}]").contains("no leader"))
    #expect(refusal("network: ipv5").contains("none of ipv4, ipv6"))
    #expect(refusal("capture: maybe").contains("true or false"))
    #expect(refusal("a: [1").contains("not YAML"))
    #expect(refusal("").contains("is empty"))
    #expect(refusal("- 1").contains("name: value"))
    #expect(
      refusal("nodes: 5\nnodes: 6").contains("twice")
        || refusal("nodes: 5\nnodes: 6").contains("not YAML"))
    #expect(refusal("system: redis\nnodes: 3").contains("set nodes: 1"))
    #expect(refusal("system: redis\nworkload: {mix: {cas: 1}}").contains("set cas: 0"))
    #expect(
      refusal("check: [crashes]\nobjectives: {recovery: 3s}").contains("add availability to check"))
    #expect(refusal("seed: -1").contains("no whole number"))
    let put = [Override("rate", "-1"), Override("nodes", "3")]
    #expect(refusal("nodes: 5", put).hasPrefix("w.yaml with rate=-1 nodes=3: rate: \"-1\" is not"))
    // What the file itself has wrong is the file's.
    #expect(refusal("nodes: 5\nrate: -3", [Override("nodes", "3")]).hasPrefix("w.yaml:2: rate:"))
  }

  @Test("every recipe that has a name can be read, and is known by it in plans")
  func recipes() throws {
    for (name, steps) in Recipe.known {
      let recipe = try #require(Recipe(rawValue: name), "\(name)")
      #expect(recipe.rawValue == name)
      #expect(recipe.steps == Recipe(rawValue: steps)?.steps)
      #expect(!recipe.steps.isEmpty)
    }
    #expect(Recipe(rawValue: "forgotten-votes")?.needsShim == true)
    #expect(Recipe(rawValue: "leader-flip")?.needsShim == false)
  }
}
