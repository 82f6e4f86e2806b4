// The fewest faults, nodes, clients and keys that still show a finding, by trying. Pure: what is run is for
// others to see to.

import Nemesis
import Workloads

/// What is run to see whether a finding shows itself.
public struct Reproduction: Sendable, Equatable {
  /// The workload.
  public var workload: Workload
  /// Its faults.
  public var plan: [PlannedFault]

  /// A reproduction of this kind.
  public init(workload: Workload, plan: [PlannedFault]) {
    self.workload = workload
    self.plan = plan
  }

  /// `2 faults, 3 nodes, 10 clients, 8 keys, 12s`.
  public var text: String {
    "\(plan.count) \(plan.count == 1 ? "fault" : "faults"), \(workload.nodes) nodes, "
      + "\(workload.clients) clients, \(workload.load.keys) keys, \(workload.time.workloadText)"
  }

  /// With these faults alone; what needs a shim for one that is gone does without.
  func with(_ plan: [PlannedFault]) -> Reproduction {
    var smaller = self
    smaller.plan = plan
    let kinds = Set(plan.map(\.kind))
    smaller.workload.faults.removeAll { !kinds.contains($0.kind.name) }
    return smaller
  }

  /// Without what comes after so much of the load.
  func upTo(_ time: Duration) -> Reproduction {
    guard time < workload.time else { return self }
    var smaller = self
    smaller.workload.time = time
    let end = Int(time / .milliseconds(1))
    return smaller.with(plan.filter { $0.atMilliseconds + $0.forMilliseconds < end })
  }
}

/// Makes a reproduction smaller, step by step.
public struct Shrinker {
  /// Whether what it is given shows the finding in any of several runs.
  public typealias Test = (Reproduction) async throws -> Bool

  private let test: Test

  /// One that asks `test`, which costs runs.
  public init(test: @escaping Test) { self.test = test }

  /// The smallest that was found: first without what came after the finding, then with fewer faults (delta
  /// debugging, Zeller & Hildebrandt 2002), then with fewer nodes, clients and keys.
  ///
  /// - Throws: what the test throws.
  public func shrink(_ whole: Reproduction, foundAt time: Duration?) async throws -> Reproduction {
    var best = whole
    if let time {
      let early = best.upTo(time + .seconds(2))
      if early != best, try await test(early) { best = early }
    }
    best = try await withFewerFaults(best)
    best = try await halved(best, by: \.nodes, least: 3) { max(3, $0 - 2) }
    best = try await halved(best, by: \.clients, least: 2) { $0 / 2 }
    best = try await halved(best, by: \.load.keys, least: 1) { $0 / 2 }
    return best
  }

  private func withFewerFaults(_ whole: Reproduction) async throws -> Reproduction {
    var best = whole
    if !best.plan.isEmpty, try await test(best.with([])) { return best.with([]) }
    var pieces = 2
    while best.plan.count >= 2 {
      let size = (best.plan.count + pieces - 1) / pieces
      let parts = stride(from: 0, to: best.plan.count, by: size).map {
        Array(best.plan[$0..<min($0 + size, best.plan.count)])
      }
      var found: Reproduction?
      for part in parts where found == nil {
        let alone = best.with(part)
        if try await test(alone) { found = alone }
      }
      if let smaller = found {
        (best, pieces) = (smaller, 2)
        continue
      }
      for part in parts where found == nil && parts.count > 2 {
        let rest = best.with(best.plan.filter { !part.contains($0) })
        if try await test(rest) { found = rest }
      }
      if let smaller = found {
        (best, pieces) = (smaller, max(2, pieces - 1))
      } else if size > 1 {
        pieces = min(best.plan.count, pieces * 2)
      } else {
        break
      }
    }
    return best
  }

  /// With less of one thing, as long as the finding shows itself.
  private func halved(
    _ whole: Reproduction, by path: WritableKeyPath<Workload, Int>, least: Int,
    _ smaller: (Int) -> Int
  ) async throws -> Reproduction {
    var best = whole
    while best.workload[keyPath: path] > least {
      var next = best
      next.workload[keyPath: path] = max(least, smaller(best.workload[keyPath: path]))
      guard try await test(next) else { break }
      best = next
    }
    return best
  }
}
