// Runs that never happened, drawn from a seed, in the shape real ones have: five nodes, ten
// workers, partitions and kills, operations that time out after a second.

import Reports

struct SyntheticRun {
  var seed: UInt64
  /// About as many; those that would begin after the end are left out.
  var operations = 15_000
  var seconds = 60.0
  var workers = 10
  private var random: SplitMix
  private var processes: [Int]
  private var values = 0

  init(seed: UInt64, operations: Int = 15_000, seconds: Double = 60, workers: Int = 10) {
    self.seed = seed
    self.operations = operations
    self.seconds = seconds
    self.workers = workers
    random = SplitMix(state: seed)
    processes = Array(0..<workers)
  }

  /// A run in which everything is in order.
  mutating func valid() -> RunReport {
    var report = RunReport(
      title: "register against raft-node, 5 nodes", outcome: "valid",
      verdictLine: "Every history of the 8 keys is linearizable, and all 17 faults took hold.")
    report.faults = faults()
    report.leaders = leaders(under: report.faults)
    report.operations = timeline(under: report.faults)
    report.functions = rows(of: report.operations)
    report.checks = [
      .init(
        name: "linearizable", verdict: "valid",
        detail: "8 keys, each with a witness; cas-register, Wing–Gong search, 0.41 s"),
      .init(
        name: "availability", verdict: "valid",
        detail: "longest gap without an ok: 1.92 s (write, after fault 7); objective 10 s"),
      .init(name: "crashes", verdict: "valid", detail: "no node exited that was not killed"),
    ]
    report.phases = [("deploy", 1.31), ("drive", seconds), ("heal", 0.42), ("check", 0.87)]
    report.facts = [
      ("seed", "\(seed)"), ("started", "2026-11-23T08:15:02Z"),
      ("build", "raft-node sha256:9f2c41d07be0c5a1"),
      ("folder", "runs/register-raft-node/20261123T081502-\(seed)"),
      ("repeat", "gauntlet run Workloads/register.yaml --seed \(seed)"),
    ]
    return report
  }

  /// The same with a stale read after a partition.
  mutating func violation() -> RunReport {
    var report = valid()
    report.outcome = "violation"
    report.verdictLine =
      "Key 3 is not linearizable: a read returned a value that had already been overwritten."
    report.checks[0] = .init(
      name: "linearizable", verdict: "invalid",
      detail: "key 3: 5 operations admit no order; the other 7 keys are valid")
    let index = report.operations.count * 2 + 2
    let start = Int64(seconds * 1e9 * 0.4)
    func operation(
      _ k: Int, _ worker: Int, _ label: String, _ outcome: RunReport.Completion, _ from: Int64,
      _ to: Int64?, _ node: String, error: String? = nil
    ) -> RunReport.TimelineOperation {
      .init(
        process: worker, worker: worker % workers, function: String(label.prefix { $0 != " " }),
        key: "3", label: label, outcome: outcome, start: start + from, end: to.map { start + $0 },
        node: node, error: error, index: index + k)
    }
    report.operations += [
      operation(0, 2, "write 90011 → ok", .ok, 0, 1_900_000, "n3"),
      operation(
        1, 4, "write 90012 → unknown", .info, 1_200_000, 1_001_200_000, "n1",
        error: "timed out after 1 s"),
      operation(2, 6, "read → 90012", .ok, 2_600_000, 3_700_000, "n2"),
      operation(3, 1, "cas 90012 90013 → ok", .ok, 4_000_000, 6_200_000, "n2"),
      operation(4, 5, "read → 90011", .ok, 7_100_000, 7_900_000, "n3"),
    ]
    report.counterexample = .init(
      key: "3",
      explanation: """
        Process 6 read 90012, so the write of 90012 had taken effect by then. Process 1 then \
        swapped 90012 for 90013 and was told so before process 5 began.

        Process 5 read 90011 from n3 all the same, a value that was gone for at least 0.9 ms. No \
        order of these five operations explains it: n3 answered a read from its own state while \
        the partition (fault 8) kept it from the leader.
        """, operations: Set(index..<index + 5))
    report.functions = rows(of: report.operations)
    return report
  }

  private mutating func faults() -> [RunReport.FaultWindow] {
    var faults: [RunReport.FaultWindow] = []
    for (name, details, every, lasts) in [
      (
        "partition", ["one: n2", "halves: n1 n4 | n2 n3 n5", "leader in minority: n3", "ring"], 5.0,
        3.0
      ),
      ("kill", ["leader n1", "minority n2 n5", "leader n4"], 7.5, 2.0),
    ] {
      var at = every * 0.6
      while at + lasts < seconds {
        faults.append(
          .init(
            name: name, detail: details[random.below(details.count)], start: Int64(at * 1e9),
            end: Int64((at + lasts + 0.02 * Double(random.below(10))) * 1e9),
            verified: name == "kill"
              ? "the process was gone after 3 ms; exit by signal 9"
              : "6 of 6 probes across the cut were lost, 4 of 4 within it answered"))
        at += every
      }
    }
    return faults
  }

