// What one worker does next: seeded, and the same for the same seed and the same answers.

import History
import Hosts
import Synchronization

/// A call that a worker is about to make.
public struct Invocation: Equatable, Sendable {
  /// `read`, `write` or `cas`.
  public var function: Function
  /// The key.
  public var key: String
  /// Its argument, as the history has it.
  public var argument: Value

  /// The functions of a register.
  public enum Function: String, Sendable, CaseIterable {
    /// Returns the value.
    case read
    /// Replaces the value.
    case write
    /// Replaces the value if it is the expected one.
    case cas
  }

  /// A call of `function` on `key`.
  public init(function: Function, key: String, argument: Value) {
    self.function = function
    self.key = key
    self.argument = argument
  }
}

/// What any worker last saw of each key: the expectation of the next compare-and-set. Shared,
/// because what one worker saw alone is mostly out of date when it comes to use it.
public final class LastSeen: Sendable {
  private let values = Mutex<[String: Value]>([:])

  /// Nobody has seen anything yet.
  public init() {}

  /// Remembers that `key` held `value`.
  public func note(_ value: Value, of key: String) { values.withLock { $0[key] = value } }

  /// What `key` was last seen to hold.
  public func value(of key: String) -> Value { values.withLock { $0[key] } ?? .absent }
}

/// The calls of one worker.
public struct RegisterGenerator: Sendable {
  private let load: RegisterLoad
  private let worker: Int
  private let workers: Int
  private var random: SplitMix64
  private var written = 0
  private let lastSeen: LastSeen

  /// The calls of `worker` among `workers`, fixed by `seed` and by what was seen.
  public init(
    load: RegisterLoad, worker: Int, workers: Int, seed: UInt64, lastSeen: LastSeen
  ) {
    self.lastSeen = lastSeen
    self.load = load
    self.worker = worker
    self.workers = workers
    random = SplitMix64(seed: seed, part: UInt64(worker))
  }

  /// The next call.
  public mutating func next() -> Invocation {
    let key = "\(Int.random(in: 0..<load.keys, using: &random))"
    let mix = load.mix
    let draw = Int.random(in: 0..<(mix.read + mix.write + mix.cas), using: &random)
    if draw < mix.read { return Invocation(function: .read, key: key, argument: .absent) }
    let value = nextValue()
    if draw < mix.read + mix.write {
      return Invocation(function: .write, key: key, argument: value)
    }
    return Invocation(
      function: .cas, key: key, argument: .list([lastSeen.value(of: key), value]))
  }

  /// How long to wait before the next call, so that all workers together make `rate` a second:
  /// between nothing and twice the mean, so that they do not march in step.
  public mutating func pause(rate: Double) -> Duration {
    .seconds(Double.random(in: 0...2, using: &random) * Double(workers) / rate)
  }

  private mutating func nextValue() -> Value {
    switch load.values {
    case .unique:
      written += 1
      return .integer(Int64(written * workers + worker))
    case .upTo(let count): return .integer(Int64.random(in: 1...Int64(count), using: &random))
    }
  }
}
