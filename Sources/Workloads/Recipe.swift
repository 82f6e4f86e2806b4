// Recipes: faults that bring a bug out together, in their order, and not one by one.

import Hosts
import Systems

/// Several faults in an order. What begins stays until it is healed by name, or the recipe ends.
///
/// As text, what is in workload files and plans: the name of one that is known, or its steps,
/// `kill leader; until leader; partition halves; wait 2s; heal kill`.
public struct Recipe: Sendable, Equatable, RawRepresentable {
  /// A step.
  public enum Step: Sendable, Equatable {
    /// A fault begins; its kind and choice as a plan says them.
    case begin(kind: String, choice: String)
    /// Those of a kind that go on are healed.
    case heal(kind: String)
    /// Nothing, for so long.
    case wait(Duration)
    /// Nothing, until this is so; a leader is one of a term in which none led when the recipe began. Five
    /// seconds at most.
    case until(ClusterState)
  }

  /// What is done, one after the other.
  public let steps: [Step]
  /// As it was written.
  public let rawValue: String

  /// Those that are known by name.
  ///
  /// - `forgotten-votes`: votes that were granted and not synced are lost, while who was elected by them
  ///   cannot say so.
  /// - `late-answers`: the leader hears late, and then nothing; its lease counts from what it sent.
  /// - `behind-a-snapshot`: a node misses what is purged meanwhile, and needs a snapshot.
  /// - `leader-flip`: the leader is left with a minority, then the next one, twice (jraft's issue 34).
  /// - `part-kill`: of five nodes two are cut off; of the three that go on one loses power, and comes back
  ///   with the two, while the others are cut off: what it had not synced nobody knows.
  /// - `pause-kill`: the same, with nodes that stand still instead of being cut off.
  /// - `hung-leader`: the leader's disk hangs while all else goes on (hashicorp/raft's issue 503).
  public static let known: [(name: String, steps: String)] = [
    (
      "forgotten-votes",
      "disk sync-slow all; kill leader; until leader; disk lose-unsynced followers; "
        + "partition leader-minority; heal disk; heal kill; wait 2s"
    ),
    (
      "late-answers",
      "network delay=150ms,only=in leader; wait 700ms; partition leader-minority; wait 1s"
    ),
    (
      "behind-a-snapshot",
      "partition one; wait 2s; administer snapshot; administer purge; heal partition; wait 1s"
    ),
    (
      "leader-flip",
      "partition leader-minority; wait 1s; heal partition; partition leader-minority; wait 1s; "
        + "heal partition; wait 300ms"
    ),
    (
      "part-kill",
      "partition n1+n2; wait 2s; disk lose-unsynced n3; heal partition; partition n4+n5; "
        + "wait 200ms; heal disk; wait 2s"
    ),
    (
      "pause-kill",
      "pause n1+n2; wait 2s; disk lose-unsynced n3; heal pause; pause n4+n5; wait 200ms; "
        + "heal disk; wait 2s"
    ),
    ("hung-leader", "disk sync-stall leader; wait 4s"),
  ]

  /// What `text` says; nil when it says something else.
  public init?(rawValue text: String) {
    guard let recipe = try? Recipe(text) else { return nil }
    self = recipe
  }

  /// What `text` says.
  ///
  /// - Throws: `Complaint` with what is wrong.
  init(_ text: String) throws(Complaint) {
    rawValue = text
    let written = Self.known.first { $0.name == text }?.steps ?? text
    var steps: [Step] = []
    for part in written.split(separator: ";", omittingEmptySubsequences: false) {
      steps.append(try Self.step(part.split(separator: " ").map(String.init)))
    }
    self.steps = steps
    var begun: Set<String> = []
    for step in steps {
      switch step {
      case .begin(let kind, _): begun.insert(kind)
      case .heal(let kind) where !begun.contains(kind):
        throw Complaint(text: "it heals \(kind), of which none has begun")
      case .heal, .wait, .until: break
      }
    }
    guard !begun.isEmpty else { throw Complaint(text: "it does nothing; begin a fault in it") }
  }

  /// What is wrong with a recipe.
  struct Complaint: Error {
    var text: String
  }

  private static func step(_ words: [String]) throws(Complaint) -> Step {
    guard words.count >= 2 else {
      let names = known.map(\.name).joined(separator: ", ")
      throw Complaint(
        text: "\"\(words.joined())\" is no step, such as `kill leader`, and no recipe: \(names)")
    }
    let rest = words.dropFirst().joined(separator: " ")
    switch words[0] {
    case "wait":
      guard let time = Duration(workload: rest), time <= .seconds(600) else {
        throw Complaint(text: "\(rest) is no time up to ten minutes; write wait 2s")
      }
      return .wait(time)
    case "until":
      guard let state = ClusterState(rawValue: rest) else {
        let words = ClusterState.allCases.map(\.rawValue).joined(separator: ", ")
        throw Complaint(text: "\(rest) is nothing to wait for; write until leader, or: \(words)")
      }
      return .until(state)
    case "heal":
      guard FaultSpecification.Kind.reads(rest, nil) else {
        throw Complaint(text: "\(rest) is no kind of fault")
      }
      return .heal(kind: rest)
    default:
      guard words[0] != "recipe", FaultSpecification.Kind.reads(words[0], rest) else {
        throw Complaint(text: "`\(words.joined(separator: " "))` is no fault")
      }
      return .begin(kind: words[0], choice: rest)
    }
  }

  /// How long its waits are together.
  public var waits: Duration {
    steps.reduce(.zero) { total, step in
      if case .wait(let time) = step { return total + time }
      return total
    }
  }

  /// Whether clocks go fast or slow by it.
  var bendsTime: Bool {
    steps.contains { step in
      if case .begin("clock", let choice) = step { return ClockTrouble.bendsTime(choice) }
      return false
    }
  }

  /// Whether it takes a shim in the nodes' processes.
  public var needsShim: Bool { needsDisk || begins("clock") }

  /// Whether disks fail in it.
  public var needsDisk: Bool { begins("disk") }

  private func begins(_ wanted: String) -> Bool {
    steps.contains { step in
      if case .begin(wanted, _) = step { return true }
      return false
    }
  }
}

extension FaultSpecification.Kind {
  /// Whether `choice` is one of a fault of this kind; with nil, whether there is such a kind.
  static func reads(_ kind: String, _ choice: String?) -> Bool {
    let readers: [String: (String) -> Bool] = [
      "partition": { (CutMeans.read($0) as (PartitionShape, CutMeans)?) != nil },
      "disconnect": { (CutMeans.read($0) as (NodeTarget, CutMeans)?) != nil },
      "network": { AimedTrouble<LinkConditions>(choice: $0) != nil },
      "disk": { AimedTrouble<DiskTrouble>(choice: $0) != nil },
      "damage": { AimedTrouble<FileTrouble>(choice: $0) != nil },
      "clock": { AimedTrouble<ClockTrouble>(choice: $0) != nil },
      "starve": { AimedTrouble<Resource>(choice: $0) != nil },
      "members": { AimedTrouble<MemberTrouble>(choice: $0) != nil },
      "administer": { Administration(rawValue: $0) != nil },
      "kill": { NodeTarget(rawValue: $0) != nil }, "terminate": { NodeTarget(rawValue: $0) != nil },
      "abort": { NodeTarget(rawValue: $0) != nil }, "pause": { NodeTarget(rawValue: $0) != nil },
      "roll": { NodeTarget(rawValue: $0) != nil }, "upgrade": { NodeTarget(rawValue: $0) != nil },
    ]
    guard let reader = readers[kind] else { return false }
    return choice.map(reader) ?? true
  }
}
