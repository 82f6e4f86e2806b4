// A file system of ours that stands for a node's folder, for nodes that no shim can be preloaded into.
// Here: starting it and ending it. Not here: what it does (gauntlet-disk/disk.c, CShim/shim.c).

import Glibc
import Synchronization

/// `gauntlet-disk` on a host, between a node and its files. What a shim does to the disk of a process it does
/// to whoever uses the file system, steered by the same page.
public final class DiskServer: Sendable {
  /// Where the node finds its files.
  public let path: String
  private let host: any Host
  private let key: String
  private let server: BackgroundProcess
  private let state: Mutex<State>

  private enum State { case serves, isEnding, hasEnded }

  /// The program, beside the running executable.
  ///
  /// - Throws: `HostError.noProgram` when it is not there.
  public static func program() throws(HostError) -> String {
    let path = OwnProgram.sibling("gauntlet-disk")
    guard access(path, X_OK) == 0 else { throw .noProgram(path: path) }
    return path
  }

  /// Mounts it at `path` over `data`, both on `host`; `shim` steers it, and what it says goes to `log`.
  ///
  /// - Throws: `HostError.refused` with its own words when the host does not let it.
  public init(
    at path: String, over data: String, shim: any ShimSteering, on host: any Host, log: String
  ) async throws {
    self.path = path
    self.host = host
    key = "disk \(path)"
    try await host.makeFolder(path)
    try await host.note(key, .unmount(path))
    var command = Command(host.place(of: try Self.program()), [data, path])
    command.environment = try await shim.variables()
    // It has the shim in it.
    command.environment["LD_PRELOAD"] = nil
    server = try await BackgroundProcess(command, on: host, log: log)
    state = Mutex(.serves)
    Task { [weak self, process = server.process] in
      _ = await process.exit
      self?.state.withLock { if $0 == .serves { $0 = .hasEnded } }
    }
    do {
      try await waitUntilMounted(shim, log)
    } catch {
      await end()
      throw error
    }
  }

  private func waitUntilMounted(_ shim: any ShimSteering, _ log: String) async throws {
    for _ in 0..<400 {
      if try await shim.look().calls.mounts > 0 { return }
      if try await host.schedulerState(of: server.process.pid) == nil { break }
      try await Task.sleep(for: .milliseconds(5))
    }
    let said = try? await host.run(Command("tail", ["-n", "1", log]), deadline: .seconds(5))
    let reason = said?.text.split(whereSeparator: \.isNewline).last.map(String.init)
    throw HostError.refused(
      host: host.name, reason: "no file system can be mounted: \(reason ?? "it does not come up")")
  }

  /// Whether it ended though nobody ended it: the node has had no disk since.
  public var hasEndedItself: Bool { state.withLock { $0 == .hasEnded } }

  /// Unmounts it and waits until its process is gone; whoever uses it has ended.
  public func end() async {
    state.withLock { if $0 == .serves { $0 = .isEnding } }
    do {
      try await server.end(patience: .seconds(3))
      _ = try await host.run(Command("rmdir", ["--", path]), deadline: .seconds(10))
      try await host.undo(key)
    } catch {
      // The host is gone, and unmounts it by itself.
    }
  }
}
