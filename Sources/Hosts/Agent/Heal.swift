// Undoing what any run left on this machine, when nothing of it is left to do so itself.

import FoundationEssentials
import Glibc

/// What became of the rest of one run on one machine.
public struct HealReport: Codable, Sendable, Equatable {
  /// What became of it.
  public enum Outcome: String, Codable, Sendable {
    /// All is undone.
    case healed
    /// Its controller is alive: the run goes on, and was left alone.
    case alive
    /// Something is left.
    case failed
  }

  /// The run.
  public var run: String
  /// What became of it.
  public var outcome: Outcome
  /// What was undone.
  public var undone: [String]
  /// What could not be, and why.
  public var failures: [String]
}

/// Undoes what runs left on this machine.
public enum Heal {
  /// A controller renews its lease five times as often as it must.
  private static func isAlive(_ status: WatchdogStatus) -> Bool {
    status.silentSeconds < status.leaseSeconds / 2
  }

  /// Heals what every run left. To be called by a process of one thread.
  ///
  /// - Parameter ends: whether runs that go on are ended as well.
  public static func all(ends: Bool) -> [HealReport] {
    LedgerFolder.all.map { heal($0, ends: ends) }
  }

  private static func heal(_ folder: LedgerFolder, ends: Bool) -> HealReport {
    let run = folder.path.split(separator: "/").last.map(String.init) ?? ""
    var report = HealReport(run: run, outcome: .healed, undone: [], failures: [])
    if let watchdog = HostWatchdog.connect(to: folder) {
      defer { close(watchdog) }
      guard case .status(let status)? = ask(.status, watchdog) else {
        report.outcome = .failed
        report.failures = ["its watchdog does not answer"]
        return report
      }
      guard ends || !isAlive(status) else {
        report.outcome = .alive
        return report
      }
      report.undone = status.noted + status.running.map { "process \($0)" }
      _ = ask(.end, watchdog)
      let end = Moment.now + 20
      while Moment.now < end, access(folder.path, F_OK) == 0 { usleep(20_000) }
      guard access(folder.path, F_OK) != 0 else {
        report.outcome = .failed
        report.failures = ["its watchdog does not end; read \(folder.log)"]
        return report
      }
      return report
    }
    return healWithoutWatchdog(folder, &report)
  }

  private static func healWithoutWatchdog(
    _ folder: LedgerFolder, _ report: inout HealReport
  ) -> HealReport {
    var ledger = Ledger(reading: folder)
    for (process, beganAt) in ledger.processes {
      guard let found = ProcessTable.look(process), found.beganAt == beganAt, found.state != "Z"
      else { continue }
      kill(-process, SIGKILL)
      kill(process, SIGKILL)
      report.undone.append("process \(process)")
    }
    do throws(LedgerError) {
      try ledger.open()
    } catch {
      report.failures.append("\(error)")
    }
    let (undone, failures) = ledger.undoAll()
    report.undone += undone
    report.failures += failures
    if report.failures.isEmpty { folder.remove() } else { report.outcome = .failed }
    return report
  }

  /// A request to a watchdog, and its answer; nil when none comes in time.
  private static func ask(_ request: WatchdogRequest, _ descriptor: CInt) -> AgentAnswer.Body? {
    writeAll(AgentLine.encode(AgentRequest(id: 1, .watchdog(request))), to: descriptor)
    var splitter = LineSplitter()
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    let end = Moment.now + 5
    while Moment.now < end {
      var watched = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&watched, 1, 100) > 0 else { continue }
      let count = read(descriptor, &buffer, buffer.count)
      guard count > 0, let lines = splitter.take(buffer[..<count]) else { return nil }
      for line in lines {
        if let answer = AgentLine.decode(AgentAnswer.self, line), answer.id == 1 {
          return answer.body
        }
      }
    }
    return nil
  }
}
