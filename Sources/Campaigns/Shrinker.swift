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
      + "\(workload.clients) clients, \(workload.load.keys) \(workload.load.keys == 1 ? "key" : "keys"), "
      + workload.time.workloadText
  }

  /// With these faults alone; what needs a shim for one that is gone does without.
  func with(_ plan: [PlannedFault]) -> Reproduction {
    var smaller = self
    smaller.plan = plan
    let kinds = Set(plan.map(\.kind))
    smaller.workload.faults.removeAll { !kinds.contains($0.kind.name) }
    return smaller
  }

  /// Without what comes after so much of the load, but with the whole of the faults that go on then: what
  /// shows itself during a fault may need it.
  func upTo(_ time: Duration) -> Reproduction {
    let begun = plan.filter { .milliseconds($0.atMilliseconds) < time }
    let ends = begun.map {
      Duration.milliseconds(
        $0.atMilliseconds + ($0.withinMilliseconds ?? 0) + $0.forMilliseconds + 1)
    }
    let end = ends.reduce(time, max)
    guard end < workload.time else { return self }
    var smaller = with(begun)
    smaller.workload.time = end
    return smaller
  }
}

/// A finding that showed itself in some runs.
public struct Showing: Sendable, Equatable {
  /// When it was there in each of them, since the run's beginning, ascending; without those where no operation
  /// tells.
  public let times: [Duration]

  /// One at those times.
  public init(at times: [Duration]) { self.times = times.sorted() }
}

/// Makes a reproduction smaller, step by step.
public struct Shrinker {
  /// How the finding shows itself in runs of what it is given; nil if it does not, or too rarely.
  public typealias Test = (Reproduction) async throws -> Showing?

  /// What showed the finding, and how.
  private typealias Shown = (reproduction: Reproduction, showing: Showing)

  private let test: Test

  /// One that asks `test`, which costs runs.
  public init(test: @escaping Test) { self.test = test }

  /// The smallest that was found: with fewer nodes, which start sooner, then with fewer faults (delta
  /// debugging, Zeller & Hildebrandt 2002), nodes once more, clients and keys; after each of these that took
  /// something away, without what came after the finding.
  ///
  /// - Throws: what the test throws.
  public func shrink(_ whole: Reproduction, shown: Showing) async throws -> Reproduction {
    var best = try await shortened((whole, shown))
    func withFewerNodes(_ shown: Shown) async throws -> Shown {
      try await halved(shown, by: \.nodes, least: 3) { $0 - 2 }
    }
    let steps: [(Shown) async throws -> Shown] = [
      withFewerNodes, withFewerFaults, withFewerNodes,
      { try await halved($0, by: \.clients, least: 2) { $0 / 2 } },
    ]
    for step in steps {
      let smaller = try await step(best)
      // What was too short for the same load once is not tried again.
      guard smaller.reproduction != best.reproduction else { continue }
      best = try await shortened(smaller)
    }
    return try await halved(best, by: \.load.keys, least: 1) { $0 / 2 }.reproduction
  }

  private func shows(_ smaller: Reproduction) async throws -> Shown? {
    try await test(smaller).map { (smaller, $0) }
  }

  /// Without what came after the finding, as long as that is a good part: every later run is as long. A finding
  /// may come late in one run and early in the next, and what is short costs little to try.
  private func shortened(_ whole: Shown) async throws -> Shown {
    var tried = Duration.zero
    for time in whole.showing.times {
      let early = whole.reproduction.upTo(time + .seconds(2))
      let length = early.workload.time
      guard length < whole.reproduction.workload.time * 4 / 5 else { break }
      guard length >= tried * 5 / 4 else { continue }
      if let shown = try await shows(early) { return try await shortened(shown) }
      tried = length
    }
    return whole
  }

  private func withFewerFaults(_ whole: Shown) async throws -> Shown {
    var best = whole
    var plan: [PlannedFault] { best.reproduction.plan }
    if !plan.isEmpty, let none = try await shows(best.reproduction.with([])) { return none }
    var pieces = 2
    while plan.count >= 2 {
      let size = (plan.count + pieces - 1) / pieces
      let parts = stride(from: 0, to: plan.count, by: size).map {
        Array(plan[$0..<min($0 + size, plan.count)])
      }
      var found: Shown?
      for part in parts where found == nil {
        found = try await shows(best.reproduction.with(part))
      }
      if let smaller = found {
        (best, pieces) = (smaller, 2)
        continue
      }
      for part in parts where found == nil && parts.count > 2 {
        let rest = plan.filter { !part.contains($0) }
        found = try await shows(best.reproduction.with(rest))
      }
      if let smaller = found {
        (best, pieces) = (smaller, max(2, pieces - 1))
      } else if size > 1 {
        pieces = min(plan.count, pieces * 2)
      } else {
        break
      }
    }
    return best
  }

  /// With less of one thing, as long as the finding shows itself.
  private func halved(
    _ whole: Shown, by path: WritableKeyPath<Workload, Int>, least: Int, _ smaller: (Int) -> Int
  ) async throws -> Shown {
    var best = whole
    while best.reproduction.workload[keyPath: path] > least {
      var next = best.reproduction
      next.workload[keyPath: path] = max(least, smaller(next.workload[keyPath: path]))
      guard let shown = try await shows(next) else { break }
      best = shown
    }
    return best
  }
}