  private mutating func leaders(under faults: [RunReport.FaultWindow]) -> [RunReport.LeaderChange] {
    var changes: [RunReport.LeaderChange] = [.init(time: 210_000_000, node: "n1", term: 1)]
    for (term, fault) in faults.sorted(by: { $0.start < $1.start }).enumerated()
    where fault.detail.hasPrefix("leader") {
      let lost = fault.start + 300_000_000
      changes.append(.init(time: lost, node: nil, term: term + 1))
      changes.append(
        .init(
          time: lost + 400_000_000 + Int64(random.below(900)) * 1_000_000,
          node: "n\(1 + random.below(5))", term: term + 2))
    }
    return changes
  }

  private mutating func timeline(
    under faults: [RunReport.FaultWindow]
  ) -> [RunReport.TimelineOperation] {
    var free = (0..<workers).map { _ in Int64(random.below(4_000_000)) }
    let pause = seconds * 1e9 * Double(workers) / Double(operations)
    let end = Int64(seconds * 1e9)
    var timeline: [RunReport.TimelineOperation] = []
    while timeline.count < operations {
      let worker = free.indices.min { free[$0] < free[$1] }!
      let start = free[worker]
      guard start < end else { break }
      let troubled = faults.contains { $0.start < start && start < $0.end! }
      let operation = self.operation(worker: worker, at: start, troubled: troubled, end: end)
      timeline.append(operation)
      free[worker] = (operation.end ?? end) + Int64(Double(random.below(1000)) / 500 * pause * 0.4)
    }
    return timeline
  }

  private mutating func operation(
    worker: Int, at start: Int64, troubled: Bool, end: Int64
  ) -> RunReport.TimelineOperation {
    let kind = ["read", "write", "cas", "read", "write"][random.below(5)]
    values += 1
    let luck = random.below(100)
    var outcome = RunReport.Completion.ok
    var error: String?
    var length = Int64(600_000 + random.below(900_000) + random.below(40) * random.below(60_000))
    if troubled && luck < 5 {
      outcome = kind == "read" ? .fail : .info
      error = "timed out after 1 s"
      length = 1_000_000_000 + Int64(random.below(2_000_000))
    } else if troubled && luck < 9 {
      (outcome, error, length) = (.fail, "connection refused", 240_000)
    } else if troubled {
      length *= Int64(1 + random.below(30))
    } else if kind == "cas" && luck < 30 {
      outcome = .fail
    }
    let argument = kind == "read" ? "" : kind == "cas" ? " \(values) \(values + 1)" : " \(values)"
    let result =
      switch outcome {
      case .ok: kind == "read" ? "\(values)" : "ok"
      case .fail: error == nil ? "not equal" : "failed"
      case .info: "unknown"
      }
    let process = processes[worker]
    if outcome == .info { processes[worker] += workers }
    let isOpen = start + length > end
    return .init(
      process: process, worker: worker, function: kind, key: "\(random.below(8))",
      label: "\(kind)\(argument) → \(isOpen ? "unknown" : result)",
      outcome: isOpen ? .info : outcome,
      start: start, end: isOpen ? nil : start + length, node: "n\(1 + worker % 5)", error: error,
      index: values * 2)
  }

  private func rows(of operations: [RunReport.TimelineOperation]) -> [RunReport.FunctionRow] {
    Dictionary(grouping: operations, by: \.function).sorted { $0.key < $1.key }.map { name, all in
      let latencies = all.filter { $0.outcome == .ok }.map { Double($0.end! - $0.start) / 1e6 }
        .sorted()
      func at(_ q: Double) -> Double? {
        latencies.isEmpty ? nil : latencies[Int(q * Double(latencies.count - 1))]
      }
      func count(_ outcome: RunReport.Completion) -> Int { all.count { $0.outcome == outcome } }
      return .init(
        name: name, ok: count(.ok), fail: count(.fail), info: count(.info), p50: at(0.5),
        p95: at(0.95), p99: at(0.99), max: at(1))
    }
  }
}

/// SplitMix64, so that a seed always draws the same run.
struct SplitMix {
  var state: UInt64

  mutating func below(_ bound: Int) -> Int {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return Int((z ^ (z >> 31)) % UInt64(bound))
  }
}
