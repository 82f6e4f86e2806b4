// What every part of a run is doing, and an end to whatever does not end.

import Dispatch
import FoundationEssentials
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// What each part of a run is doing right now, for the dump that explains a hang.
public final class Activity: Sendable {
  private struct Entry {
    var doing: String
    var since: ContinuousClock.Instant
  }

  private let entries = Mutex<[String: Entry]>([:])

  /// Nobody does anything yet.
  public init() {}

  /// `part` now does `doing`; nil when it is done.
  public func set(_ part: String, _ doing: String?) {
    entries.withLock { entries in
      entries[part] = doing.map { Entry(doing: $0, since: .now) }
    }
  }

  /// One line a part: what it does and for how long.
  public var dump: String {
    let now = ContinuousClock.now
    return entries.withLock { entries in
      entries.sorted { $0.key < $1.key }
        .map { part, entry in
          let seconds = (now - entry.since) / .seconds(1)
          return "  \(part): \(entry.doing), for \((seconds * 10).rounded() / 10) s\n"
        }.joined()
    }
  }
}

/// Ends the process when a phase takes longer than it ever should: a bench that hangs by night is
/// worse than one that fails.
///
/// It runs on a queue of its own, so it works when the cooperative pool is stuck. Ending this
/// process ends the lab, and with it every node, rule and interface.
public final class Watchdog: Sendable {
  private let queue = DispatchQueue(label: "watchdog")
  private let activity: Activity
  private let end: @Sendable (_ report: String) -> Void
  private let phase = Mutex<Int>(0)

  /// A watchdog that reports `activity`.
  ///
  /// - Parameter end: what is done with the report; by default it is said, and the process ends.
  public init(
    activity: Activity,
    end: @escaping @Sendable (_ report: String) -> Void = { report in
      FileHandleOutput.standardError.write(report)
      _exit(RunOutcome.benchFailure.exitCode)
    }
  ) {
    self.activity = activity
    self.end = end
  }

  /// Gives the phase that begins now `limit`, in place of the one before; `dump` is a file for the
  /// report.
  public func expect(_ name: String, within limit: Duration, dump path: String?) {
    let number = phase.withLock { phase in
      phase += 1
      return phase
    }
    queue.asyncAfter(deadline: .now() + limit / .seconds(1)) { [self] in
      guard phase.withLock({ $0 }) == number else { return }
      let report =
        "gauntlet: the phase \(name) did not end within \(limit.text); doing was:\n"
        + activity.dump
      if let path { try? Data(report.utf8).write(to: URL(filePath: path)) }  // it is said as well
      end(report)
    }
  }

  /// Expects nothing any more.
  public func rest() { phase.withLock { $0 += 1 } }
}

extension Duration {
  var text: String { "\(Int((self / .seconds(1)).rounded())) s" }
}

/// Standard error as raw bytes: progress must not wait in a buffer.
public struct FileHandleOutput: Sendable {
  /// Descriptor 2.
  public static let standardError = FileHandleOutput(descriptor: 2)
  private let descriptor: CInt

  /// Whether a person watches.
  public var isTerminal: Bool { isatty(descriptor) == 1 }

  /// How many columns the terminal has; nil when it does not say.
  public var columns: Int? {
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
    return Int(size.ws_col)
  }

  /// Writes `text`. What cannot be written is lost: there is nowhere left to say so.
  public func write(_ text: String) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }
}
