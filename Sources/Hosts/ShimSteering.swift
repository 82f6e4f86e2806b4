// Steering a shim wherever it is: in a lab, or on a machine that an agent is on.

/// What is asked of a shim.
public enum ShimRequest: Codable, Sendable, Equatable {
  /// The variables for a process that is about to begin.
  case prepare
  /// What went through it.
  case calls
  /// Syncs, writes and reads fail with these errnos; 0 for none.
  case fail(syncs: Int32, writes: Int32, reads: Int32)
  /// Syncs take longer.
  case stallSyncs(Duration)
  /// The process ends itself after so many more syncs; 0 for never.
  case kill(afterSyncs: Int)
  /// The process ends itself at so many writes from now; 0 for never.
  case killAtWrite(Int)
  /// The clock that can be set is off.
  case realTime(off: Duration)
  /// It jumps back and forth.
  case strobe(by: Duration, each: Duration)
  /// All clocks go so many times as fast.
  case rate(Double)
  /// What the process, which has ended, did not sync is taken back but for a part.
  case loseUnsynced(keeping: Double)
}

/// What a shim answers.
public enum ShimAnswer: Codable, Sendable, Equatable {
  /// It is so.
  case done
  /// Variables for a process.
  case variables([String: String])
  /// What went through it, and whether syncs fail now.
  case calls(Shim.Calls, failsSyncs: Bool)
  /// What was taken back.
  case lost(files: Int, bytes: Int)
}

/// A shim that can be asked. What each does, `Shim` says.
public protocol ShimSteering: Sendable {
  /// Asks, and waits for the answer.
  func ask(_ request: ShimRequest) async throws(HostError) -> ShimAnswer
}

extension ShimSteering {
  private func order(_ request: ShimRequest) async throws(HostError) {
    guard case .done = try await ask(request) else { throw Self.badAnswer }
  }

  private static var badAnswer: HostError { .badAnswer(host: "a shim", command: "shim") }

  /// `command` with the shim in it, for the next process; the one before has ended.
  public func preloaded(into command: Command) async throws(HostError) -> Command {
    var command = command
    command.environment.merge(try await variables()) { $1 }
    return command
  }

  /// What the environment of a process must say that is to be steered by it.
  func variables() async throws(HostError) -> [String: String] {
    guard case .variables(let variables) = try await ask(.prepare) else { throw Self.badAnswer }
    return variables
  }

  /// What went through it since the page was made, and whether syncs fail now.
  public func look() async throws(HostError) -> (calls: Shim.Calls, failsSyncs: Bool) {
    guard case .calls(let calls, let failsSyncs) = try await ask(.calls) else {
      throw Self.badAnswer
    }
    return (calls, failsSyncs)
  }

  /// What fsync and fdatasync, writes and reads of files fail with: an errno, 0 for nothing.
  public func fail(
    syncs: Int32 = 0, writes: Int32 = 0, reads: Int32 = 0
  ) async throws(HostError) {
    try await order(.fail(syncs: syncs, writes: writes, reads: reads))
  }

  /// So much longer fsync and fdatasync take.
  public func stallSyncs(_ time: Duration) async throws(HostError) {
    try await order(.stallSyncs(time))
  }

  /// The process ends itself after so many more syncs; 0 for never.
  public func kill(afterSyncs count: Int) async throws(HostError) {
    try await order(.kill(afterSyncs: count))
  }

  /// The process ends itself at so many writes from now; 0 for never.
  public func kill(atWrite count: Int) async throws(HostError) {
    try await order(.killAtWrite(count))
  }

  /// Sets the clock that can be set so far off, from now on.
  public func setRealTime(off time: Duration) async throws(HostError) {
    try await order(.realTime(off: time))
  }

  /// Lets the clock that can be set jump back and forth.
  public func strobeRealTime(
    by amplitude: Duration, each period: Duration
  ) async throws(HostError) {
    try await order(.strobe(by: amplitude, each: period))
  }

  /// Lets all clocks go so many times as fast, from now on.
  public func setRate(_ rate: Double) async throws(HostError) { try await order(.rate(rate)) }

  /// Takes back what the process, which has ended, wrote and did not sync.
  public func loseUnsynced(
    keeping kept: Double
  ) async throws(HostError) -> (files: Int, bytes: Int) {
    guard case .lost(let files, let bytes) = try await ask(.loseUnsynced(keeping: kept)) else {
      throw Self.badAnswer
    }
    return (files, bytes)
  }
}

extension Shim: ShimSteering {
  /// Does it at once.
  public func ask(_ request: ShimRequest) throws(HostError) -> ShimAnswer {
    switch request {
    case .prepare: return .variables(prepare())
    case .calls: return .calls(calls, failsSyncs: failsSyncs)
    case .fail(let syncs, let writes, let reads):
      fail(syncs: syncs, writes: writes, reads: reads)
    case .stallSyncs(let time): stallSyncs(time)
    case .kill(let count): kill(afterSyncs: count)
    case .killAtWrite(let count): kill(atWrite: count)
    case .realTime(let time): setRealTime(off: time)
    case .strobe(let amplitude, let period): strobeRealTime(by: amplitude, each: period)
    case .rate(let rate): setRate(rate)
    case .loseUnsynced(let kept):
      let lost = try loseUnsynced(keeping: kept)
      return .lost(files: lost.files, bytes: lost.bytes)
    }
    return .done
  }
}
