// gauntlet serve: pages over a store's index and its run folders.
// Here: the server's life. Not here: what is at which address (Routes.swift), who may ask (Gate.swift).

import Bench
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle

/// The pages over a store: its runs, its campaigns, and the runs that are at work.
///
/// All that it shows comes from the store; the system under test is not asked.
public struct Dashboard: Sendable {
  /// Where run folders and the index lie.
  public var store: String
  /// The address that is listened at.
  public var host = "127.0.0.1"
  /// The port there; 0 for any that is free.
  public var port = 8420
  /// What a caller must know; nil lets in whoever reaches the address.
  public var token: String?
  /// Whether runs can be removed.
  public var isWritable = false

  /// The pages of `store`, for this machine alone until told otherwise.
  public init(store: String) { self.store = store }

  /// Whether `host` is reached from this machine alone.
  public var isLocal: Bool { ["127.0.0.1", "::1", "localhost"].contains(host) }

  /// Serves until the process is told to end (SIGINT, SIGTERM).
  ///
  /// - Parameter ready: called once, with the address of the first page.
  /// - Throws: `BenchError` when the store cannot be opened, or the address not be listened at.
  public func run(ready: @escaping @Sendable (String) -> Void) async throws {
    let pages = Pages(
      index: try RunShelf(store: store), drawings: try RunShelf(store: store),
      isWritable: isWritable)
    var logger = Logger(label: "gauntlet.dashboard")
    logger.logLevel = .error
    let gate = Gate(token: token, isLocal: isLocal, isWritable: isWritable)
    let application = Application(
      router: Routes(pages: pages, gate: gate).router(),
      // Whoever sends nothing is not waited for.
      server: .http1(configuration: .init(idleTimeout: .seconds(60))),
      configuration: .init(address: .hostname(host, port: port), serverName: nil),
      onServerRunning: { channel in
        ready("http://\(isLocal ? "localhost" : host):\(channel.localAddress?.port ?? port)/")
      }, logger: logger)
    var configuration = ServiceGroupConfiguration(
      services: [application], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
    // Nor is whoever still looks on at a run.
    configuration.maximumGracefulShutdownDuration = .seconds(1)
    do {
      try await ServiceGroup(configuration: configuration).run()
    } catch is CancellationError {
      // Told to end, with somebody looking on.
    } catch let error as IOError {
      throw BenchError(
        "\(host):\(port): \(error.description); choose another with --host and --port")
    }
  }
}
