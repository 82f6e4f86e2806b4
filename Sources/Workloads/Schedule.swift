// When faults may be on beside one another, and how much of a cluster they may take: the words of workload
// files. Drawing a plan: Nemesis/Plan.swift. Holding to an envelope: Nemesis/Harm.swift.

/// How much of the cluster faults may take at a time. What would take more is left out, with that reason.
public enum Envelope: String, CaseIterable, Sendable {
  /// Some node runs and hears, both ways, so many others that run that they are a majority, and clients
  /// reach them. The system has no excuse then: unless the workload says otherwise, no function may go
  /// without a success for ten seconds.
  case quorum
  /// At most a minority loses what it wrote and did not sync at the same time, or, over the whole run,
  /// what it had synced. Who writes to several disks and syncs none must survive that.
  case minorityDurable = "minority-durable"
  /// Whatever the workload says.
  case anything
}

/// When faults may be on.
public struct Schedule: Equatable, Sendable {
  /// At most so many at a time; nil for any number.
  public var atOnce: Int?
  /// From one quiet time to the next, and how long one lasts, in which no fault is on; nil for none.
  public var quiet: Quiet?

  /// Quiet times.
  public struct Quiet: Equatable, Sendable {
    /// A stretch of the load, with faults on and a quiet end.
    public var every: Duration
    /// How long its end is.
    public var lasts: Duration
  }

  /// The schedule as a workload file says it; nil where it says nothing.
  var yaml: String? {
    let words = [
      atOnce.map { "at-once: \($0)" },
      quiet.map { "quiet: {every: \($0.every.workloadText), for: \($0.lasts.workloadText)}" },
    ].compactMap { $0 }
    return words.isEmpty ? nil : "schedule: {\(words.joined(separator: ", "))}"
  }
}

extension Schedule {
  /// Reads it.
  init(_ mapping: YAMLMapping?) throws(WorkloadError) {
    guard var mapping else { return }
    atOnce = try mapping.integer("at-once", in: 1...1000)
    if var quiet = try mapping.mapping("quiet") {
      let every = try quiet.duration("every") ?? .seconds(20)
      let lasts = try quiet.duration("for") ?? .seconds(5)
      try quiet.finish()
      guard lasts < every else {
        throw quiet.failure("for", nil, "is no shorter than every; no fault would ever be on")
      }
      self.quiet = Quiet(every: every, lasts: lasts)
    }
    try mapping.finish()
  }
}

/// Something that is so of a cluster, or is not yet.
public enum ClusterState: String, CaseIterable, Sendable, Codable {
  /// A node says that it leads in a term in which none did when the waiting began.
  case leader
  /// No node says that it leads.
  case noLeader = "no-leader"
  /// The log of one ends a hundred entries before another's, or more.
  case behind
  /// All nodes answer, and their logs end at most ten entries apart.
  case level

  /// What is said where it did not come to be so.
  public var unmet: String {
    switch self {
    case .leader: "no other node led"
    case .noLeader: "some node led all the time"
    case .behind: "no node was 100 entries behind"
    case .level: "not all nodes were up with their logs at one end"
    }
  }
}
