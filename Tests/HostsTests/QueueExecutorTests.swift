// The queue executor: an actor on it blocks nobody else.

import Blocking
import Dispatch
import Testing

@Suite struct QueueExecutorTests {
  actor Blocker {
    private let queue = QueueExecutor(label: "blocker")
    nonisolated var unownedExecutor: UnownedSerialExecutor { queue.asUnownedSerialExecutor() }

    func wait(for semaphore: DispatchSemaphore) { semaphore.wait() }
  }

  @Test("more blocked actors than cores leave the cooperative pool free")
  func blocksNobody() async {
    let blockers = (0..<64).map { _ in Blocker() }
    let semaphore = DispatchSemaphore(value: 0)
    await withTaskGroup(of: Void.self) { group in
      for blocker in blockers { group.addTask { await blocker.wait(for: semaphore) } }
      // With the pool blocked, this task would never run.
      group.addTask { for _ in blockers { semaphore.signal() } }
    }
  }
}
