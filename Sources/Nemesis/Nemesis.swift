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
  private var claims: Set<Claim> = []
  /// What became of the faults so far, by the order of their ends.
  public private(set) var outcomes: [FaultOutcome] = []
  /// What is going on, by the fault's number: for progress and for dumps.
  public private(set) var active: [Int: String] = [:]

  /// A nemesis for `cluster` that tells `recorder`.
  public init(
    cluster: Cluster, probe: any NetworkProbe, recorder: Recorder, group: any EventLoopGroup
  ) {
    self.cluster = cluster
    self.probe = probe
    rules = NetworkRuleBook(cluster.hosts)
    self.recorder = recorder
    self.group = group
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

  private func carryOut(_ planned: PlannedFault, at due: ContinuousClock.Instant) async {
    var outcome = FaultOutcome(
      fault: planned.fault, kind: planned.kind, choice: planned.choice, result: .installed)
    var claimed: Set<Claim> = []
    do {
      active[planned.fault] = "\(planned.kind) \(planned.choice)"
      let (fault, needs) = try await resolve(planned)
      // What is recorded so far must survive whatever the fault does to this machine.
      try await recorder.flush()
      try await Task.sleep(until: due)
      guard claims.isDisjoint(with: needs) else {
        throw FaultError.skipped("another fault was on the same nodes or network")
      }
      claims.formUnion(needs)
      claimed = needs
      try await inject(fault, planned, at: due)
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
    claims.subtract(claimed)
    active[planned.fault] = nil
    outcomes.append(outcome)
  }

  private func inject(
    _ fault: any Fault, _ planned: PlannedFault, at due: ContinuousClock.Instant
  ) async throws {
    let since = recorder.now
    let late = Int64((ContinuousClock.now - due) / .nanoseconds(1))
    var failure: (any Error)?
    var isOn = false
    do {
      var details = try await fault.inject()
      details.append(Event.Detail("since", .integer(since)))
      details.append(Event.Detail("late", .integer(late)))
      recorder.fault(planned.fault, kind: fault.kind, phase: .start, details: details)
      isOn = true
      try await Task.sleep(for: .milliseconds(planned.forMilliseconds))
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
    if isOn { recorder.fault(planned.fault, kind: fault.kind, phase: .end, details: healed) }
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
