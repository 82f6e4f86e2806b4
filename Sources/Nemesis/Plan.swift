// The plan of a run's faults: drawn from the seed before anything happens.

import FoundationEssentials
import Glibc
import History
import Hosts
import Workloads

/// One fault that is due.
public struct PlannedFault: Equatable, Sendable, Codable {
  /// Its number in the run, from 1, in the order of the starts.
  public var fault: Int
  /// `partition`, `kill` or `pause`.
  public var kind: String
  /// The shape or the target that was drawn.
  public var choice: String
  /// Milliseconds from the start of the load to its own start.
  public var atMilliseconds: Int
  /// Milliseconds from its start to its end.
  public var forMilliseconds: Int
  /// Fixes what else it draws.
  public var seed: UInt64
  /// It waits from then until this is so, at most `withinMilliseconds`.
  public var when: ClusterState?
  /// So long it waits at most.
  public var withinMilliseconds: Int?
  /// It ends as soon as this is so, `forMilliseconds` after its start at the latest.
  public var healWhen: ClusterState?
  /// The nodes that it hits, by name, instead of those that its choice would name.
  public var nodes: [String]?
  /// The directions that it cuts, instead of those that its choice would.
  public var cuts: [Link]?

  /// Whether clocks go fast or slow by it.
  public var bendsTime: Bool { FaultSpecification.bendsTime(kind: kind, choice: choice) }

  /// The fault as it was carried out: on the nodes, and with the cuts, that its details tell.
  public func pinned(to details: [Event.Detail]) -> PlannedFault {
    var planned = self
    for detail in details {
      if detail.name == "waited", case .integer(let milliseconds) = detail.value, when != nil {
        planned.atMilliseconds += Int(min(max(0, milliseconds), Int64(withinMilliseconds ?? 0)))
        planned.when = nil
        planned.withinMilliseconds = nil
      }
      if detail.name == "lasted", case .integer(let milliseconds) = detail.value, healWhen != nil {
        planned.forMilliseconds = Int(min(max(0, milliseconds), Int64(forMilliseconds)))
        planned.healWhen = nil
      }
      guard case .list(let values) = detail.value else { continue }
      let words = values.compactMap { value -> String? in
        if case .text(let word) = value { return word }
        return nil
      }
      switch detail.name {
      case "nodes": planned.nodes = words
      case "cut": planned.cuts = words.compactMap(Link.init(arrow:))
      default: break
      }
    }
    return planned
  }
}

extension Link {
  /// What `description` wrote.
  fileprivate init?(arrow text: String) {
    let names = text.split(separator: "→", omittingEmptySubsequences: false).map(String.init)
    guard names.count == 2 else { return nil }
    self.init(from: names[0], to: names[1])
  }
}

/// A line that is no planned fault.
public struct PlanError: Error, Equatable, CustomStringConvertible {
  /// Its number, from 1.
  public var line: Int

  /// What is wrong.
  public var description: String {
    line > Plan.most ? "has more than \(Plan.most) faults" : "line \(line) is no planned fault"
  }
}

/// Draws plans.
public enum Plan {
  /// The faults of `workload`, all of which end before its load does.
  ///
  /// Where they would be on together though they may not, the later ones begin later, or not at all.
  ///
  /// Each line of the workload goes round its choices in an order drawn anew each time, so that all
  /// are tried if time allows. The last fifth of the load, up to two seconds, is left alone: what
  /// recovers must be seen to.
  public static func draw(for workload: Workload, seed: UInt64) -> [PlannedFault] {
    let quiet = min(workload.time / 5, .seconds(2))
    var timetable = Timetable(workload.schedule)
    var drawn: [(line: Int, fault: PlannedFault)] = []
    func end(of line: FaultSpecification) -> Duration {
      min(workload.time - quiet, line.until ?? workload.time)
    }
    for (place, specification) in workload.faults.enumerated() {
      var random = SplitMix64(seed: seed, part: UInt64(1000 + place))
      var choices: [String] = []
      for start in starts(of: specification, until: end(of: specification), using: &random) {
        if choices.isEmpty { choices = specification.kind.choices.shuffled(using: &random) }
        let fault = PlannedFault(
          fault: 0, kind: specification.kind.name, choice: choices.removeLast(),
          atMilliseconds: Int(start.inSeconds * 1000),
          forMilliseconds: Int(specification.lasts.inSeconds * 1000), seed: random.next(),
          when: specification.when,
          withinMilliseconds: specification.patience.map { Int($0.inSeconds * 1000) },
          healWhen: specification.healWhen)
        drawn.append((place, fault))
      }
    }
    func byTime(_ one: PlannedFault, _ other: PlannedFault) -> Bool {
      (one.atMilliseconds, one.kind, one.choice) < (other.atMilliseconds, other.kind, other.choice)
    }
    drawn.sort { byTime($0.fault, $1.fault) }
    var planned: [PlannedFault] = drawn.compactMap { line, fault in
      let line = workload.faults[line]
      let longest = Int(
        (line.lasts + line.kind.longestWaits + (line.patience ?? .zero)).inSeconds * 1000)
      guard
        let start = timetable.place(
          fault.atMilliseconds, lasting: longest, in: line.group,
          endingBy: Int(end(of: line).inSeconds * 1000))
      else { return nil }
      var fault = fault
      fault.atMilliseconds = start
      return fault
    }
    planned.sort(by: byTime)
    for place in planned.indices { planned[place].fault = place + 1 }
    return planned
  }

  /// When faults of one line start, each so that it has ended by `end`.
  private static func starts(
    of specification: FaultSpecification, until end: Duration, using random: inout SplitMix64
  ) -> [Duration] {
    let every = specification.every
    let lasts =
      specification.lasts + specification.kind.longestWaits + (specification.patience ?? .zero)
    if let at = specification.at { return at.filter { $0 + lasts <= end } }
    var starts: [Duration] = []
    var start =
      (specification.after ?? .zero) + every * Double.random(in: 0.2...0.5, using: &random)
    while start + lasts <= end {
      starts.append(start)
      switch specification.spread {
      case .even: start += every * Double.random(in: 0.9...1.1, using: &random)
      case .random:
        // Waits for what happens by chance are exponential; not so short that none ever ends.
        let wait = -log(Double.random(in: 0x1p-53..<1, using: &random))
        start += max(every * wait, .milliseconds(100))
      }
    }
    return starts
  }

  /// A week, in milliseconds.
  private static let longest = 604_800_000

  /// The most faults that a plan may have.
  static let most = 100_000

  /// The plan that `lines` are.
  ///
  /// - Throws: `PlanError` with the line that is none.
  public static func read(_ lines: Data) throws(PlanError) -> [PlannedFault] {
    var plan: [PlannedFault] = []
    var numbers: Set<Int> = []
    for (number, line) in lines.split(separator: UInt8(ascii: "\n")).enumerated() {
      guard number < most, let fault = try? JSONDecoder().decode(PlannedFault.self, from: line),
        (0...longest).contains(fault.atMilliseconds), (0...longest).contains(fault.forMilliseconds),
        (0...longest).contains(fault.withinMilliseconds ?? 0),
        numbers.insert(fault.fault).inserted
      else { throw PlanError(line: number + 1) }
      plan.append(fault)
    }
    return plan
  }

  /// The plan as JSON lines.
  ///
  /// - Throws: only if a plan could not be JSON, which is a bug.
  public static func jsonLines(_ plan: [PlannedFault]) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    var lines = Data()
    for fault in plan {
      lines.append(try encoder.encode(fault))
      lines.append(UInt8(ascii: "\n"))
    }
    return lines
  }
}
