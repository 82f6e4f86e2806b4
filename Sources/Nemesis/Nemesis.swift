// The nemesis: carries out a plan, tells the history, and always heals.

import FoundationEssentials
import History
import Hosts
import NIOCore
import Systems
import Workloads

/// What became of a planned fault.
public struct FaultOutcome: Equatable, Sendable, Codable {
  /// What became of it.
  public enum Result: String, Sendable, Codable {
    /// It took hold, and was taken back.
    case installed
    /// Nothing was there to hit.
    case skipped
    /// It did not take hold, or did not go.
    case failed
  }

  /// Its number in the plan.
  public var fault: Int
  /// Its kind.
  public var kind: String
  /// The shape or target.
  public var choice: String
  /// What became of it.
  public var result: Result
  /// Why, when it was skipped or failed.
  public var reason: String?

  /// What became of the fault with this number in the plan.
  public init(
    fault: Int, kind: String, choice: String, result: Result, reason: String? = nil
  ) {
    self.fault = fault
    self.kind = kind
    self.choice = choice
    self.result = result
    self.reason = reason
  }
}

/// Breaks a cluster on purpose.
public actor Nemesis {
  /// What a fault lays hands on: two faults must not fight over it.
  enum Claim: Hashable {
    case partition
    case conditions
    case clients
    case process(Int)
    case clock(Int)

    /// Everything there is.
    static func all(_ nodes: some Sequence<Int>) -> Set<Claim> {
      Set(nodes.flatMap { [.process($0), .clock($0)] } + [.partition, .conditions, .clients])
    }
  }

  let cluster: Cluster
  let probe: any NetworkProbe
  let rules: NetworkRuleBook
  private let recorder: Recorder
  let group: any EventLoopGroup
  private let envelope: Envelope
  /// The nodes on which calls of clients are under way, or were last.
  let held: @Sendable () -> [String]
  private var claims: Set<Claim> = []
  /// Why faults cannot be done at all, by their numbers.
  private var obstacles: [Int: String] = [:]
  /// What the faults that are on take, by their numbers.
  private var harms: [Int: Harm] = [:]
  /// How far the logs of nodes must come that have lost what they had not synced, by place, until they are as
  /// good as others.
  private var catchingUp: [Int: UInt64] = [:]
  /// The nodes that have lost what they had synced.
  private var forgetful: Set<Int> = []
  /// What became of the faults so far, by the order of their ends.
  public private(set) var outcomes: [FaultOutcome] = []
  /// What is going on, by the fault's number: for progress and for dumps.
  public private(set) var active: [Int: String] = [:]

  /// A nemesis for `cluster` that tells `recorder` and does no more than `envelope` allows. `held` names the
  /// nodes on which calls of clients are under way.
  public init(
    cluster: Cluster, probe: any NetworkProbe, recorder: Recorder, group: any EventLoopGroup,
    envelope: Envelope = .anything, held: @escaping @Sendable () -> [String] = { [] }
  ) {
    self.envelope = envelope
    self.held = held
    self.cluster = cluster
    self.probe = probe
    rules = NetworkRuleBook(cluster.hosts)
    self.recorder = recorder
    self.group = group
  }

  /// What the cluster's machines cannot do of what `plan` needs, by the faults that it keeps from being done.
  ///
  /// - Throws: `HostError` when one cannot be asked.
  public func findObstacles(to plan: [PlannedFault]) async throws -> [String] {
    var lines: [String] = []
    // The nodes of a lab share one machine.
    let hosts = cluster.hosts.contains { $0.control != nil } ? cluster.hosts : [cluster.hosts[0]]
    let found = try await withThrowingTaskGroup(of: (String, [Ability]).self) { tasks in
      for host in hosts {
        let needed = Set(plan.flatMap { Self.needs($0, on: host) })
        tasks.addTask { (host.name, try await host.abilities(needed)) }
      }
      return try await tasks.reduce(into: [:]) { $0[$1.0] = $1.1 }
    }
    for host in hosts {
      let missing = (found[host.name] ?? []).filter { !$0.isThere }
      for ability in missing {
        let line = "\(host.name) cannot do \(ability.name.rawValue): \(ability.detail)"
        lines.append(line)
        for planned in plan where Self.needs(planned, on: host).contains(ability.name) {
          obstacles[planned.fault] = line
        }
      }
    }
    return lines
  }

  private static func needs(_ planned: PlannedFault, on host: any Host) -> Set<Ability.Name> {
    // Only of the machines that it is aimed at, where it names them.
    let last = planned.choice.split(separator: " ").last.map(String.init) ?? ""
    if case .named(let names) = NodeTarget(rawValue: last), !names.contains(host.name),
      host.keepsLedger, !["partition", "network", "disconnect"].contains(planned.kind)
    {
      return []
    }
    return Ability.Name.needed(
      kind: planned.kind, choice: planned.choice, address: host.address)
  }

  /// Carries out `plan`, counted from now. Returns when all faults are healed; when the task is
  /// cancelled, those that are on are healed at once and no others begin.
  public func run(_ plan: [PlannedFault]) async {
    let start = ContinuousClock.now
    await withDiscardingTaskGroup { tasks in
      for planned in plan {
        tasks.addTask { [self] in
          let due = start + .milliseconds(planned.atMilliseconds)
          do { try await Task.sleep(until: due - Self.preparation) } catch { return }
          await carryOut(planned, at: due)
        }
      }
    }
  }

  /// So long before its time a fault begins to find out whom it hits, and to save what is recorded, that
  /// it is done in time.
  private static let preparation = Duration.milliseconds(350)

  /// On busy cores a sleeper wakes some milliseconds late: the last ones are spent awake, so that a replay's
  /// faults fall between the same operations.
  private static func sleep(to due: ContinuousClock.Instant) async throws {
    try await Task.sleep(until: due - .milliseconds(8))
    while ContinuousClock.now < due {
      try Task.checkCancellation()
      await Task.yield()
    }
  }

  private func carryOut(_ planned: PlannedFault, at due: ContinuousClock.Instant) async {
    var outcome = FaultOutcome(
      fault: planned.fault, kind: planned.kind, choice: planned.choice, result: .installed)
    var claimed: Set<Claim> = []
    do {
      active[planned.fault] = "\(planned.kind) \(planned.choice)"
      if let obstacle = obstacles[planned.fault] { throw FaultError.skipped(obstacle) }
      var due = due
      var waited: Event.Detail?
      if let state = planned.when {
        try await Task.sleep(until: due)
        waited = try await wait(for: state, planned)
        due = .now
      }
      let resolved = try await resolve(planned)
      await seeWhoHasCaughtUp()
      // What is recorded so far must survive whatever the fault does to this machine.
      try await recorder.flush()
      try await Self.sleep(to: due)
      guard claims.isDisjoint(with: resolved.claims) else {
        throw FaultError.skipped("another fault was on the same nodes or network")
      }
      let all =
        harms.values.reduce(resolved.harm, +)
        + Harm(unsynced: Set(catchingUp.keys), synced: forgetful)
      if let refusal = envelope.refusal(of: all, nodes: cluster.hosts.count) {
        throw FaultError.skipped(refusal)
      }
      claims.formUnion(resolved.claims)
      claimed = resolved.claims
      harms[planned.fault] = resolved.harm
      forgetful.formUnion(resolved.harm.synced)
      try await inject(resolved.fault, planned, at: due, [waited].compactMap { $0 })
    } catch FaultError.skipped(let reason) {
      outcome.result = .skipped
      outcome.reason = reason
    } catch HostError.lost(let host, _) {
      // What is on it the host undoes by itself; the run cannot mean much any more, and goes on.
      outcome.result = .skipped
      outcome.reason = "\(host) went out of reach"
    } catch FaultError.notHealed(let reason) {
      outcome.result = .failed
      outcome.reason = FaultError.notHealed(reason).description
    } catch {
      // What was cut short says so in many ways.
      outcome.result = Task.isCancelled ? .skipped : .failed
      outcome.reason = Task.isCancelled ? "the run ended meanwhile" : "\(error)"
    }
    if envelope == .minorityDurable { await noteLosses(of: harms[planned.fault]) }
    claims.subtract(claimed)
    harms[planned.fault] = nil
    active[planned.fault] = nil
    outcomes.append(outcome)
  }

  /// Who has lost what it had not synced has to come as far as the furthest is now.
  private func noteLosses(of harm: Harm?) async {
    guard let harm, !harm.unsynced.isEmpty else { return }
    let last =
      await cluster.system.standings(within: .seconds(5), group: group).map(\.lastIndex).max()
      ?? .max
    for node in harm.unsynced { catchingUp[node] = last }
  }

  private func seeWhoHasCaughtUp() async {
    guard !catchingUp.isEmpty else { return }
    for standing in await cluster.system.standings(within: .seconds(5), group: group) {
      if let goal = catchingUp[standing.node], standing.lastIndex >= goal {
        catchingUp[standing.node] = nil
      }
    }
  }

  /// Waits until `state` is so; how long, in milliseconds, is part of the evidence.
  private func wait(
    for state: ClusterState, _ planned: PlannedFault
  ) async throws -> Event.Detail {
    let start = ContinuousClock.now
    let patience = Duration.milliseconds(planned.withinMilliseconds ?? 0)
    let watch = await ClusterWatch(cluster, group: group)
    guard try await watch.wait(for: state, within: patience) != nil else {
      throw FaultError.skipped("\(state.unmet) within \(patience)")
    }
    return Event.Detail(
      "waited", .integer(Int64((ContinuousClock.now - start) / .milliseconds(1))))
  }

  private func inject(
    _ fault: any Fault, _ planned: PlannedFault, at due: ContinuousClock.Instant,
    _ more: [Event.Detail]
  ) async throws {
    let since = recorder.now
    let late = Int64((ContinuousClock.now - due) / .nanoseconds(1))
    var failure: (any Error)?
    var isOn = false
    var lasted: Event.Detail?
    do {
      var details = try await fault.inject()
      details.append(Event.Detail("since", .integer(since)))
      details.append(Event.Detail("late", .integer(late)))
      details += more
      recorder.fault(planned.fault, kind: fault.kind, phase: .start, details: details)
      isOn = true
      let lasts = Duration.milliseconds(planned.forMilliseconds)
      if let state = planned.healWhen {
        let start = ContinuousClock.now
        _ = try await ClusterWatch(cluster, group: group).wait(for: state, within: lasts)
        lasted = Event.Detail(
          "lasted", .integer(Int64((ContinuousClock.now - start) / .milliseconds(1))))
      } else {
        try await Task.sleep(for: lasts)
      }
    } catch {
      // When the run ends early the fault is healed all the same.
      if !Task.isCancelled { failure = error }
    }
    let healed: [Event.Detail]
    do {
      healed = try await Self.heal(fault)
    } catch {
      if case HostError.lost = error { throw error }
      throw FaultError.notHealed("\(error)")
    }
    if isOn {
      recorder.fault(
        planned.fault, kind: fault.kind, phase: .end,
        details: healed + [lasted].compactMap { $0 })
    }
    if let failure { throw failure }
    guard isOn else { throw FaultError.skipped("the run ended while it was being put on") }
  }

  /// In a task of its own, which is not cancelled with the run; tried again, since what is left
  /// behind would spoil all that follows.
  private static func heal(_ fault: any Fault) async throws -> [Event.Detail] {
    try await Task {
      for _ in 0..<2 {
        if let details = try? await fault.heal() { return details }
      }
      return try await fault.heal()
    }.value
  }
}
