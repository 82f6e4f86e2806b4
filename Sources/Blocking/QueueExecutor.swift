// A serial queue as an executor, for actors around calls that block.
// Linux has no `DispatchSerialQueue`, which is this on other systems.

import Dispatch

/// Runs an actor on a queue of its own, so that a call that blocks (fsync, a system call in
/// another namespace) cannot starve the cooperative pool.
///
///     actor Writer {
///       private let queue = QueueExecutor(label: "writer")
///       nonisolated var unownedExecutor: UnownedSerialExecutor { queue.asUnownedSerialExecutor() }
///       func sync() throws { … }  // may block
///     }
public final class QueueExecutor: SerialExecutor {
  private let queue: DispatchQueue

  /// An executor whose thread carries `label`.
  public init(label: String) { queue = DispatchQueue(label: label) }

  /// Runs `job` on the queue, after those before it.
  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
  }
}
