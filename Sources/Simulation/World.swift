// The world: one thread, one clock that only moves when nothing is left to do, and one source of
// chance. Whatever runs in it runs the same way each time, from its seed alone.

import HeapModule
import Synchronization

/// Runs tasks one job at a time, in an order drawn from a seed, on virtual time.
///
/// Everything in a world happens on the thread that calls `run`. Tasks get there by one of its
/// executors; nothing else may touch it.
public final class World: @unchecked Sendable {
  // Sound because only `run`'s thread touches the state: jobs and timers are enqueued from jobs that
  // run there, or before it starts. `enqueue` checks it.

  /// Something that happens at a time; of those at one time, in the order they were asked for.
  private struct Timer: Comparable {
    var time: Duration
    var number: UInt64
    var action: () -> Void

    static func < (left: Timer, right: Timer) -> Bool {
      (left.time, left.number) < (right.time, right.number)
    }
    static func == (left: Timer, right: Timer) -> Bool { left.number == right.number }
  }

  /// Time since the world began.
  public private(set) var now = Duration.zero
  /// The only randomness there is.
  public var random: SplitMix64
  /// How many jobs have run.
  public private(set) var jobCount = 0
  /// Sums up all that happened: worlds of equal traces did the same.
  public private(set) var trace = Trace()

  private var ready: [() -> Void] = []
  private var timers = Heap<Timer>()
  private var timerCount: UInt64 = 0
  private let executor = Mutex<WorldExecutor?>(nil)

  /// A world at its beginning.
  public init(seed: UInt64) { random = SplitMix64(seed: seed) }

  /// Where tasks of this world run.
  public var taskExecutor: WorldExecutor {
    executor.withLock { executor in
      if let executor { return executor }
      let new = WorldExecutor(self)
      executor = new
      return new
    }
  }

  /// Has `action` happen `delay` from now.
  public func after(_ delay: Duration, _ action: @escaping () -> Void) {
    timerCount += 1
    timers.insert(Timer(time: now + max(delay, .zero), number: timerCount, action: action))
  }

  func enqueue(_ action: @escaping () -> Void) { ready.append(action) }

  /// Adds a word to the trace.
  public func note(_ word: UInt64) { trace.add(word) }

  /// Goes on until `isOver` says so, or until nothing is left to happen.
  public func run(until isOver: () -> Bool) {
    while !isOver() {
      if !ready.isEmpty {
        // Any of those that could be next may be: threads promise no order.
        let place = ready.count == 1 ? 0 : Int(random.next() % UInt64(ready.count))
        ready.swapAt(place, ready.count - 1)
        jobCount += 1
        trace.add(UInt64(place))
        ready.removeLast()()
      } else if let timer = timers.popMin() {
        now = timer.time
        timer.action()
      } else {
        return
      }
    }
  }

  /// A number from `range`.
  public func draw(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
  /// A time from `range`, in microseconds.
  public func draw(microseconds range: ClosedRange<Int>) -> Duration {
    .microseconds(draw(range))
  }
  /// Whether something of this probability happens.
  public func happens(_ probability: Double) -> Bool {
    probability > 0 && Double.random(in: 0..<1, using: &random) < probability
  }
}

/// A sum over everything that happened, in order (FNV-1a).
public struct Trace: Equatable, Sendable {
  /// The sum.
  public private(set) var sum: UInt64 = 0xcbf2_9ce4_8422_2325

  mutating func add(_ word: UInt64) { sum = (sum ^ word) &* 0x100_0000_01b3 }
}

/// Runs tasks in a world.
public final class WorldExecutor: TaskExecutor, SerialExecutor {
  private unowned let world: World

  init(_ world: World) { self.world = world }

  /// Puts `job` among those that can be next.
  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    world.enqueue { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }

