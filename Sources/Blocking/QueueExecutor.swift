// A serial queue as an actor's executor, for actors around calls that block: fsync, SQLite,
// poll. Linux has no `DispatchSerialQueue`, which would otherwise do.

import Dispatch

/// Runs an actor's jobs on a dispatch queue of its own, so that calls that block hold up one
/// thread of that queue and never the cooperative pool.
///
/// ```swift
/// /// SQLite blocks. On a queue of its own this actor cannot starve the cooperative pool.
/// actor RunIndex {
///   private let queue = QueueExecutor(label: "index")
///   nonisolated var unownedExecutor: UnownedSerialExecutor { queue.asUnownedSerialExecutor() }
/// }
/// ```
///
/// The actor must hold its executor for as long as it lives, as a `let`: the reference that the
/// runtime gets is not owned.
public final class QueueExecutor: SerialExecutor {
  private let queue: DispatchQueue

  /// Makes a queue of its own; `label` is its name in a debugger.
  public init(label: String) {
    queue = DispatchQueue(label: label)
  }

  /// Runs `job` after every job that was enqueued before it.
  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
  }

  /// What an actor's `unownedExecutor` returns.
  public func asUnownedSerialExecutor() -> UnownedSerialExecutor {
    UnownedSerialExecutor(ordinary: self)
  }
}
