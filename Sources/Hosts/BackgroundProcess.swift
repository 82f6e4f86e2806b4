// A long-lived process of the bench's own on a host, such as tcpdump, that goes on beside everything else.

/// A process that runs until it is ended.
public struct BackgroundProcess: Sendable {
  /// The process.
  public let process: any NodeProcess
  private let supervisor: Task<Void, any Error>

  /// Starts `command` on `host`; what it writes is appended to `log` there.
  ///
  /// - Throws: `HostError` when it cannot be started, `HostError.refused` when it ended before it was seen.
  public init(_ command: Command, on host: any Host, log: String) async throws {
    let started = AsyncStream.makeStream(of: (any NodeProcess).self)
    let supervisor = Task {
      defer { started.continuation.finish() }
      _ = try await host.withProcess(command, log: log) { process in
        started.continuation.yield(process)
        _ = await process.exit
      }
    }
    // In a task of its own: one that is cancelled would be told of no process though there is one.
    guard let process = await Task(operation: { await started.stream.first { _ in true } }).value
    else {
      try await supervisor.value
      throw HostError.refused(
        host: host.name, reason: "\(command.executable) ended at once; read \(log)")
    }
    self.process = process
    self.supervisor = supervisor
  }

  /// Ends it with SIGTERM, or with SIGKILL after `patience`, and waits until it is gone.
  public func end(patience: Duration) async throws {
    try await process.signal(.terminate)
    let overdue = Task {
      try await Task.sleep(for: patience)
      try await process.signal(.kill)
    }
    _ = await process.exit
    overdue.cancel()
    try await supervisor.value
  }
}
