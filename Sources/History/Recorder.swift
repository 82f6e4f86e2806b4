// The recorder: gives every event its index and time, and gets it to the kernel in time.
// Here: one lock around stamp and buffer. Not here: what the events mean.

import Blocking
import FoundationEssentials
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// Appends a run's events to its history file as they happen.
///
/// Index and time are given under one lock, so both orders agree and are the real-time order.
/// Events wait in memory for at most `flushInterval` before they are handed to the kernel, which
/// keeps them when this process is killed.
public final class Recorder: Sendable {
  /// The longest an event waits before it is written; half of the 50 ms that are promised.
  public static let flushInterval = Duration.milliseconds(25)

  private struct State {
    var buffer: [UInt8] = []
    var nextIndex = 0
    var lastTime: Int64 = 0
    var counts = Counts()
  }

  private let state = Mutex(State())
  private let file: AppendedFile
  private let start: ContinuousClock.Instant

  /// How many operations ended how, by function.
  public struct Counts: Sendable, Equatable {
    /// By function: `ok`, `fail` and `info` completions.
    public var byFunction: [String: Outcomes] = [:]

    /// The completions of one function.
    public struct Outcomes: Sendable, Equatable {
      /// Completions that happened.
      public var ok = 0
      /// Completions that certainly did not happen.
      public var fail = 0
      /// Completions of unknown outcome.
      public var info = 0
      /// None yet.
      public init() {}
    }
  }

  /// Creates the history at `path`, which must not exist, and writes its header.
  ///
  /// - Throws: `HistoryError` when the file cannot be made.
  public init(path: String, header: Header) throws(HistoryError) {
    self.file = try AppendedFile(path: path)
    self.start = ContinuousClock.now
    state.withLock { JSONLines.append(header, to: &$0.buffer) }
  }

  /// Nanoseconds since the run began.
  public var now: Int64 { Self.nanoseconds(ContinuousClock.now - start) }

  /// The operations completed so far.
  public var counts: Counts { state.withLock { $0.counts } }

  /// Records an invocation; call it immediately before the request's first byte leaves.
  ///
  /// - Returns: its time.
  @discardableResult
  public func invoke(
    process: Int, function: String, key: String?, argument: Value, node: String?
  ) -> Int64 {
    append { index, time in
      Event(
        index: index, time: time, process: .client(process), type: .invoke, function: function,
        key: key, value: argument, node: node)
    }
  }

  /// Records a completion; call it right after the answer was read.
  ///
  /// - Returns: its time.
  @discardableResult
  public func complete(
    process: Int, function: String, key: String?, type: EventType, value: Value, node: String?,
    error: String? = nil, observed: Value? = nil
  ) -> Int64 {
    precondition(type != .invoke, "an invocation completes nothing")
    return append(counting: true) { index, time in
      var event = Event(
        index: index, time: time, process: .client(process), type: type, function: function,
        key: key, value: value, node: node, error: error)
      event.observed = observed
      return event
    }
  }

  /// Records one end of a fault with its evidence.
  ///
  /// - Returns: its time.
  @discardableResult
  public func fault(
    _ number: Int, kind: String, phase: FaultPhase, details: [Event.Detail]
  ) -> Int64 {
    append { index, time in
      var event = Event(
        index: index, time: time, process: .nemesis, type: .info, function: kind)
      event.fault = number
      event.phase = phase
      event.details = details
      return event
    }
  }

  private func append(
    counting: Bool = false, _ make: (_ index: Int, _ time: Int64) -> Event
  ) -> Int64 {
    state.withLock { state in
      // Two reads of the clock may be equal, never go back: intervals are closed.
      let time = max(now, state.lastTime)
      state.lastTime = time
      let event = make(state.nextIndex, time)
      state.nextIndex += 1
      JSONLines.append(event, to: &state.buffer)
      if counting { state.counts.add(event) }
      return time
    }
  }

  /// Hands everything recorded so far to the kernel.
  ///
  /// - Throws: `HistoryError` when the file cannot take it; nothing after that is kept.
  public func flush() async throws(HistoryError) {
    try await file.write { [self] in
      state.withLock { state in
        defer { state.buffer.removeAll(keepingCapacity: true) }
        return state.buffer
      }
    }
  }

  /// Flushes until cancelled, and once more then.
  ///
  /// - Throws: `HistoryError` when the file cannot take it.
  public func flushRegularly() async throws(HistoryError) {
    while !Task.isCancelled {
      try? await Task.sleep(for: Self.flushInterval)  // cut short by cancellation: then the end
      try await flush()
    }
  }

  private static func nanoseconds(_ duration: Duration) -> Int64 {
    let (seconds, attoseconds) = duration.components
    return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
  }
}

extension Recorder.Counts {
  fileprivate mutating func add(_ event: Event) {
    switch event.type {
    case .ok: byFunction[event.function, default: Outcomes()].ok += 1
    case .fail: byFunction[event.function, default: Outcomes()].fail += 1
    case .info: byFunction[event.function, default: Outcomes()].info += 1
    case .invoke: break
    }
  }
}

/// A file that only grows. Writing blocks, hence a queue of its own.
private actor AppendedFile {
  private let queue = QueueExecutor(label: "history")
  nonisolated var unownedExecutor: UnownedSerialExecutor { queue.asUnownedSerialExecutor() }
  private let path: String
  private let descriptor: CInt

  init(path: String) throws(HistoryError) {
    descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o644)
    self.path = path
    guard descriptor >= 0 else {
      throw HistoryError(
        file: path, reason: .file("cannot be made: \(String(cString: strerror(errno)))"))
    }
  }

  deinit { close(descriptor) }

  /// Takes the bytes on this actor, so that two callers cannot swap their order.
  func write(_ take: @Sendable () -> [UInt8]) throws(HistoryError) {
    let bytes = take()
    var written = 0
    while written < bytes.count {
      let count = bytes[written...].withUnsafeBytes {
        Glibc.write(descriptor, $0.baseAddress, $0.count)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        throw HistoryError(
          file: path,
          reason: .file("cannot be written: \(String(cString: strerror(errno))); make room"))
      }
      written += count
    }
  }
}
