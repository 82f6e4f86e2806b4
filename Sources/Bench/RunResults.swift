// What a run came to: the content of `results.json`.

import Checkers
import FoundationEssentials
import History
import Linearizability
import Nemesis

/// What a run came to, in one word.
public enum RunOutcome: String, Sendable, Codable, CaseIterable {
  /// Everything was checked, and is as it must be.
  case valid
  /// The history is not linearizable.
  case violation
  /// A node of the system ended on its own.
  case crash
  /// An objective was missed.
  case objective
  /// The run did too little to mean anything, or a limit was reached.
  case inconclusive
  /// The bench could not do its work.
  case benchFailure = "bench-failure"
  /// Somebody pressed Ctrl-C.
  case interrupted

  /// The exit code that goes with it.
  public var exitCode: Int32 {
    switch self {
    case .valid: 0
    case .violation, .crash: 1
    case .inconclusive: 2
    case .objective: 3
    case .benchFailure: 10
    case .interrupted: 130
    }
  }

  /// That of `outcomes` which hides all others; nil for none.
  public static func worst(of outcomes: Set<RunOutcome>) -> RunOutcome? {
    byPrecedence.first(where: outcomes.contains)
  }

  /// The outcomes, that which hides all others first.
  public static let byPrecedence: [RunOutcome] = [
    .violation, .crash, .interrupted, .benchFailure, .objective, .inconclusive, .valid,
  ]
}

/// What may be asked of a system beyond being right.
public enum Objective: String, Sendable, CaseIterable {
  /// No function may be called for so long without a success.
  case gap
  /// Each function must succeed again so soon after a fault.
  case recovery
  /// 99 of 100 calls of each function must be answered within so much.
  case latency

  /// What stands in a check's detail before the objectives that were missed.
  static let mark = "; missed: "

  /// The objectives that a check's `detail` says were missed.
  public static func missed(in detail: String) -> [Objective] {
    guard let mark = detail.firstRange(of: mark) else { return [] }
    let names = detail[mark.upperBound...].split(separator: ", ")
    return names.compactMap { Objective(rawValue: String($0)) }
  }
}

/// What one checker said.
public struct CheckOutcome: Sendable, Codable, Equatable {
  /// The checker, as the workload file calls it.
  public var name: String
  /// `valid`, `invalid` or `unknown`.
  public var verdict: String
  /// Why, in a sentence.
  public var detail: String
}

/// Everything that a run came to.
public struct RunResults: Sendable, Codable {
  /// Of its JSON: `gauntlet report --schema results` has what it is; nil in what was stored before it had one.
  public var version: Int? = 1
  /// In one word.
  public var outcome: RunOutcome
  /// The linearizability verdict: `valid`, `invalid` or `unknown`.
  public var verdict: String
  /// In one sentence.
  public var summary: String
  /// What each checker said.
  public var checks: [CheckOutcome]
  /// Counts and latencies by function.
  public var functions: [FunctionFigures]
  /// Availability and recovery.
  public var availability: Availability
  /// What became of each planned fault.
  public var faults: [FaultOutcome]
  /// Seconds in each phase, in order.
  public var phases: [Phase]
  /// Who was seen to lead, from when on.
  public var leaders: [LeaderSeen]
  /// Each node with each term of which it was seen to say that it leads, in order; nil in results of
  /// before that was recorded.
  public var claims: [LeaderSeen]?
  /// Nodes that ended on their own: which and how.
  public var crashes: [String]
  /// What the bench could not do.
  public var problems: [String]
  /// What kept the run from meaning more.
  public var missing: [String]
  /// The longest that the bench itself was kept from running, in seconds.
  public var worstLag: Double
  /// Why the history is not linearizable.
  public var counterexample: StoredCounterexample?
  /// The checksum of what was tested.
  public var build: String
  /// Processor time of all nodes' processes, from their starts to their ends, in seconds; nil where it was
  /// not measured.
  public var processorSeconds: Double?
  /// How many seconds the clock of each machine was ahead of the bench's when the run began; nil where they
  /// share one.
  public var clockOffsets: [String: Double]?

  /// A phase of the run.
  public struct Phase: Sendable, Codable, Equatable {
    /// Its name.
    public var name: String
    /// How long it took.
    public var seconds: Double
  }

  /// Who led.
  public struct LeaderSeen: Sendable, Codable, Equatable {
    /// Nanoseconds since the run began.
    public var time: Int64
    /// The leader; nil when nobody claimed to lead.
    public var node: String?
    /// Its term.
    public var term: UInt64
  }

  /// A counterexample, as it is stored.
  public struct StoredCounterexample: Sendable, Codable, Equatable {
    /// The key; nil in a history about one object.
    public var key: String?
    /// Invocation indexes of the operations that take part.
    public var operations: [Int]
    /// The reason, in words.
    public var explanation: String
    /// The kind of fault, where it is clear: "stale read".
    public var anomaly: String?

    /// What is stored of `counterexample`.
    public init(_ counterexample: Counterexample) {
      key = counterexample.key
      operations = counterexample.operations
      explanation = counterexample.explanation
      anomaly = counterexample.anomaly?.rawValue
    }
  }

  /// All operations together.
  public var totals: (ok: Int, fail: Int, info: Int) {
    // Of a file that may say anything.
    func sum(_ count: KeyPath<FunctionFigures, Int>) -> Int {
      functions.reduce(0) { sum, row in
        let (total, isTooMuch) = sum.addingReportingOverflow(row[keyPath: count])
        return isTooMuch ? .max / 4 : min(max(total, 0), .max / 4)
      }
    }
    return (sum(\.ok), sum(\.fail), sum(\.info))
  }

  /// What is missing of a run that did not come to its end, when its history is checked later.
  package static let cutOff = "the run did not come to its end"

  /// Whether these are of a history that was checked though its run had not come to its end.
  public var isCutOff: Bool { missing.contains(Self.cutOff) }

  /// The results in `path`; nil where there are none, as after a SIGKILL.
  public static func read(_ path: String) throws(BenchError) -> RunResults? {
    guard let data = FileManager.default.contents(atPath: path) else { return nil }
    do {
      return try JSONDecoder().decode(RunResults.self, from: data)
    } catch {
      throw BenchError(
        "\(path): not the results of a run; remove it and check the run again",
        isOfInput: true)
    }
  }

  /// Stores the results in `path`.
  public func write(to path: String) throws(BenchError) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(self) else {
      throw BenchError("\(path): results that are no JSON")
    }
    try RunFolder.write(data, to: path)
  }
}

extension RunResults {
  /// The faults that were not done, and why: how often each, where it was more than once.
  public var leftOut: [(what: String, reason: String)] {
    let skipped = faults.filter { $0.result == .skipped }
    let alike = Dictionary(grouping: skipped) {
      ["\($0.kind) \($0.choice)", $0.reason ?? "skipped"]
    }
    return alike.sorted { ($0.value[0].fault, $0.key[0]) < ($1.value[0].fault, $1.key[0]) }.map {
      ($0.value.count > 1 ? "\($0.key[0]), \($0.value.count) times" : $0.key[0], $0.key[1])
    }
  }
}