  /// This executor, for actors.
  public func asUnownedSerialExecutor() -> UnownedSerialExecutor {
    UnownedSerialExecutor(ordinary: self)
  }
}

/// A disk's own queue: its jobs run one after the other, each after the time that the disk takes.
public final class WorldQueue: SerialExecutor {
  private unowned let world: World
  private let latency: ClosedRange<Int>
  private let stalls: Double
  private let end = Mutex(Duration.zero)

  /// A queue whose jobs take microseconds from `latency`, and so many up to a second.
  public init(_ world: World, latency: ClosedRange<Int>, stalls: Double) {
    self.world = world
    self.latency = latency
    self.stalls = stalls
  }

  /// Runs `job` after every job that was enqueued before it.
  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let time = end.withLock { end in
      let time = world.happens(stalls) ? 100_000...1_000_000 : latency
      end = max(end, world.now) + world.draw(microseconds: time)
      return end
    }
    world.after(time - world.now) { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
  }

  /// This executor, for actors.
  public func asUnownedSerialExecutor() -> UnownedSerialExecutor {
    UnownedSerialExecutor(ordinary: self)
  }
}

/// The world's time as a clock, as fast or slow as a node's clock goes.
public struct WorldClock: Clock {
  /// A time on it.
  public struct Instant: InstantProtocol {
    var time: Duration
    /// So much later.
    public func advanced(by duration: Duration) -> Instant { Instant(time: time + duration) }
    /// From here to there.
    public func duration(to other: Instant) -> Duration { other.time - time }
    /// Orders by time.
    public static func < (left: Instant, right: Instant) -> Bool { left.time < right.time }
  }

  private let world: World
  /// How fast it goes: parts in a million more than true time.
  private let drift: Int

  /// A clock of `world` that gains `drift` parts in a million.
  public init(_ world: World, drift: Int = 0) {
    self.world = world
    self.drift = drift
  }

  /// What it shows.
  public var now: Instant {
    guard drift != 0 else { return Instant(time: world.now) }
    return Instant(
      time: world.now + .nanoseconds(Self.nanoseconds(world.now) / 1000 * Int64(drift) / 1000))
  }
  /// Whole numbers: a world asks for the time more often than for anything else.
  private static func nanoseconds(_ duration: Duration) -> Int64 {
    let (seconds, attoseconds) = duration.components
    return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
  }

  /// As fine as it gets.
  public var minimumResolution: Duration { .nanoseconds(1) }

  /// Waits until it shows `deadline`.
  public func sleep(until deadline: Instant, tolerance: Duration?) async throws {
    let wait = SleepingTask()
    let nanoseconds = Self.nanoseconds(deadline.time - now.time)
    let delay = Duration.nanoseconds(nanoseconds - nanoseconds / 1000 * Int64(drift) / 1000)
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        wait.begin(continuation)
        world.after(delay) { wait.end() }
      }
    } onCancel: {
      wait.end()
    }
    try Task.checkCancellation()
  }
}

/// A task that waits for a time, or for its cancellation, whichever is first.
private final class SleepingTask: Sendable {
  private enum State {
    case waking
    case sleeping(CheckedContinuation<Void, Never>)
    case awake
  }
  private let state = Mutex(State.waking)

  func begin(_ continuation: CheckedContinuation<Void, Never>) {
    let isOver = state.withLock { state in
      if case .awake = state { return true }
      state = .sleeping(continuation)
      return false
    }
    if isOver { continuation.resume() }
  }

  func end() {
    let sleeper: CheckedContinuation<Void, Never>? = state.withLock { state in
      defer { state = .awake }
      if case .sleeping(let continuation) = state { return continuation }
      return nil
    }
    sleeper?.resume()
  }
}

/// Steele, Lea and Flood's SplitMix64: small, fast, and the same everywhere.
public struct SplitMix64: RandomNumberGenerator, Sendable {
  private var state: UInt64

  /// A generator that begins at `seed`.
  public init(seed: UInt64) { state = seed }

  /// The next number.
  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
