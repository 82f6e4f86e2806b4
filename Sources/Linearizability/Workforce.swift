// Threads for work that fills a core for minutes, apart from the pool that tasks share.

import Dispatch
import Synchronization

/// Runs jobs side by side, in order, on threads of their own.
final class Workforce<Outcome: Sendable>: Sendable {
  private let jobs: [@Sendable () -> Outcome]
  private let next = Atomic<Int>(0)
  private let outcomes = Mutex<[(job: Int, outcome: Outcome)]>([])

  private init(_ jobs: [@Sendable () -> Outcome]) { self.jobs = jobs }

  /// The results of `jobs`, at most `width` of which run at once; the first begin first.
  static func run(_ jobs: [@Sendable () -> Outcome], width: Int) async -> [Outcome] {
    let force = Workforce(jobs)
    await withTaskGroup(of: Void.self) { group in
      for hand in 0..<max(1, min(width, jobs.count)) {
        group.addTask { await force.work(hand) }
      }
    }
    return force.outcomes.withLock { $0 }.sorted { $0.job < $1.job }.map(\.outcome)
  }

  private func work(_ hand: Int) async {
    await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
      DispatchQueue(label: "check \(hand)").async { [self] in
        while true {
          let job = next.add(1, ordering: .relaxed).oldValue
          guard job < jobs.count else { break }
          let outcome = jobs[job]()
          outcomes.withLock { $0.append((job, outcome)) }
        }
        done.resume()
      }
    }
  }
}
