// One long-lived process: its exit, awaited, and signals that can't hit another process.
// Not here: starting and reaping it (LocalHost.swift).

import CLinux
import Dispatch
import Glibc
import Synchronization

/// A long-lived process of a node. Valid for ever: after the process ended, `signal` does nothing
/// and `exit` goes on telling how it ended.
///
/// Signals go through a pidfd. That of swift-subprocess is closed when the process is reaped, so
/// this handle has a duplicate, closed as soon as the exit is seen; and the exit is seen before
/// the process is reaped, since only a process not reaped can tell whether it dumped core.
public final class ProcessHandle: NodeProcess {
  /// Its number in the lab's process namespace; also its process group's.
  public let pid: Int32
  private let host: String
  private let state: Mutex<State>

  private enum State {
    case running(pidfd: CInt, waiting: [CheckedContinuation<Ending, Never>])
    case ended(Ending)
  }

  private struct Ending {
    var status: ExitStatus
    var processorSeconds: Double
  }

  /// Watches the child behind `pidfd`, which is duplicated.
  init(host: String, pid: Int32, pidfd: CInt) throws(HostError) {
    let own = fcntl(pidfd, F_DUPFD_CLOEXEC, 0)
    guard own >= 0 else {
      let reason = "no pidfd (\(String(cString: strerror(errno)))); Linux 5.4 is needed"
      throw .cannotStart(host: host, command: "process \(pid)", reason: reason)
    }
    self.pid = pid
    self.host = host
    state = Mutex(.running(pidfd: own, waiting: []))
    // A pidfd becomes readable when its process ends. Dispatch polls it on a thread of its own.
    // The source and this handle hold each other until it is cancelled, which is once, at the exit.
    let watcher = DispatchSource.makeReadSource(
      fileDescriptor: own, queue: DispatchQueue(label: "gauntlet.exit.\(pid)"))
    watcher.setEventHandler {
      if self.noteExit() { watcher.cancel() }
    }
    watcher.setCancelHandler { close(own) }
    watcher.activate()
  }

  /// How the process ended, once it has. Doesn't mind cancellation: that kills the process, so
  /// the wait is short.
  public var exit: ExitStatus { get async { await ending.status } }

  /// Processor time that the process and its children took, once it has ended.
  public var processorSeconds: Double? { get async { await ending.processorSeconds } }

  private var ending: Ending {
    get async {
      await withCheckedContinuation { continuation in
        let known: Ending? = state.withLock { state in
          switch state {
          case .running(let pidfd, let waiting):
            state = .running(pidfd: pidfd, waiting: waiting + [continuation])
            return nil
          case .ended(let ending):
            return ending
          }
        }
        if let known { continuation.resume(returning: known) }
      }
    }
  }

  /// Sends a signal to this process and to no other, even if its number was given to another.
  ///
  /// - Returns: whether the process was still running.
  /// - Throws: `HostError.signal` when the kernel refuses.
  @discardableResult
  public func signal(_ signal: Signal) throws(HostError) -> Bool {
    let error: CInt? = state.withLock { state in
      switch state {
      case .ended:
        return nil
      case .running(let pidfd, waiting: _):
        var exit = cl_exit()
        // The watcher may not have come round yet.
        guard cl_peek_exit(pidfd, &exit) == 0 else { return errno }
        if exit.ended { return nil }
        return cl_pidfd_signal(pidfd, signal.rawValue) == 0 ? 0 : errno
      }
    }
    guard let error, error != ESRCH else { return false }
    if error == 0 { return true }
    let reason = String(cString: strerror(error))
    throw .signal(host: host, signal: signal, process: pid, reason: reason)
  }

  /// Kills the process with all of its group that is left. To be called only before it is reaped,
  /// when no other group can have its number.
  func killGroup() {
    kill(-pid, SIGKILL)
  }

  /// Returns whether the process has ended.
  private func noteExit() -> Bool {
    var waiting: [CheckedContinuation<Ending, Never>] = []
    let ending: Ending? = state.withLock { state in
      guard case .running(let pidfd, let continuations) = state else {
        preconditionFailure("the exit of process \(pid) was seen twice")
      }
      var exit = cl_exit()
      let result = cl_peek_exit(pidfd, &exit)
      precondition(result == 0, "process \(pid) was reaped by somebody else: errno \(errno)")
      if !exit.ended { return nil }
      let status: ExitStatus =
        exit.signalled
        ? .signalled(exit.code, coreDumped: exit.core_dumped) : .exited(exit.code)
      waiting = continuations
      let ending = Ending(
        status: status, processorSeconds: Double(exit.processor_nanoseconds) / 1e9)
      state = .ended(ending)
      return ending
    }
    guard let ending else { return false }
    for continuation in waiting { continuation.resume(returning: ending) }
    return true
  }
}
